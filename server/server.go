package server

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/release"
	"github.com/neurondex/neurondex/watcher"
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
	// Profiles serves what is below /debug/pprof/: see [net/http/pprof]. If nil, there is no such
	// route.
	Profiles http.Handler
	// Metrics serves /metrics: see package metrics. If nil, there is no such route.
	Metrics http.Handler
	// Page serves the pages for people: see package page. If nil, there are none.
	Page http.Handler
	// Relay has the releases that others may follow this server by, below /v1/releases. If nil,
	// there are none.
	Relay *release.Relay
	// Chain returns the epochs of the servers that the releases came through before: see
	// [httpstore.Store.Chain]. If nil, they come from a store.
	Chain func() []string
	// Epoch tells this process from others, in events and to those who follow it. It consists
	// of letters and digits. If empty, it is [NewEpoch].
	Epoch string
	// Upstream is the URL of an activation server, which answers what this handler has no route
	// for. If nil, the response is 404.
	Upstream *url.URL
	// RewriteUpstream, if not nil, returns the body that the upstream gets in place of one of up
	// to 1 MiB: see records.Rewrite.
	RewriteUpstream func(body []byte) []byte

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

// New returns a handler that answers each request from the reader's current snapshot. It
// is safe for concurrent use.
func New(reader registry.Reader, o Options) *Handler {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.MaxStreams == 0 {
		o.MaxStreams = defaultMaxStreams
	}
	h := &Handler{reader: reader, options: o, epoch: cmp.Or(o.Epoch, NewEpoch()), drained: make(chan struct{})}
	if o.Upstream != nil {
		h.upstream = h.newUpstream(o.Upstream)
	}
	h.router = newRouter(h.routes())
	h.serve = http.HandlerFunc(h.route)
	if o.LocalOrigins || len(o.CORSOrigins) > 0 {
		h.serve = allowOrigins(h.serve, o)
	}
	if len(o.AllowedHosts) > 0 {
		h.serve = h.restrictHosts(h.serve, o.AllowedHosts)
	}
	return h
}

// A Handler serves a registry over HTTP: see [New].
//
// It starts a goroutine that follows the registry when the first event stream or long poll
// comes in. [Handler.Drain] ends it.
type Handler struct {
	// Set once.
	reader   registry.Reader
	options  Options
	serve    http.Handler // what CORS and the checks of hosts surround
	router   router
	upstream http.Handler // nil if there is none
	epoch    string

	current atomic.Pointer[state]
	waiting atomic.Int64 // requests that take part in MaxStreams
	streams atomic.Int64 // the event streams among them

	drained chan struct{} // closed by Drain

	mu   sync.Mutex // guards the rest
	feed *feed      // nil until needed
}

// Drain prepares for the end: /readyz answers 503 from now on, event streams and long polls
// end, and new ones are refused. It ends what the handler has started, but does not wait for
// requests; [http.Server.Shutdown] does. It may be called more than once.
func (h *Handler) Drain() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.isDraining() {
		return
	}
	close(h.drained)
	if h.feed != nil {
		h.feed.close()
	}
}

func (h *Handler) isDraining() bool {
	select {
	case <-h.drained:
		return true
	default:
		return false
	}
}

// Streams returns the number of open event streams.
func (h *Handler) Streams() int { return int(h.streams.Load()) }
