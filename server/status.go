package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/neurondex/neurondex/watcher"
)

// A status is the body of /v1/status.
type status struct {
	watcher.Status
	HiddenFromViewer int `json:"hiddenFromViewer"` // 0 unless viewer-safe
}

// status responds with the state of the registry and of every document.
//
//	curl http://127.0.0.1:8000/v1/status
func (h *Handler) status(w http.ResponseWriter, _ *http.Request) {
	s := h.reader.Snapshot()
	body := status{Status: watcher.Status{
		Ready: true, Generation: s.Generation(), Hash: s.Hash(), Datasets: s.Len(), Documents: []watcher.DocumentStatus{},
	}}
	if h.options.Status != nil {
		body.Status = h.options.Status()
	}
	if h.options.ViewerSafe {
		for d := range s.All() {
			if h.isHidden(d) {
				body.HiddenFromViewer++
			}
		}
	}
	b, err := json.Marshal(body)
	if err != nil {
		writeError(w, err)
		return
	}
	writeJSON(w, http.StatusOK, append(b, '\n'))
}

// reloadTimeout is how long a reload waits for files that are changing.
const reloadTimeout = 30 * time.Second

// reload reads everything again and accepts a held change. It responds once that is
// served, or with why some of it is not.
//
//	curl -X POST http://127.0.0.1:8000/-/reload
func (h *Handler) reload(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), reloadTimeout)
	defer cancel()
	if err := h.options.Reload(ctx); err != nil {
		writeError(w, err)
		return
	}
	s := h.reader.Snapshot()
	writeJSON(w, http.StatusOK, fmt.Appendf(nil, `{"generation":%d,"hash":"%v","datasets":%d}`+"\n", s.Generation(), s.Hash(), s.Len()))
}

func (h *Handler) healthz(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, []byte(`{"status":"ok"}`+"\n"))
}

func (h *Handler) readyz(w http.ResponseWriter, _ *http.Request) {
	if h.draining.Load() {
		writeError(w, errDraining)
		return
	}
	if h.options.CheckHealth != nil {
		if err := h.options.CheckHealth(); errors.Is(err, watcher.ErrNotReady) {
			writeError(w, err)
			return
		}
	}
	writeJSON(w, http.StatusOK, []byte(`{"status":"ready"}`+"\n"))
}
