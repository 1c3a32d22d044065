package command

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/neurondex/neurondex/server"
)

// The limits of a server, for clients that are slow or want to be.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 30 * time.Second
	writeTimeout      = 60 * time.Second // event streams and long polls extend it
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 64 << 10
)

// servers are what listens on several addresses, and ends together.
type servers struct {
	log    *slog.Logger
	all    []*http.Server
	ended  int        // those whose Serve has returned
	failed chan error // what each Serve returns
}

func newServers(log *slog.Logger) *servers { return &servers{log: log, failed: make(chan error)} }

// start serves a handler on a listener, in a goroutine that ends with [servers.wait] or [servers.close].
func (s *servers) start(l net.Listener, h http.Handler, serve func(net.Listener, *http.Server, *slog.Logger) error) {
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
		ConnContext:       server.ConnContext,
		BaseContext:       func(net.Listener) context.Context { return context.Background() },
	}
	s.all = append(s.all, srv)
	go func() { s.failed <- serve(l, srv, s.log) }()
}

// wait returns when all servers have ended: after ctx is done, or one of them has failed. It calls
// drain, and then gives active requests some time.
func (s *servers) wait(ctx context.Context, drain func(), timeout time.Duration) (err error) {
	select {
	case err = <-s.failed:
		s.ended++
	case <-ctx.Done():
	}
	s.log.Info("stopping", "timeout", timeout)
	drain()
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	shut := make(chan error, len(s.all))
	for _, srv := range s.all {
		go func() { shut <- srv.Shutdown(stop) }()
	}
	cut := false
	for range s.all {
		cut = errors.Is(<-shut, context.DeadlineExceeded) || cut
	}
	if cut {
		s.log.Warn("active requests were cut off after the shutdown timeout", "timeout", timeout)
		for _, srv := range s.all {
			_ = srv.Close()
		}
	}
	for ; s.ended < len(s.all); s.ended++ {
		if served := <-s.failed; !errors.Is(served, http.ErrServerClosed) {
			err = errors.Join(err, served)
		}
	}
	return err
}

// close ends the servers that [servers.wait] has not ended.
func (s *servers) close() {
	for _, srv := range s.all {
		_ = srv.Close()
	}
	for ; s.ended < len(s.all); s.ended++ {
		if err := <-s.failed; !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("cannot serve", "err", err)
		}
	}
}

// serveOpenly serves without access control.
func serveOpenly(l net.Listener, s *http.Server, _ *slog.Logger) error { return s.Serve(l) }

// newProfiles returns a handler of the profiles of package pprof.
func newProfiles() http.Handler {
	profiles := http.NewServeMux()
	profiles.HandleFunc("/debug/pprof/", pprof.Index)
	profiles.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	profiles.HandleFunc("/debug/pprof/profile", pprof.Profile)
	profiles.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	profiles.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return profiles
}
