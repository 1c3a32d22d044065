package watcher

import (
	"fmt"
	"log/slog"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/registry"
)

// An Option configures [Open] and [Follow].
type Option func(*options)

type options struct {
	log       *slog.Logger
	wait      bool
	maxShrink float64
	allValid  bool
	parsing   []config.Option
}

func newOptions(opts []Option) (options, error) {
	o := options{log: slog.Default(), maxShrink: 1}
	for _, set := range opts {
		set(&o)
	}
	if !(0 <= o.maxShrink && o.maxShrink <= 1) { // NaN neither
		return o, fmt.Errorf("watcher: maximal shrink is %v, must be between 0 and 1", o.maxShrink)
	}
	return o, nil
}

// WithLogger sets the logger for reloads and for problems of documents. The default is
// [slog.Default]; nil discards.
func WithLogger(log *slog.Logger) Option {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return func(o *options) { o.log = log }
}

// WithWait lets the watcher start although its source cannot be read. The registry is
// empty, and [Watcher.CheckHealth] returns [ErrNotReady], until the source can be read.
func WithWait() Option { return func(o *options) { o.wait = true } }

// WithRequireValid makes the watcher ready only once all documents are valid. Without it
// one is enough.
func WithRequireValid() Option { return func(o *options) { o.allValid = true } }

// WithMaxShrink holds a change that would remove more than a share of the datasets at
// once, like 0.5, until [Watcher.Reload] accepts it or it does not any more. The share must
// be between 0 and 1; the default is 1, which holds nothing.
func WithMaxShrink(share float64) Option { return func(o *options) { o.maxShrink = share } }

// WithConfig sets options for [config.Parse].
func WithConfig(opts ...config.Option) Option {
	return func(o *options) { o.parsing = append(o.parsing, opts...) }
}

// checkShrink returns a [*ShrinkError] for an update that removes too many datasets, apart
// from those of documents whose change was accepted.
func (o *options) checkShrink(u registry.Update, accepted map[string]bool) error {
	if o.maxShrink >= 1 {
		return nil
	}
	e := &ShrinkError{Of: u.Before.Len(), Max: o.maxShrink}
	for _, d := range u.Diff().Removed {
		if !accepted[d.Document()] {
			e.Removed++
		}
	}
	if float64(e.Removed) <= o.maxShrink*float64(e.Of) {
		return nil
	}
	return e
}
