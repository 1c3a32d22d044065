package watcher

import (
	"log/slog"
	"time"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/registry"
)

// An Option changes how [Open] and [OpenSource] work.
type Option func(*options)

type options struct {
	dir       Dir
	log       *slog.Logger
	wait      bool
	maxShrink float64
	parsing   []config.Option
}

// WithLogger sets where to log: what each reload changed, and what is wrong with files.
// The default is [slog.Default].
func WithLogger(log *slog.Logger) Option { return func(o *options) { o.log = log } }

// WithWait makes a source that cannot be looked at no error of Open: the registry is
// empty, and Status not ready, until it can be.
func WithWait() Option { return func(o *options) { o.wait = true } }

// WithSettle sets how long a file must be still before it is read, in place of
// [DefaultSettle]. It is for Open only.
func WithSettle(d time.Duration) Option { return func(o *options) { o.dir.Settle = d } }

// WithMaxDelay sets how long files that are not still hold up the others, in place of
// [DefaultMaxDelay].
func WithMaxDelay(d time.Duration) Option { return func(o *options) { o.dir.MaxDelay = d } }

// WithResync sets how often to look at the directory without having been told of a
// change, in place of [DefaultResync]. It is for Open only.
func WithResync(d time.Duration) Option { return func(o *options) { o.dir.Resync = d } }

// WithPolling has the directory looked at every second, without asking the system to tell
// of changes. It is done without this option on file systems that tell of none (NFS, SMB,
// FUSE, 9p). It is for Open only.
func WithPolling() Option { return func(o *options) { o.dir.Polling = true } }

// WithConfinement refuses symbolic links that are absolute, or lead out of the directory.
// It is for Open only.
func WithConfinement() Option { return func(o *options) { o.dir.Confined = true } }

// WithMaxShrink holds a change back that would remove more than a share of the datasets at
// once, like 0.5: until [Watcher.Reload] says that it is meant, or it is none any more. The
// default is 1, all of them.
func WithMaxShrink(share float64) Option { return func(o *options) { o.maxShrink = share } }

// guard returns a [*ShrinkError] for an update that removes too much.
func (o *options) guard(u registry.Update) error {
	if o.maxShrink >= 1 || u.Before.Len() == 0 {
		return nil
	}
	e := &ShrinkError{Removed: len(u.Diff().Removed), Of: u.Before.Len(), MaxShare: o.maxShrink}
	if float64(e.Removed) <= o.maxShrink*float64(e.Of) {
		return nil
	}
	return e
}

// WithMaxBytes sets how many bytes a document may have, in place of
// [config.DefaultMaxBytes].
func WithMaxBytes(n int64) Option {
	return func(o *options) {
		o.dir.MaxBytes = n
		o.parsing = append(o.parsing, config.WithMaxBytes(n))
	}
}

// WithConfig sets how documents are parsed.
func WithConfig(opts ...config.Option) Option {
	return func(o *options) { o.parsing = append(o.parsing, opts...) }
}
