package metrics

import (
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/neurondex/neurondex/watcher"
	"github.com/prometheus/client_golang/prometheus"
)

// Metrics is a [prometheus.Collector] of the state of a watcher and of the requests of a
// handler. It is safe for concurrent use.
type Metrics struct {
	status   func() watcher.Status
	streams  atomic.Pointer[func() int]
	requests *prometheus.CounterVec
	latency  *prometheus.HistogramVec
	series   sync.Map // of responses to *pair
}

// A response determines the labels of the series of a request.
type response struct {
	route, method string
	status        int
}

// A pair is the series of a request.
type pair struct {
	requests prometheus.Counter
	latency  prometheus.Observer
}

// New returns metrics of a watcher, whose Status is called for each collection: see
// [watcher.Watcher.Status].
func New(status func() watcher.Status) *Metrics {
	return &Metrics{
		status: status,
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "neurondex_http_requests_total",
			Help: "HTTP requests by route, method and status code.",
		}, []string{"route", "method", "code"}),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "neurondex_http_request_duration_seconds",
			Help:    "Time from the start of an HTTP request to the end of its response, by route. Event streams and long polls count when they end.",
			Buckets: []float64{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10},
		}, []string{"route"}),
	}
}

// Observe counts a request. It is meant for server.Options.Observe.
func (m *Metrics) Observe(r *http.Request, route string, status int, elapsed time.Duration) {
	of := response{route, methodLabel(r.Method), status}
	p, ok := m.series.Load(of)
	if !ok {
		label := routeLabel(route)
		p, _ = m.series.LoadOrStore(of, &pair{m.requests.WithLabelValues(label, of.method, strconv.Itoa(status)), m.latency.WithLabelValues(label)})
	}
	series := p.(*pair)
	series.requests.Inc()
	series.latency.Observe(elapsed.Seconds())
}

// CountStreams sets the function that returns the number of open event streams: see
// server.Handler.Streams.
func (m *Metrics) CountStreams(open func() int) { m.streams.Store(&open) }

// routeLabel returns the path of a route's pattern.
func routeLabel(route string) string {
	if _, path, ok := strings.Cut(route, " "); ok {
		route = path
	}
	if route == "" {
		return "other"
	}
	return route
}

// methodLabel bounds the values of the label: a client may send any method.
func methodLabel(method string) string {
	if slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodOptions}, method) {
		return method
	}
	return "other"
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("neurondex_"+name, help, labels, nil)
}

var (
	reloadSuccessful = describe("config_last_reload_successful", "Whether everything in the source is served: 0 while a document is invalid, a change is held or the source cannot be read.")
	reloadTimestamp  = describe("config_last_reload_success_timestamp_seconds", "When everything in the source was last served.")
	datasets         = describe("datasets", "Datasets that are served.")
	documents        = describe("documents", "Documents by state.", "state")
	generation       = describe("generation", "Changes of the datasets since the start.")
	ready            = describe("ready", "Whether the datasets are loaded.")
	held             = describe("held_changes", "Whether a change is held because it removes too many datasets.")
	reloadDuration   = describe("reload_duration_seconds", "Time from finding a change until it is served.")
	notified         = describe("source_notified", "Whether events cover the whole source. If not, it is polled.")
	sourceUp         = describe("source_up", "Whether the source can be read.")
	lastScan         = describe("source_last_scan_timestamp_seconds", "When the source last examined every document.")
	events           = describe("events_total", "Events that the source received.")
	overflows        = describe("overflows_total", "Times that the system lost events; a full scan follows.")
	watchErrors      = describe("watch_errors_total", "Other failures of the event mechanism.")
	resyncs          = describe("resyncs_total", "Full scans that only the timer called for.")
	resyncChanges    = describe("resync_changes_total", "Resyncs that found a change which no event announced.")
	overrides        = describe("overrides", "Definitions that those of other documents override.")
	releaseNumber    = describe("release", "The number of the release that is served.")
	releaseTimestamp = describe("release_timestamp_seconds", "When the release that is served was published.")
	releaseCached    = describe("release_cached", "Whether the release that is served is that of the cache, since its store cannot be read.")
	eventStreams     = describe("event_streams", "Open event streams.")
	buildInfo        = describe("build_info", "The version of neurondex; always 1.", "version", "goversion")
)

// Describe implements [prometheus.Collector].
func (m *Metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		reloadSuccessful, reloadTimestamp, datasets, documents, generation, ready, held, reloadDuration, notified, sourceUp, lastScan,
		events, overflows, watchErrors, resyncs, resyncChanges, overrides, releaseNumber, releaseTimestamp, releaseCached, eventStreams, buildInfo,
	} {
		ch <- d
	}
	m.requests.Describe(ch)
	m.latency.Describe(ch)
}

// states has the states of documents, so that a series does not end when no document has its
// state.
var states = []watcher.State{
	watcher.StateOK, watcher.StatePending, watcher.StateInvalid, watcher.StateStale, watcher.StateHeld, watcher.StateUnknown,
}

// Collect implements [prometheus.Collector].
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	s := m.status()
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	counter := func(d *prometheus.Desc, value uint64) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(value))
	}
	byState := make(map[watcher.State]int, len(states))
	for _, d := range s.Documents {
		byState[d.State]++
	}
	for _, state := range states {
		gauge(documents, float64(byState[state]), string(state))
	}
	current := s.Ready && s.SourceError == "" && s.Held == "" && byState[watcher.StateInvalid]+byState[watcher.StateStale] == 0
	gauge(reloadSuccessful, number(current))
	gauge(reloadTimestamp, seconds(s.LastSuccess))
	gauge(datasets, float64(s.Datasets))
	gauge(generation, float64(s.Generation))
	gauge(ready, number(s.Ready))
	gauge(held, number(s.Held != ""))
	gauge(notified, number(s.Source.Notified))
	gauge(sourceUp, number(s.SourceError == ""))
	gauge(lastScan, seconds(s.Source.LastScan))
	gauge(overrides, float64(len(s.Overrides)))
	if r := s.Source.Release; r != nil {
		gauge(releaseNumber, float64(r.Number))
		gauge(releaseTimestamp, seconds(r.Time))
		gauge(releaseCached, number(r.Cached))
	}
	counter(events, s.Source.Events)
	counter(overflows, s.Source.Overflows)
	counter(watchErrors, s.Source.WatchErrors)
	counter(resyncs, s.Source.Resyncs)
	counter(resyncChanges, s.Source.ResyncChanges)
	buckets := make(map[float64]uint64)
	for i, bound := range s.LoadTimes.Bounds() {
		buckets[bound] = s.LoadTimes.Within[i]
	}
	ch <- prometheus.MustNewConstHistogram(reloadDuration, s.Reloads, s.LoadTimes.Seconds, buckets)
	if open := m.streams.Load(); open != nil {
		gauge(eventStreams, float64((*open)()))
	}
	version, goVersion := build()
	gauge(buildInfo, 1, version, goVersion)
	m.requests.Collect(ch)
	m.latency.Collect(ch)
}

func number(ok bool) float64 {
	if ok {
		return 1
	}
	return 0
}

// seconds returns a time since 1970, and 0 for the zero time.
func seconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixNano()) / 1e9
}

// build returns the version of this module in the running program, and that of Go.
func build() (version, goVersion string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown", "unknown"
	}
	const path = "github.com/neurondex/neurondex"
	for _, m := range append(info.Deps, &info.Main) {
		if m.Path == path {
			return m.Version, info.GoVersion
		}
	}
	return "unknown", info.GoVersion
}
