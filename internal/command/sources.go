package command

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/examples/datasets"
	"github.com/neurondex/neurondex/source"
	"github.com/neurondex/neurondex/source/dir"
	"github.com/neurondex/neurondex/watcher"
	"github.com/spf13/cobra"
)

// addDirFlags adds the flags that say where the datasets are.
func addDirFlags(cmd *cobra.Command) {
	cmd.Flags().StringArray("dir", nil, "`directory` of dataset files; may be repeated, later ones override earlier ones (default: the nine built-in datasets)")
	addExcludeFlag(cmd)
	addExtraFieldFlag(cmd)
	addStoreFlags(cmd)
	addFromFlags(cmd)
	cmd.Flags().Bool("builtin", false, "keep the nine built-in datasets beneath those of --dir, --store and --from")
}

func addExcludeFlag(cmd *cobra.Command) {
	cmd.Flags().StringArray("exclude", nil, "leave out files and directories that this `pattern` matches, like lost+found or **/old/*; may be repeated")
	check(cmd, "exclude", isPattern)
}

func addExtraFieldFlag(cmd *cobra.Command) {
	cmd.Flags().StringArray("extra-field", nil, "do not warn about this extra `field` of datasets, as if every file listed it under extra_fields; may be repeated")
}

// parsing returns the options for reading documents.
func (s *settings) parsing() []config.Option {
	return []config.Option{config.WithExtraFields(s.GetStringSlice("extra-field")...)}
}

// addWatchFlags adds the flags of the commands that follow directories.
func addWatchFlags(cmd *cobra.Command) {
	cmd.Flags().Bool("wait-dir", false, "start even if a directory, a store or a release is missing, and load it when it appears")
	cmd.Flags().Duration("settle", dir.DefaultSettle, "read a file that is written in place after it has not changed for this `time`")
	cmd.Flags().Duration("max-delay", dir.DefaultMaxDelay, "let files that keep changing delay others for at most this `time`")
	cmd.Flags().Duration("resync", dir.DefaultResync, "`interval` between full scans that no event calls for")
	for _, name := range []string{"settle", "max-delay", "resync"} {
		check(cmd, name, isPositiveDuration)
	}
	cmd.Flags().Bool("poll", false, "scan every second instead of using events; automatic on network file systems (Linux)")
	cmd.Flags().Bool("confined", false, "refuse symbolic links that are absolute or lead out of the directory")
	addIntervalFlag(cmd)
	cmd.Flags().String("log-format", "text", "`format` of the log: text or json")
	choose(cmd, "log-format", "text", "json")
}

// A layer is one place with datasets. The documents of a later layer override those of an
// earlier one.
type layer struct {
	prefix  string // of the names of its documents, empty if there is only one layer
	builtIn bool
	store   bool   // the newest release of --store or --from
	dir     string // if neither
}

// load reads the documents of a layer once.
func (l layer) load(s *settings) (config.Result, error) {
	exclude, parsing := s.GetStringSlice("exclude"), s.parsing()
	switch {
	case l.builtIn:
		return config.LoadFS(datasets.FS)
	case l.store:
		return loadRelease(s)
	}
	return config.LoadDir(l.dir, append(parsing, config.WithExclude(exclude...))...)
}

// layers returns where the datasets are, as the flags of addDirFlags say.
func (s *settings) layers() []layer {
	var all []layer
	dirs := s.GetStringSlice("dir")
	hasStore := s.releasesFlag() != ""
	if len(dirs) == 0 && !hasStore || s.GetBool("builtin") {
		all = append(all, layer{builtIn: true})
	}
	if hasStore {
		all = append(all, layer{store: true})
	}
	for _, d := range dirs {
		all = append(all, layer{dir: d})
	}
	if len(all) == 1 {
		return all
	}
	width := len(fmt.Sprint(len(all)))
	for i := range all {
		name := filepath.Base(all[i].dir)
		switch {
		case all[i].builtIn:
			name = "builtin"
		case all[i].store:
			name = "store"
		}
		all[i].prefix = fmt.Sprintf("%0*d-%s/", width, i+1, name)
	}
	return all
}

// newSource returns a source of the layers, with the settings of addWatchFlags.
func newSource(s *settings, f *following) (source.Source, error) {
	settings := dir.Dir{
		Settle:   s.GetDuration("settle"),
		MaxDelay: s.GetDuration("max-delay"),
		Resync:   s.GetDuration("resync"),
		Polling:  s.GetBool("poll"),
		Confined: s.GetBool("confined"),
		Exclude:  s.GetStringSlice("exclude"),
	}
	var parts []source.Part
	for _, l := range s.layers() {
		part := source.Part{Prefix: l.prefix, Source: &builtIn{}}
		switch {
		case l.builtIn:
		case l.store:
			var err error
			if part.Source, err = newStoreSource(s, f); err != nil {
				return nil, err
			}
		default:
			d := settings
			d.Path = l.dir
			part.Source = &d
		}
		parts = append(parts, part)
	}
	if len(parts) == 1 {
		return parts[0].Source, nil
	}
	return source.Join(parts...)
}

// follow follows a source, which it closes at the end.
func follow(ctx context.Context, s *settings, src source.Source, log *slog.Logger, opts ...watcher.Option) (*watcher.Watcher, error) {
	opts = append(opts, watcher.WithLogger(log), watcher.WithConfig(s.parsing()...))
	if s.GetBool("wait-dir") {
		opts = append(opts, watcher.WithWait())
	}
	w, err := watcher.Follow(ctx, src, opts...)
	switch {
	case s.isOfStore(err):
		return nil, fmt.Errorf("%s: %w", s.origin(s.releasesFlag()), err)
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s: %w; create it, or start without it by --wait-dir", s.origin("dir"), err)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", s.origin("dir"), err)
	}
	return w, nil
}

// A builtIn is the source of the built-in datasets. They never change.
type builtIn struct{ loaded time.Time }

// Wait implements [source.Source].
func (b *builtIn) Wait(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// Poll implements [source.Source].
func (b *builtIn) Poll(ctx context.Context, depth source.Depth) (source.Batch, error) {
	batch := source.Batch{Health: source.Health{Mode: "builtin", Notified: true, LastScan: b.loaded}}
	if err := ctx.Err(); err != nil || !b.loaded.IsZero() && depth != source.PollReread {
		return batch, err
	}
	files, err := datasets.FS.ReadDir(".")
	if err != nil {
		return batch, err
	}
	for _, f := range files {
		data, err := datasets.FS.ReadFile(f.Name())
		batch.Changed = append(batch.Changed, source.Document{Name: f.Name(), Data: data, Err: err})
	}
	b.loaded = time.Now()
	batch.Health.LastScan = b.loaded
	return batch, nil
}

// Close implements [source.Source].
func (b *builtIn) Close() error { return nil }
