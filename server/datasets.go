package server

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/registry/viewer"
)

// A body is the body of a response that is valid for one snapshot.
type body struct {
	snapshot *registry.Snapshot
	json     []byte
}

// metadata responds with the four required fields of every dataset, as the Transformer
// Debugger's own server does.
//
//	curl -X POST http://127.0.0.1:8000/neuron_datasets_metadata
func (h *Handler) metadata(w http.ResponseWriter, r *http.Request) {
	h.serveList(w, r, &h.metadataBody, func(s *registry.Snapshot) []byte {
		return appendList(nil, s, h.isHidden, viewer.AppendMetadata)
	})
}

// list responds with every dataset, the generation, and the hash of the content.
//
//	curl http://127.0.0.1:8000/v1/datasets
func (h *Handler) list(w http.ResponseWriter, r *http.Request) {
	h.serveList(w, r, &h.listBody, func(s *registry.Snapshot) []byte {
		b := fmt.Appendf(nil, `{"generation":%d,"hash":"%v","datasets":`, s.Generation(), s.Hash())
		return append(appendList(b, s, func(registry.Dataset) bool { return false }, appendDataset), '}')
	})
}

func appendDataset(b []byte, d registry.Dataset) []byte { return d.AppendJSON(b) }

// isHidden reports whether a dataset is left out for the public neuron viewer.
func (h *Handler) isHidden(d registry.Dataset) bool {
	if !h.options.ViewerSafe {
		return false
	}
	_, fault := viewer.Fault(d.Key())
	return fault != ""
}

func appendList(b []byte, s *registry.Snapshot, leaveOut func(registry.Dataset) bool, item func([]byte, registry.Dataset) []byte) []byte {
	b = append(b, '[')
	first := true
	for d := range s.All() {
		if leaveOut(d) {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = item(b, d)
	}
	return append(b, ']')
}

func (h *Handler) serveList(w http.ResponseWriter, r *http.Request, cache *atomic.Pointer[body], render func(*registry.Snapshot) []byte) {
	s := h.reader.Snapshot()
	b := cache.Load()
	if b == nil || b.snapshot != s {
		b = &body{s, append(render(s), '\n')}
		cache.Store(b) // of two stored at once, either is valid
	}
	// The generation is part of the tag because it is part of the body, and may differ
	// between processes with the same content.
	etag := `"` + strconv.FormatUint(s.Generation(), 10) + "-" + s.Hash().String() + `"`
	w.Header().Set("ETag", etag)
	w.Header().Set("Cache-Control", "no-cache")
	if r.Method != http.MethodPost && matches(r.Header.Get("If-None-Match"), etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	writeJSON(w, http.StatusOK, b.json)
}

// matches reports whether an If-None-Match header names a tag.
func matches(header, etag string) bool {
	for tag := range strings.SplitSeq(header, ",") {
		if tag = strings.TrimSpace(tag); tag == "*" || strings.TrimPrefix(tag, "W/") == etag {
			return true
		}
	}
	return false
}

// dataset responds with one dataset, or with 404 and the available ones.
//
//	curl http://127.0.0.1:8000/v1/datasets/gpt2-small/mlp_post_act
func (h *Handler) dataset(w http.ResponseWriter, r *http.Request) {
	t := registry.DerivedScalarType(r.PathValue("derived_scalar_type"))
	d, err := h.reader.Snapshot().Get(r.PathValue("short_name"), t)
	if err != nil {
		writeError(w, err)
		return
	}
	writeJSON(w, http.StatusOK, append(d.AppendJSON(nil), '\n'))
}
