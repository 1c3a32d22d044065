package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	terminallog "charm.land/log/v2"
	"github.com/neurondex/neurondex/server"
	"github.com/neurondex/neurondex/watcher"
	"github.com/spf13/cobra"
)

func newServeCommand(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve the datasets over HTTP and follow their files",
		Long: `Serve the datasets over HTTP, in the form that the public neuron viewer expects and in
full under /v1/datasets. Changes of files are followed. An invalid file keeps its last
good datasets in service until it is fixed.

SIGHUP and POST /-/reload read every file again, and accept what --max-shrink holds.
SIGINT and SIGTERM stop the server after the active requests.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log := s.newLogger(slog.LevelInfo, cmd.ErrOrStderr())
			ctx, stop := untilStopped(cmd.Context())
			defer stop()
			return serve(ctx, s, log)
		},
	}
	addDirFlags(cmd)
	cmd.Flags().String("listen", "127.0.0.1:8000", "`address` to listen on")
	check(cmd, "listen", isListenAddress)
	addWatchFlags(cmd)
	cmd.Flags().StringSlice("cors-origin", nil, "further `origin` whose pages may read, like https://viewer.example; may be repeated")
	check(cmd, "cors-origin", eachOf(server.CheckOrigin))
	cmd.Flags().StringSlice("allowed-host", nil, "`host` that requests may name, like neurons.example; may be repeated (default: any, but only localhost on a loopback address)")
	check(cmd, "allowed-host", eachOf(server.CheckHost))
	cmd.Flags().Float64("max-shrink", 1, "hold a change that removes more than this `share` of the datasets at once, like 0.5, until a reload")
	check(cmd, "max-shrink", isShare)
	cmd.Flags().Bool("require-valid", false, "be ready only once all files are valid; otherwise one is enough")
	cmd.Flags().Bool("viewer-safe", false, "leave out of /neuron_datasets_metadata what the public neuron viewer cannot show")
	return cmd
}

// untilStopped returns a context that the first SIGINT or SIGTERM cancels. A second one
// ends the process.
func untilStopped(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// newLogger returns a logger in the form of --log-format. On a terminal, text is for reading.
func (s *settings) newLogger(level slog.Level, w io.Writer) *slog.Logger {
	o := &slog.HandlerOptions{Level: level}
	switch {
	case s.GetString("log-format") == "json":
		return slog.New(slog.NewJSONHandler(w, o))
	case isTerminal(w):
		// It omits the colors if NO_COLOR is set, and escapes the values.
		return slog.New(terminallog.NewWithOptions(w, terminallog.Options{Level: terminallog.Level(level), ReportTimestamp: true, TimeFormat: time.DateTime}))
	default:
		return slog.New(slog.NewTextHandler(w, o))
	}
}

func serve(ctx context.Context, s *settings, log *slog.Logger) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)

	src, err := newSource(s)
	if err != nil {
		return err
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", s.GetString("listen"))
	if err != nil {
		return fmt.Errorf("%s: %w", s.origin("listen"), err)
	}
	defer l.Close()
	opts := []watcher.Option{watcher.WithMaxShrink(s.GetFloat64("max-shrink"))}
	if s.GetBool("require-valid") {
		opts = append(opts, watcher.WithRequireValid())
	}
	w, err := follow(ctx, s, src, log, opts...)
	if err != nil {
		return err
	}
	defer w.Close()

	reloading := make(chan struct{})
	go func() {
		defer close(reloading)
		reloadOn(ctx, hangups, w.Reload, log)
	}()
	defer func() { cancel(); <-reloading }()

	h := server.New(w, server.Options{
		Log:          log,
		LocalOrigins: true,
		CORSOrigins:  s.GetStringSlice("cors-origin"),
		AllowedHosts: allowedHosts(s, l.Addr()),
		ViewerSafe:   s.GetBool("viewer-safe"),
		CheckHealth:  w.CheckHealth,
		Status:       w.Status,
		Reload:       w.Reload,
	})
	defer h.Drain()
	stop := context.AfterFunc(ctx, h.Drain)
	defer stop()

	log.Info("serving", "url", openURL(l.Addr()), "datasets", w.Snapshot().Len())
	err = server.Serve(ctx, l, h, log)
	log.Info("stopped")
	return err
}

// allowedHosts returns the hosts that a server at an address answers to, or nil for all. A
// server on loopback answers to loopback's names, to its own, and to those of --allowed-host.
func allowedHosts(s *settings, addr net.Addr) []string {
	hosts := s.GetStringSlice("allowed-host")
	if tcp, ok := addr.(*net.TCPAddr); ok && tcp.IP.IsLoopback() {
		own, _, _ := net.SplitHostPort(s.GetString("listen")) // it listens, so this is valid
		hosts = append(hosts, "localhost", own)
	}
	return hosts
}

// openURL returns a URL at which a browser on this machine reaches a listener.
func openURL(addr net.Addr) string {
	host := addr.String()
	if tcp, ok := addr.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		host = net.JoinHostPort("localhost", strconv.Itoa(tcp.Port))
	}
	return (&url.URL{Scheme: "http", Host: host}).String()
}

// reloadOn reloads after each hangup, until ctx is done.
func reloadOn(ctx context.Context, hangups <-chan os.Signal, reload func(context.Context) error, log *slog.Logger) {
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
}
