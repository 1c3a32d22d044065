package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/examples/datasets"
	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/server"
	"github.com/neurondex/neurondex/watcher"
	"github.com/spf13/cobra"
)

func newServeCommand(s settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve the datasets over HTTP, and follow their files",
		Long: `Serve the datasets over HTTP, in the form that the public neuron viewer asks for and
in full under /v1/datasets. Changes of the directory's files are followed; a file
that turns bad keeps its last good datasets in service until it is mended.

SIGHUP reads every file again. SIGINT and SIGTERM stop, once the requests under way
are answered.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log, err := newLogger(s.GetString("log-format"), cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			// A second signal ends the process at once.
			context.AfterFunc(ctx, stop)
			return serve(ctx, s, log)
		},
	}
	addDirFlag(cmd)
	cmd.Flags().String("listen", "127.0.0.1:8000", "`address` to listen on")
	cmd.Flags().Bool("wait-dir", false, "start without the directory, and load it when it appears")
	cmd.Flags().StringSlice("cors-origin", nil, "further `origin` that may ask from a browser, like https://viewer.example; repeatable")
	cmd.Flags().Bool("viewer-safe", false, "leave out of /neuron_datasets_metadata what the public neuron viewer cannot show")
	cmd.Flags().String("log-format", "text", "`format` of the log: text or json")
	return cmd
}

func newLogger(format string, w io.Writer) (*slog.Logger, error) {
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(w, nil)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, nil)), nil
	default:
		return nil, fmt.Errorf("--log-format: %q is neither text nor json", format)
	}
}

func serve(ctx context.Context, s settings, log *slog.Logger) error {
	// Whatever ends first, the listener or the watcher, ends the other.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)

	l, err := new(net.ListenConfig).Listen(ctx, "tcp", s.GetString("listen"))
	if err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	defer l.Close()

	reg := registry.New()
	options := server.Options{CORSOrigins: s.GetStringSlice("cors-origin"), ViewerSafe: s.GetBool("viewer-safe")}
	reload := func(context.Context) error { return nil }
	if dir := s.GetString("dir"); dir != "" {
		w, err := openDir(ctx, s, dir, log)
		if err != nil {
			return err
		}
		defer func() { cancel(); <-w.Done() }()
		reg, options.Status, reload = w.Registry(), w.Status, w.Reload
	} else if err := loadBuiltIn(reg); err != nil {
		return err
	}

	reloading := make(chan struct{})
	go func() {
		defer close(reloading)
		reloadOn(ctx, hangups, reload, log)
	}()
	defer func() { cancel(); <-reloading }()

	log.Info("serving", "url", "http://"+l.Addr().String(), "datasets", reg.Snapshot().Len())
	err = server.Serve(ctx, l, server.New(reg, options), log)
	log.Info("stopped")
	return err
}

func openDir(ctx context.Context, s settings, dir string, log *slog.Logger) (*watcher.Watcher, error) {
	opts := []watcher.Option{watcher.WithLogger(log)}
	if s.GetBool("wait-dir") {
		opts = append(opts, watcher.WithWait())
	}
	w, err := watcher.Open(ctx, dir, opts...)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("--dir: %w; create it, or start without it by --wait-dir", err)
	case err != nil:
		return nil, fmt.Errorf("--dir: %w", err)
	}
	return w, nil
}

func loadBuiltIn(reg *registry.Registry) error {
	r, err := config.LoadFS(datasets.FS)
	if err != nil {
		return err
	}
	_, err = reg.Apply(r.Change())
	return err
}

// reloadOn reloads each time that a hangup comes, until ctx is done.
func reloadOn(ctx context.Context, hangups <-chan os.Signal, reload func(context.Context) error, log *slog.Logger) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangups:
		}
		if err := reload(ctx); err != nil && ctx.Err() == nil {
			log.Error("reload asked for by signal: not all is served as it stands", "err", err)
		} else if err == nil {
			log.Info("reload asked for by signal: done")
		}
	}
}
