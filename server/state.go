package server

import (
	"encoding/json"
	"fmt"
	"sync"

	"github.com/neurondex/neurondex/internal/query"
	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/registry/viewer"
)

// A state is a snapshot, and what is computed once about it.
type state struct {
	snapshot *registry.Snapshot
	view     *query.View
	tags     *tags // of what depends on the content alone
	list     *body // of every dataset
	metadata *body
	// The tags of metadata, which leaves out datasets if [Options.ViewerSafe] is set.
	metadataTags *tags
	event        func() []byte // the event snapshot

	mu    sync.Mutex
	pages map[query.Query]*body // with a limit; at most maxPages
}

// maxPages is the number of pages that a state keeps.
const maxPages = 64

// state returns the current state. Requests share it until the registry changes.
func (h *Handler) state() *state {
	for {
		// A state that is loaded first is not newer than the snapshot.
		current := h.current.Load()
		s := h.reader.Snapshot()
		if current != nil && current.snapshot == s {
			return current
		}
		if next := h.newState(s); h.current.CompareAndSwap(current, next) {
			return next
		}
	}
}

func (h *Handler) newState(s *registry.Snapshot) *state {
	hash := s.Hash().String()
	st := &state{snapshot: s, view: query.Of(s), tags: newTags(hash), pages: make(map[query.Query]*body)}
	st.list = newBody("application/json", func() []byte {
		b := fmt.Appendf(nil, `{"hash":%q,"datasets":[`, hash)
		return append(appendAll(b, s, appendDataset), "]}\n"...)
	})
	st.metadataTags = st.tags
	if h.options.ViewerSafe {
		st.metadataTags = newTags(hash + "-viewer")
	}
	st.metadata = newBody("application/json", func() []byte {
		b := appendAll([]byte{'['}, s, func(b []byte, d registry.Dataset) []byte {
			if h.isHidden(d) {
				return b
			}
			return viewer.AppendMetadata(b, d)
		})
		return append(b, "]\n"...)
	})
	st.event = sync.OnceValue(func() []byte { return snapshotEvent(s) })
	return st
}

// appendAll appends the datasets of a snapshot, separated by commas. An item that appends
// nothing is left out.
func appendAll(b []byte, s *registry.Snapshot, item func([]byte, registry.Dataset) []byte) []byte {
	start := len(b)
	for d := range s.All() {
		n := len(b)
		if n > start {
			b = append(b, ',')
		}
		with := item(b, d)
		if len(with) == len(b) {
			with = with[:n]
		}
		b = with
	}
	return b
}

func appendDataset(b []byte, d registry.Dataset) []byte { return d.AppendJSON(b) }

// page returns the body of the page that a query selects, which [query.View.Check] accepts.
func (st *state) page(q query.Query) *body {
	st.mu.Lock()
	defer st.mu.Unlock()
	b := st.pages[q]
	if b == nil {
		b = newBody("application/json", func() []byte {
			p, _ := st.view.Page(q)
			return appendDatasets(st.snapshot, p.Datasets, p.Next)
		})
		if q.Limit > 0 && len(st.pages) < maxPages {
			st.pages[q] = b
		}
	}
	return b
}

// appendDatasets returns the body of a list of datasets.
func appendDatasets(s *registry.Snapshot, datasets []registry.Dataset, next string) []byte {
	b := fmt.Appendf(nil, `{"hash":"%v","datasets":[`, s.Hash())
	for i, d := range datasets {
		if i > 0 {
			b = append(b, ',')
		}
		b = d.AppendJSON(b)
	}
	b = append(b, ']')
	if next != "" {
		b = fmt.Appendf(b, `,"next":%q`, next) // letters, digits, - and _
	}
	return append(b, "}\n"...)
}

// snapshotEvent returns the event that describes a whole state.
func snapshotEvent(s *registry.Snapshot) []byte {
	documents := 0
	for range s.Documents() {
		documents++
	}
	b, _ := json.Marshal(snapshotMessage{"snapshot", s.Hash(), s.Len(), documents})
	return b
}

// A snapshotMessage is the event of a whole state.
type snapshotMessage struct {
	Type      string        `json:"type"`
	Hash      registry.Hash `json:"hash"`
	Datasets  int           `json:"datasets"`
	Documents int           `json:"documents"`
}
