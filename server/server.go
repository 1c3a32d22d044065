package server

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync/atomic"

	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/watcher"
	"github.com/rs/cors"
)

// Options configure [New]. The zero value is ready to use.
type Options struct {
	// CORSOrigins are allowed besides those of the local machine, like
	// "https://viewer.example": see [CheckOrigin].
	CORSOrigins []string
	// AllowedHosts are the hosts that requests may name, besides localhost, names below
	// it, loopback addresses and the address that a request came in on. If empty, they may
	// name any. A server that listens on loopback sets it, to "localhost" if it has no
	// other name. Otherwise a page whose name resolves to loopback may use the server.
	AllowedHosts []string
	// ViewerSafe leaves out of /neuron_datasets_metadata, and of nothing else, the
	// datasets that the public neuron viewer cannot show: see package viewer. One such dataset leaves its home
	// page blank.
	ViewerSafe bool

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
func New(reader registry.Reader, o Options) http.Handler {
	h := &handler{reader: reader, options: o}
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
			return localOrigin.MatchString(origin) || slices.Contains(o.CORSOrigins, origin)
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
	return all
}

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

type handler struct {
	reader  registry.Reader
	options Options
	// The last bodies of the two lists. They are large, and the same for as long as the
	// snapshot is.
	metadataBody, listBody atomic.Pointer[body]
}
