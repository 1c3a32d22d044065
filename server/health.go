package server

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/neurondex/neurondex/internal/changes"
	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/watcher"
)

// healthz responds while the process does.
//
//	curl http://127.0.0.1:8000/healthz
func (h *Handler) healthz(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, []byte(`{"status":"ok"}`+"\n"))
}

// readyz responds with 200 once the datasets are loaded, until the server is to stop. It stays
// ready through invalid reloads.
//
//	curl http://127.0.0.1:8000/readyz
func (h *Handler) readyz(w http.ResponseWriter, r *http.Request) {
	var err error
	switch {
	case h.isDraining():
		err = errDraining
	case h.options.CheckHealth != nil:
		if health := h.options.CheckHealth(); errors.Is(health, watcher.ErrNotReady) {
			err = health
		}
	}
	if err != nil {
		h.fail(w, r, err)
		return
	}
	writeJSON(w, []byte(`{"status":"ready"}`+"\n"))
}

var errCrossOrigin = errors.New("pages of another origin cannot reload")

// reloadTimeout is how long a reload waits for files that are changing.
const reloadTimeout = 30 * time.Second

// A reloaded is the body of the response to a reload.
type reloaded struct {
	Generation uint64         `json:"generation"`
	Hash       registry.Hash  `json:"hash"`
	Datasets   int            `json:"datasets"`
	Counts     changes.Counts `json:"counts" doc:"How many datasets changed while it took place."`
	Added      []registry.Key `json:"added"`
	Updated    []registry.Key `json:"updated"`
	Removed    []registry.Key `json:"removed"`
	Truncated  bool           `json:"truncated,omitempty" doc:"The lists are not complete; the counts are."`
}

// reload reads everything again and accepts a held change. It responds once that is served,
// with what changed, or with why some of it is not served.
//
//	curl -X POST http://127.0.0.1:8000/-/reload
func (h *Handler) reload(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), reloadTimeout)
	defer cancel()
	before := h.reader.Snapshot()
	if err := h.options.Reload(ctx); err != nil {
		h.fail(w, r, err)
		return
	}
	after := h.reader.Snapshot()
	c := changes.Of(registry.Update{Before: before, After: after})
	// Strings and numbers always marshal.
	b, _ := json.Marshal(reloaded{after.Generation(), after.Hash(), after.Len(), c.Counts, c.Added, c.Updated, c.Removed, c.Truncated})
	writeJSON(w, append(b, '\n'))
}

// sameOrigin refuses the pages of other origins: they must not reload a server that their
// readers can reach.
func (h *Handler) sameOrigin(next http.HandlerFunc) http.HandlerFunc {
	check := http.NewCrossOriginProtection()
	check.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.fail(w, r, errCrossOrigin) }))
	return check.Handler(next).ServeHTTP
}
