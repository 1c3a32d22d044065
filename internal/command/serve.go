package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/neurondex/neurondex/records"
	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/release"
	"github.com/neurondex/neurondex/server"
	"github.com/neurondex/neurondex/server/metrics"
	"github.com/neurondex/neurondex/watcher"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/spf13/cobra"
)

func newServeCommand(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve the datasets over HTTP and follow their files",
		Long: `Serve the datasets over HTTP, in the form that the public neuron viewer expects and in
full below /v1, which /docs describes. Changes of files are followed. An invalid file
keeps its last good datasets in service until it is fixed.

With --store or --from, and --cache, others may follow this server by --from.

SIGHUP, and POST /-/reload with --enable-reload, read every file again and accept what
--max-shrink holds. SIGINT and SIGTERM stop the server: it is not ready any more, event
streams end, and active requests have --shutdown-timeout. A second signal ends it at once.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log, flush := newQueuedLogger(s.newLogger(slog.LevelInfo, cmd.ErrOrStderr()))
			defer flush()
			ctx, stop := untilStopped(cmd.Context())
			defer stop()
			return endWithin(ctx, s.GetDuration("shutdown-timeout")+closeTimeout, log, func() error { return serve(ctx, s, log) })
		},
	}
	addDirFlags(cmd)
	addWatchFlags(cmd)
	f := cmd.Flags()
	f.Float64("max-shrink", 1, "hold a change that removes more than this `share` of the datasets at once, like 0.5, until a reload")
	check(cmd, "max-shrink", isShare)
	f.Bool("require-valid", false, "be ready only once all files are valid; otherwise one is enough")
	group(cmd, "Files", "dir", "builtin", "exclude", "extra-field", "wait-dir", "confined", "require-valid", "max-shrink")
	group(cmd, "Releases", "store", "from", "from-token-file", "cache", "verify-key", "store-interval")
	group(cmd, "Following changes", "settle", "max-delay", "resync", "poll")

	f.StringSlice("listen", []string{"127.0.0.1:8000"}, "`address` to listen on: a port of this machine, host:port, unix:PATH, or systemd for the sockets of a .socket unit; may be repeated")
	check(cmd, "listen", eachOf(isListenAddress))
	f.StringSlice("management-listen", nil, "`address` for health, metrics, profiles and reloads, without access control; --listen then only has health; may be repeated")
	check(cmd, "management-listen", eachOf(isListenAddress))
	f.Duration("shutdown-timeout", 10*time.Second, "give active requests this `time` at the end")
	check(cmd, "shutdown-timeout", isPositiveDuration)
	f.Int("max-streams", 10_000, "`number` of event streams and waiting requests at once; more are refused with 503")
	check(cmd, "max-streams", isPositiveInt)
	group(cmd, "Listening", "listen", "management-listen", "shutdown-timeout", "max-streams")

	f.String("web.config.file", "", "`file` with TLS, users and client certificates, as Prometheus reads it; read again when it changes")
	f.String("token-file", "", "`file` with bearer tokens, one on each line; read again when it changes")
	f.StringSlice("cors-origin", nil, "further `origin` whose pages may read, like https://viewer.example; may be repeated")
	check(cmd, "cors-origin", eachOf(server.CheckOrigin))
	f.StringSlice("allowed-host", nil, "`host` that requests may name, like neurons.example; may be repeated (default: any, but only localhost on a loopback address)")
	check(cmd, "allowed-host", eachOf(server.CheckHost))
	f.Bool("enable-reload", false, "reload on POST /-/reload")
	f.Bool("expose-paths", false, "name directories of this machine in responses, and show lines of invalid files on pages")
	group(cmd, "Access", "web.config.file", "token-file", "cors-origin", "allowed-host", "enable-reload", "expose-paths")

	f.Bool("viewer-safe", false, "leave out of /neuron_datasets_metadata what the public neuron viewer cannot show")
	f.String("model-info", "", "`file` that /model_info returns, as JSON; read again when it changes")
	f.String("upstream", "", "`URL` of an activation server, which gets the requests of the viewer that need a model")
	check(cmd, "upstream", isUpstream)
	addRecordFlags(cmd)
	addPageFlags(cmd)
	group(cmd, "Neuron viewer", "viewer-safe", "viewer-url", "model-info", "upstream", "record-cache", "allow-path")

	f.Bool("access-log", false, "log every request but those for health")
	group(cmd, "Log", "log-format", "access-log")
	return cmd
}

func isUpstream(text string) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("must be a URL like http://127.0.0.1:8001, not %q", text)
	}
	return nil
}

// untilStopped returns a context that the first SIGINT or SIGTERM cancels. A second one
// ends the process.
func untilStopped(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// closeTimeout is how long a watcher may take to close.
const closeTimeout = 2 * time.Second

// endWithin calls work and returns its error, or nil if ctx was done and work returns because of
// that. Once ctx is done, it waits for the timeout at most: a file system whose server is gone may
// block a call for good.
func endWithin(ctx context.Context, timeout time.Duration, log *slog.Logger, work func() error) error {
	ended := make(chan error, 1)
	go func() { ended <- work() }()
	var late <-chan time.Time
	for stop := ctx.Done(); ; {
		select {
		case err := <-ended:
			if ctx.Err() != nil && errors.Is(err, context.Canceled) {
				return nil
			}
			return err
		case <-stop:
			stop, late = nil, time.After(timeout)
		case <-late:
			log.Warn("the source does not answer; ending without closing it")
			return nil
		}
	}
}

// serve allocates minHeap bytes and does not touch them. They take no memory, but they count for the
// garbage collector, which runs when the heap has doubled. Without them, a server of few datasets
// would collect fifty times a second under load, which takes a tenth of its time.
const minHeap = 16 << 20

func serve(ctx context.Context, s *settings, log *slog.Logger) (err error) {
	defer runtime.KeepAlive(make([]byte, minHeap))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	who, err := newAccess(s, log)
	if err != nil {
		return err
	}
	info, err := modelInfo(s, log)
	if err != nil {
		return err
	}
	f := &following{log: log, epoch: server.NewEpoch()}
	if s.GetString("cache") != "" && s.releasesFlag() != "" {
		f.relay = new(release.Relay)
	}
	src, err := newSource(s, f)
	if err != nil {
		return err
	}
	listeners, err := listen(ctx, s.GetStringSlice("listen"))
	if err == nil && len(listeners) == 0 {
		err = errors.New("must name an address, like 127.0.0.1:8000")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", s.origin("listen"), err)
	}
	defer closeAll(listeners)
	managed, err := listen(ctx, s.GetStringSlice("management-listen"))
	if err != nil {
		return fmt.Errorf("%s: %w", s.origin("management-listen"), err)
	}
	defer closeAll(managed)

	servers := newServers(log)
	defer servers.close()
	hosts, managedHosts := allowedHosts(s, "listen", listeners), allowedHosts(s, "management-listen", managed)
	early := server.New(registry.New(), server.Options{Log: log, AllowedHosts: hosts, CheckHealth: notLoaded, Epoch: f.epoch, Relay: f.relay, Chain: f.chain})
	defer early.Drain()
	api := newGate(early)
	for _, l := range listeners {
		servers.start(l, api, who.serve)
	}
	management := newGate(server.New(registry.New(), server.Options{Log: log, AllowedHosts: managedHosts, CheckHealth: notLoaded}))
	for _, l := range managed {
		servers.start(l, onlyManagement(management), serveOpenly)
	}
	opts := []watcher.Option{watcher.WithMaxShrink(s.GetFloat64("max-shrink"))}
	if s.GetBool("require-valid") {
		opts = append(opts, watcher.WithRequireValid())
	}
	w, err := follow(ctx, s, src, log, opts...)
	if err != nil {
		return err
	}
	defer w.Close()
	defer reloadOnHangup(ctx, w.Reload, log)()
	defer logViewer(ctx, w, s.GetBool("viewer-safe"), log)()

	m := metrics.New(w.Status)
	store := newStore(s)
	pages := newPage(s, w, store, log)
	defer pages.Close()
	o := apiOptions(s, w, m, log)
	o.Records = newRecordsHandler(s, w, store)
	o.AllowedHosts, o.ModelInfo, o.Page = hosts, info, pages
	o.Epoch, o.Relay, o.Chain = f.epoch, f.relay, f.chain
	mo := managementOptions(w, m, log)
	mo.AllowedHosts = managedHosts
	if len(managed) == 0 {
		o.Metrics = mo.Metrics
		if s.GetBool("enable-reload") {
			o.Reload = w.Reload
		}
	}
	loaded, manage := server.New(w, o), server.New(w, mo)
	m.CountStreams(loaded.Streams)
	api.open(loaded)
	management.open(manage)
	for _, l := range listeners {
		if !isLocal(l.Addr()) && who.isOpen() {
			log.Warn("anyone who can reach this address can read; restrict it by --web.config.file or --token-file", "address", l.Addr().String())
		}
		log.Info("serving", "url", openURL(l.Addr(), who.useTLS()), "datasets", w.Snapshot().Len())
	}
	for _, l := range managed {
		if !isLocal(l.Addr()) {
			log.Warn("anyone who can reach the management address can reload and profile this server", "address", l.Addr().String())
		}
		log.Info("serving management", "url", openURL(l.Addr(), false))
	}
	drain := func() { manage.Drain(); early.Drain(); loaded.Drain() }
	err = servers.wait(ctx, drain, s.GetDuration("shutdown-timeout"))
	log.Info("stopped")
	return err
}

// apiOptions returns the options of the handler for --listen, without those that need more than
// the watcher.
func apiOptions(s *settings, w *watcher.Watcher, m *metrics.Metrics, log *slog.Logger) server.Options {
	o := server.Options{
		Log:          log,
		Observe:      m.Observe,
		LocalOrigins: true,
		CORSOrigins:  s.GetStringSlice("cors-origin"),
		ExposePaths:  s.GetBool("expose-paths"),
		MaxStreams:   s.GetInt("max-streams"),
		ViewerSafe:   s.GetBool("viewer-safe"),
		CheckHealth:  w.CheckHealth,
		Status:       w.Status,
	}
	if upstream := s.GetString("upstream"); upstream != "" {
		o.Upstream, _ = url.Parse(upstream) // isUpstream has accepted it
		o.RewriteUpstream = func(body []byte) []byte { return records.Rewrite(w.Snapshot(), body) }
	}
	if s.GetBool("access-log") {
		o.Observe = func(r *http.Request, route string, status int, elapsed time.Duration) {
			m.Observe(r, route, status, elapsed)
			logAccess(log, r, route, status, elapsed)
		}
	}
	return o
}

// managementOptions returns the options of the handler for --management-listen.
func managementOptions(w *watcher.Watcher, m *metrics.Metrics, log *slog.Logger) server.Options {
	registry := prometheus.NewRegistry()
	registry.MustRegister(m, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return server.Options{
		Log:         log,
		ExposePaths: true,
		Profiles:    newProfiles(),
		Metrics:     promhttp.HandlerFor(registry, promhttp.HandlerOpts{Registry: registry}),
		CheckHealth: w.CheckHealth,
		Status:      w.Status,
		Reload:      w.Reload,
	}
}

// notLoaded is the health of a server whose datasets are being loaded.
func notLoaded() error { return watcher.ErrNotReady }

// onlyManagement leaves out the datasets: the management address has no access control.
func onlyManagement(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch path := r.URL.Path; {
		case isHealth(path), path == "/metrics", path == "/-/reload", strings.HasPrefix(path, "/debug/pprof/"):
			h.ServeHTTP(w, r)
		default:
			http.NotFound(w, r)
		}
	})
}

// modelInfo returns what /model_info returns, or nil without --model-info.
func modelInfo(s *settings, log *slog.Logger) (func() ([]byte, error), error) {
	path := s.GetString("model-info")
	if path == "" {
		return nil, nil
	}
	f, err := newReloadedFile(path, func(data []byte) ([]byte, error) {
		if !json.Valid(data) {
			return nil, errors.New("is not valid JSON")
		}
		return data, nil
	}, log)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.origin("model-info"), err)
	}
	return func() ([]byte, error) { return f.get(), nil }, nil
}

// allowedHosts returns the hosts that a server answers to, or nil for all. One that only this
// machine reaches answers to loopback's names, to its own, and to those of --allowed-host.
func allowedHosts(s *settings, flag string, listeners []net.Listener) []string {
	hosts := s.GetStringSlice("allowed-host")
	own := []string{"localhost"}
	for _, l := range listeners {
		if !isLocal(l.Addr()) {
			return hosts
		}
	}
	for _, address := range s.GetStringSlice(flag) {
		if host, _, err := net.SplitHostPort(address); err == nil && host != "" {
			own = append(own, host)
		}
	}
	return append(hosts, own...)
}

// openURL returns a URL at which a browser on this machine reaches a listener.
func openURL(addr net.Addr, useTLS bool) string {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return unixPrefix + addr.String()
	}
	u := url.URL{Scheme: "http", Host: addr.String()}
	if tcp.IP.IsUnspecified() {
		u.Host = net.JoinHostPort("localhost", strconv.Itoa(tcp.Port))
	}
	if useTLS {
		u.Scheme = "https"
	}
	return u.String()
}

// reloadOnHangup reloads after each SIGHUP, until ctx is done. The function that it returns waits
// for the end, after ctx is done.
func reloadOnHangup(ctx context.Context, reload func(context.Context) error, log *slog.Logger) (wait func()) {
	ctx, cancel := context.WithCancel(ctx)
	hangups, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(hangups, syscall.SIGHUP)
	go func() {
		defer close(done)
		defer signal.Stop(hangups)
		for {
			select {
			case <-ctx.Done():
				return
			case <-hangups:
			}
			if err := reload(ctx); err != nil && ctx.Err() == nil {
				log.Error("reloaded on SIGHUP with errors", "err", err)
			} else if err == nil {
				log.Info("reloaded on SIGHUP")
			}
		}
	}()
	return func() { cancel(); <-done }
}
