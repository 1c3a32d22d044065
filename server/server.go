package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/registry/viewer"
	"github.com/neurondex/neurondex/watcher"
	"github.com/rs/cors"
)

// Options change what [New] makes. The zero value is ready to use.
type Options struct {
	// CORSOrigins are allowed besides those of the local machine, like
	// "https://viewer.example".
	CORSOrigins []string
	// Status tells how the registry is kept up to date; with none it always is.
	Status func() watcher.Status
	// Reload reads everything again and returns once it is served: see
	// [watcher.Watcher.Reload]. With none there is no route /-/reload.
	Reload func(context.Context) error
	// ViewerSafe leaves out of /neuron_datasets_metadata, and of nothing else, what the
	// public neuron viewer cannot show: see [viewer.Fault]. One such dataset
	// keeps its home page blank.
	ViewerSafe bool
}

// localOrigin is where the public neuron viewer runs: any port of the machine itself.
var localOrigin = regexp.MustCompile(`^https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$`)

// maxRequestBytes is as much of a request's body as is read. No route needs any.
const maxRequestBytes = 1 << 20

// New returns a handler that answers from the current snapshot of a registry. It is
// safe for use by several goroutines.
func New(reg *registry.Registry, o Options) http.Handler {
	h := &handler{registry: reg, status: o.Status, reload: o.Reload, viewerSafe: o.ViewerSafe}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /neuron_datasets_metadata", h.metadata)
	mux.HandleFunc("GET /neuron_datasets_metadata", h.metadata)
	mux.HandleFunc("GET /v1/datasets", h.list)
	mux.HandleFunc("GET /v1/datasets/{short_name}/{derived_scalar_type}", h.dataset)
	mux.HandleFunc("GET /v1/status", h.statusOf)
	if o.Reload != nil {
		// Pages of other origins are not to reload a server that their reader can reach.
		own := http.NewCrossOriginProtection()
		own.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { writeError(w, errForeign) }))
		mux.Handle("POST /-/reload", own.Handler(http.HandlerFunc(h.reloaded)))
	}
	mux.HandleFunc("GET /healthz", h.healthy)
	mux.HandleFunc("GET /readyz", h.ready)

	allow := cors.New(cors.Options{
		AllowOriginFunc: func(origin string) bool {
			return localOrigin.MatchString(origin) || slices.Contains(o.CORSOrigins, origin)
		},
		AllowedMethods:   []string{http.MethodGet, http.MethodHead, http.MethodPost},
		AllowedHeaders:   []string{"*"},
		ExposedHeaders:   []string{"ETag"},
		AllowCredentials: true,
		MaxAge:           600,
	})
	return allow.Handler(http.MaxBytesHandler(answerPanics(mux), maxRequestBytes))
}

// answerPanics gives whoever asked an answer, and the log the panic.
func answerPanics(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p != nil && p != http.ErrAbortHandler { //nolint:errorlint // the value itself is panicked with
				slog.ErrorContext(r.Context(), "panic in a handler", "path", r.URL.Path, "panic", p)
				writeError(w, fmt.Errorf("internal error"))
			} else if p != nil {
				panic(p)
			}
		}()
		next.ServeHTTP(w, r)
	})
}

type handler struct {
	registry   *registry.Registry
	status     func() watcher.Status
	reload     func(context.Context) error
	viewerSafe bool
	// The last answers of the two lists, which are large and the same for as long as
	// the snapshot is.
	metadataBody, listBody atomic.Pointer[body]
}

// A body is an answer that holds for one snapshot.
type body struct {
	snapshot *registry.Snapshot
	json     []byte
}

// metadata answers with the four required fields of every dataset, as the Transformer
// Debugger's own server does.
//
//	curl -X POST http://127.0.0.1:8000/neuron_datasets_metadata
func (h *handler) metadata(w http.ResponseWriter, r *http.Request) {
	h.serveList(w, r, &h.metadataBody, func(s *registry.Snapshot) []byte {
		return appendList(nil, s, func(d registry.Dataset) bool { return h.viewerSafe && isHidden(d) }, viewer.AppendMetadata)
	})
}

// list answers with every dataset, the generation and the hash of the content.
//
//	curl http://127.0.0.1:8000/v1/datasets
func (h *handler) list(w http.ResponseWriter, r *http.Request) {
	h.serveList(w, r, &h.listBody, func(s *registry.Snapshot) []byte {
		b := fmt.Appendf(nil, `{"generation":%d,"hash":"%v","datasets":`, s.Generation(), s.Hash())
		return append(appendList(b, s, func(registry.Dataset) bool { return false }, appendDataset), '}')
	})
}

func appendDataset(b []byte, d registry.Dataset) []byte { return d.AppendJSON(b) }

// isHidden reports whether the public neuron viewer cannot show a dataset.
func isHidden(d registry.Dataset) bool {
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

func (h *handler) serveList(w http.ResponseWriter, r *http.Request, cache *atomic.Pointer[body], render func(*registry.Snapshot) []byte) {
	s := h.registry.Snapshot()
	b := cache.Load()
	if b == nil || b.snapshot != s {
		b = &body{s, append(render(s), '\n')}
		cache.Store(b) // whichever of two at once is stored last, both are right
	}
	// The generation belongs to it: the list says it, and it may differ between
	// processes that hold the same content.
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

// dataset answers with one dataset, or with 404 and the datasets that there are.
//
//	curl http://127.0.0.1:8000/v1/datasets/gpt2-small/mlp_post_act
func (h *handler) dataset(w http.ResponseWriter, r *http.Request) {
	t := registry.DerivedScalarType(r.PathValue("derived_scalar_type"))
	d, err := h.registry.Snapshot().Get(r.PathValue("short_name"), t)
	if err != nil {
		writeError(w, err)
		return
	}
	writeJSON(w, http.StatusOK, append(d.AppendJSON(nil), '\n'))
}

// reloaded reads everything again, takes what was held back, and answers once that is
// served: with what is, or with why not all of it is served as it stands.
//
//	curl -X POST http://127.0.0.1:8000/-/reload
func (h *handler) reloaded(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), reloadTimeout)
	defer cancel()
	if err := h.reload(ctx); err != nil {
		if !isCoded(err) {
			err = fmt.Errorf("%w: %w", errSource, err)
		}
		writeError(w, err)
		return
	}
	s := h.registry.Snapshot()
	writeJSON(w, http.StatusOK, fmt.Appendf(nil, `{"generation":%d,"hash":"%v","datasets":%d}`+"\n", s.Generation(), s.Hash(), s.Len()))
}

// reloadTimeout is how long a reload waits for files that are being written.
const reloadTimeout = 30 * time.Second

// A status is what /v1/status answers.
type status struct {
	Ready            bool             `json:"ready"`
	Generation       uint64           `json:"generation"`
	Hash             string           `json:"hash"`
	Datasets         int              `json:"datasets"`
	HiddenFromViewer int              `json:"hiddenFromViewer"` // 0 unless viewer-safe
	SourceError      string           `json:"sourceError,omitempty"`
	Held             string           `json:"held,omitempty"`
	LastLoad         *time.Time       `json:"lastLoad,omitempty"`
	LoadSeconds      float64          `json:"loadSeconds"`
	Reloads          uint64           `json:"reloads"`
	Source           *sourceStatus    `json:"source,omitempty"`
	Documents        []documentStatus `json:"documents"`
}

type sourceStatus struct {
	Mode        string    `json:"mode"`
	Alive       bool      `json:"alive"`
	LastScan    time.Time `json:"lastScan"`
	Events      uint64    `json:"events"`
	Overflows   uint64    `json:"overflows"`
	WatchErrors uint64    `json:"watchErrors"`
	Resyncs     uint64    `json:"resyncs"`
	Found       uint64    `json:"resyncsThatFoundAChange"`
}

type documentStatus struct {
	Name        string        `json:"name"`
	State       watcher.State `json:"state"`
	Since       time.Time     `json:"since"`
	Diagnostics []string      `json:"diagnostics,omitempty"`
}

// statusOf answers how the registry stands, and with it every document.
//
//	curl http://127.0.0.1:8000/v1/status
func (h *handler) statusOf(w http.ResponseWriter, _ *http.Request) {
	s := h.registry.Snapshot()
	answer := status{Ready: true, Generation: s.Generation(), Hash: s.Hash().String(), Datasets: s.Len(), Documents: []documentStatus{}}
	if h.viewerSafe {
		for d := range s.All() {
			if isHidden(d) {
				answer.HiddenFromViewer++
			}
		}
	}
	if h.status != nil {
		watched := h.status()
		answer.Ready, answer.LoadSeconds, answer.Reloads = watched.Ready, watched.LoadTook.Seconds(), watched.Reloads
		if watched.SourceErr != nil {
			answer.SourceError = watched.SourceErr.Error()
		}
		if watched.Held != nil {
			answer.Held = watched.Held.Error()
		}
		if !watched.LastLoad.IsZero() {
			answer.LastLoad = &watched.LastLoad
		}
		source := sourceStatus(watched.Source)
		answer.Source = &source
		for _, d := range watched.Documents {
			doc := documentStatus{Name: d.Name, State: d.State, Since: d.Since}
			for _, found := range d.Diagnostics {
				doc.Diagnostics = append(doc.Diagnostics, found.String())
			}
			answer.Documents = append(answer.Documents, doc)
		}
	}
	b, err := json.Marshal(answer)
	if err != nil {
		writeError(w, err)
		return
	}
	writeJSON(w, http.StatusOK, append(b, '\n'))
}

func (h *handler) healthy(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, []byte(`{"status":"ok"}`+"\n"))
}

func (h *handler) ready(w http.ResponseWriter, _ *http.Request) {
	if h.status != nil {
		if s := h.status(); !s.Ready {
			writeError(w, fmt.Errorf("%w: %w", errNotReady, orNothing(s.SourceErr)))
			return
		}
	}
	writeJSON(w, http.StatusOK, []byte(`{"status":"ready"}`+"\n"))
}

var (
	errForeign  = errors.New("a page of another origin cannot ask for a reload")
	errSource   = errors.New("the datasets cannot be looked at; what was loaded stays in service")
	errNotReady = errors.New("the datasets are not loaded yet")
	errNothing  = errors.New("nothing has been found so far")
)

func orNothing(err error) error {
	if err == nil {
		return errNothing
	}
	return err
}

// errorCodes maps errors to what HTTP calls them.
var errorCodes = []struct {
	err    error
	code   string
	status int
}{
	{registry.ErrNotFound, "not_found", http.StatusNotFound},
	{errNotReady, "not_ready", http.StatusServiceUnavailable},
	{context.DeadlineExceeded, "busy", http.StatusGatewayTimeout}, // goes before the documents that were waited for
	{watcher.ErrStale, "stale", http.StatusUnprocessableEntity},
	{watcher.ErrShrink, "held", http.StatusConflict},
	{watcher.ErrClosed, "closed", http.StatusServiceUnavailable},
	{errForeign, "cross_origin", http.StatusForbidden},
	{errSource, "source_unavailable", http.StatusServiceUnavailable},
}

// isCoded reports whether errorCodes knows an error.
func isCoded(err error) bool {
	for _, e := range errorCodes {
		if errors.Is(err, e.err) {
			return true
		}
	}
	return false
}

func writeError(w http.ResponseWriter, err error) {
	code, status := "internal", http.StatusInternalServerError
	for _, e := range errorCodes {
		if errors.Is(err, e.err) {
			code, status = e.code, e.status
			break
		}
	}
	b, _ := json.Marshal(struct { // strings always marshal
		Code    string `json:"code"`
		Message string `json:"message"`
	}{code, err.Error()})
	writeJSON(w, status, append(b, '\n'))
}

func writeJSON(w http.ResponseWriter, status int, b []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(b) // a client that has left needs no answer
}
