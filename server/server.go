package server

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"sync/atomic"
	"time"

	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/watcher"
	"github.com/rs/cors"
)

// Options configure [New]. The zero value is ready to use.
type Options struct {
	// Log receives the panics of handlers and the failures of the upstream. If nil,
	// [slog.Default] does.
	Log *slog.Logger
	// Observe, if not nil, is called after each request: for an access log and for metrics.
	// The route is the pattern that matched, such as
	// "GET /v1/datasets/{short_name}/{derived_scalar_type}", or "" if none did. It must be
	// safe for concurrent use.
	Observe func(r *http.Request, route string, status int, elapsed time.Duration)

	// LocalOrigins lets pages of any port of the local machine read, where the public neuron
	// viewer runs.
	LocalOrigins bool
	// CORSOrigins are further origins whose pages may read, like "https://viewer.example":
	// see [CheckOrigin].
	CORSOrigins []string
	// AllowedHosts are the hosts that requests may name, besides localhost, names below
	// it, loopback addresses and the address that a request came in on. If empty, they may
	// name any. A server that listens on loopback sets it, to "localhost" if it has no
	// other name. Otherwise a page whose name resolves to loopback may use the server.
	AllowedHosts []string
	// ExposePaths lets responses name files and directories of the server's disk by their
	// absolute paths, as the errors of the operating system do.
	ExposePaths bool
	// MaxStreams limits the event streams and long polls that are open at once; 0 means
	// 10,000.
	MaxStreams int
	// ViewerSafe leaves out of /neuron_datasets_metadata, and of nothing else, the
	// datasets that the public neuron viewer cannot show: see package viewer. One such dataset
	// leaves its home page blank.
	ViewerSafe bool

	// ModelInfo returns the body of /model_info, as JSON. If nil, the upstream answers it; if
	// there is none, the response is 404, upon which the public neuron viewer hides a link.
	ModelInfo func() ([]byte, error)
	// Records serves /neuron_record, /attention_head_record and /existing_explanations. If nil,
	// the upstream does.
	Records http.Handler
	// Upstream is the URL of an activation server, which answers what this handler has no route
	// for. If nil, the response is 404.
	Upstream *url.URL

	// CheckHealth says whether the registry is up to date: see
	// [watcher.Watcher.CheckHealth]. If nil, it always is.
	CheckHealth func() error
	// Status describes what keeps the registry up to date: see [watcher.Watcher.Status].
	// If nil, /v1/status only describes the registry.
	Status func() watcher.Status
	// Reload reads everything again and returns once it is served: see
	// [watcher.Watcher.Reload]. If nil, there is no route /-/reload.
	Reload func(context.Context) error
}

// maxRequestBytes limits the body of a request. No route needs one.
const maxRequestBytes = 1 << 20

// New returns a handler that answers each request from the reader's current snapshot. It
// is safe for concurrent use.
func New(reader registry.Reader, o Options) *Handler {
	h := &Handler{reader: reader, options: o}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /neuron_datasets_metadata", h.metadata)
	mux.HandleFunc("GET /neuron_datasets_metadata", h.metadata)
	mux.HandleFunc("GET /v1/datasets", h.list)
	mux.HandleFunc("GET /v1/datasets/{short_name}/{derived_scalar_type}", h.dataset)
	mux.HandleFunc("GET /v1/status", h.status)
	if o.Reload != nil {
		// A page of another origin must not reload a server that its reader can reach.
		sameOrigin := http.NewCrossOriginProtection()
		sameOrigin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { writeError(w, errCrossOrigin) }))
		mux.Handle("POST /-/reload", sameOrigin.Handler(http.HandlerFunc(h.reload)))
	}
	mux.HandleFunc("GET /healthz", h.healthz)
	mux.HandleFunc("GET /readyz", h.readyz)

	allow := cors.New(cors.Options{
		AllowOriginFunc: func(origin string) bool {
			return o.LocalOrigins && localOrigin.MatchString(origin) || slices.Contains(o.CORSOrigins, origin)
		},
		AllowedMethods:   []string{http.MethodGet, http.MethodHead, http.MethodPost},
		AllowedHeaders:   []string{"*"},
		ExposedHeaders:   []string{"ETag"},
		AllowCredentials: true,
		MaxAge:           600,
	})
	all := allow.Handler(http.MaxBytesHandler(recoverPanics(route(mux)), maxRequestBytes))
	if len(o.AllowedHosts) > 0 {
		all = restrictHosts(all, o.AllowedHosts)
	}
	h.serve = all
	return h
}

// ServeHTTP implements [http.Handler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.serve.ServeHTTP(w, r) }

// Drain prepares for the end: /readyz answers 503 from now on, event streams and long polls
// end, and new ones are refused. It does not wait for requests; [http.Server.Shutdown] does.
func (h *Handler) Drain() { h.draining.Store(true) }

// Streams returns the number of open event streams.
func (h *Handler) Streams() int { return 0 }

// recoverPanics logs a panic of a handler and responds 500.
func recoverPanics(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			switch p := recover(); p {
			case nil:
			case http.ErrAbortHandler:
				panic(p)
			default:
				slog.ErrorContext(r.Context(), "panic in a handler", "path", r.URL.Path, "panic", p)
				writeError(w, fmt.Errorf("internal error"))
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// A Handler serves a registry over HTTP: see [New].
type Handler struct {
	reader   registry.Reader
	options  Options
	serve    http.Handler
	draining atomic.Bool

	// The last bodies of the two lists. They are large, and the same for as long as the
	// snapshot is.
	metadataBody, listBody atomic.Pointer[body]
}
