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
	"time"

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

SIGHUP and POST /-/reload read every file again, and take what --max-shrink holds back.
SIGINT and SIGTERM stop, once the requests under way are answered.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log, err := newLogger(s.GetString("log-format"), slog.LevelInfo, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			ctx, stop := untilStopped(cmd.Context())
			defer stop()
			return serve(ctx, s, log)
		},
	}
	addDirFlag(cmd)
	cmd.Flags().String("listen", "127.0.0.1:8000", "`address` to listen on")
	addWatchFlags(cmd)
	cmd.Flags().StringSlice("cors-origin", nil, "further `origin` that may ask from a browser, like https://viewer.example; repeatable")
	cmd.Flags().Float64("max-shrink", 1, "hold back a change that removes more than this `share` of the datasets at once, like 0.5, until a reload is asked for")
	cmd.Flags().Bool("viewer-safe", false, "leave out of /neuron_datasets_metadata what the public neuron viewer cannot show")
	return cmd
}

// addWatchFlags adds the flags of the commands that follow a directory.
func addWatchFlags(cmd *cobra.Command) {
	cmd.Flags().Bool("wait-dir", false, "start without the directory, and load it when it appears")
	cmd.Flags().Duration("settle", watcher.DefaultSettle, "read a file that is being written once it was still for this `time`")
	cmd.Flags().Duration("max-delay", watcher.DefaultMaxDelay, "let files that are being written hold up others for this `time` at most")
	cmd.Flags().Duration("resync", watcher.DefaultResync, "look at every file after this `time`, told of a change or not")
	cmd.Flags().Bool("poll", false, "look at every file each second, without being told of changes; done by itself on NFS, SMB, FUSE and 9p")
	cmd.Flags().Bool("confined", false, "refuse symbolic links that are absolute, or lead out of the directory")
	cmd.Flags().String("log-format", "text", "`format` of the log: text or json")
}

// untilStopped returns a context that a first SIGINT or SIGTERM ends. A second one ends the
// process at once.
func untilStopped(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

func newLogger(format string, level slog.Level, w io.Writer) (*slog.Logger, error) {
	o := &slog.HandlerOptions{Level: level}
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(w, o)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, o)), nil
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
		share := s.GetFloat64("max-shrink")
		if share < 0 || share > 1 {
			return fmt.Errorf("--max-shrink: %v is no share, from 0 to 1", share)
		}
		w, err := openDir(ctx, s, dir, log, watcher.WithMaxShrink(share))
		if err != nil {
			return err
		}
		defer func() { cancel(); <-w.Done() }()
		reg, options.Status, reload = w.Registry(), w.Status, w.Reload
		options.Reload = w.Reload
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

// openDir follows a directory, as the flags of addWatchFlags say.
func openDir(ctx context.Context, s settings, dir string, log *slog.Logger, opts ...watcher.Option) (*watcher.Watcher, error) {
	opts = append(opts, watcher.WithLogger(log))
	for _, flag := range []struct {
		name   string
		option func(time.Duration) watcher.Option
	}{{"settle", watcher.WithSettle}, {"max-delay", watcher.WithMaxDelay}, {"resync", watcher.WithResync}} {
		d := s.GetDuration(flag.name)
		if d <= 0 {
			return nil, fmt.Errorf("--%s: must be a time above zero, like 50ms", flag.name)
		}
		opts = append(opts, flag.option(d))
	}
	for name, option := range map[string]func() watcher.Option{
		"wait-dir": watcher.WithWait, "poll": watcher.WithPolling, "confined": watcher.WithConfinement,
	} {
		if s.GetBool(name) {
			opts = append(opts, option())
		}
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
