package watcher

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/neurondex/neurondex/registry"
)

// A Watcher keeps a registry in step with a [Source]. Its methods are safe for use by
// several goroutines.
type Watcher struct {
	// Set once.
	options  options
	source   Source
	registry *registry.Registry
	requests chan *request
	done     chan struct{}

	// Owned by the loop.
	waiting []*request // for documents that are pending
	held    held

	mu        sync.Mutex           // guards the rest: the loop writes it, Status reads it
	documents map[string]*document // by name
	pending   map[string]time.Time // those that are changing just now, and since when
	snapshot  *registry.Snapshot   // that all this goes with
	status    Status               // less what the above tell
}

// A request asks the loop to look now, and to answer once what it saw is served.
type request struct {
	depth   Depth
	ctx     context.Context //nolint:containedctx // the caller's, whose leaving the loop must see
	answer  chan error      // holds one
	pending []string        // documents that were pending at the first look; nil before
}

// ErrClosed says that the watcher's context is done.
var ErrClosed = errors.New("watcher is closed")

// Open loads the dataset files of a directory and follows them until ctx is done. That
// the directory cannot be read is an error, unless [WithWait] is given; files that are
// bad are not: see [Watcher.Status].
func Open(ctx context.Context, dir string, opts ...Option) (*Watcher, error) {
	o := newOptions(opts)
	source := o.dir
	source.Path = dir
	return open(ctx, &source, o)
}

// OpenSource is [Open] for any source, which it closes when ctx is done, or if it fails.
func OpenSource(ctx context.Context, source Source, opts ...Option) (*Watcher, error) {
	return open(ctx, source, newOptions(opts))
}

func newOptions(opts []Option) options {
	o := options{log: slog.Default(), maxShrink: 1}
	for _, set := range opts {
		set(&o)
	}
	return o
}

func open(ctx context.Context, source Source, o options) (*Watcher, error) {
	w := &Watcher{
		options: o, source: source, registry: registry.New(),
		requests: make(chan *request), done: make(chan struct{}),
		documents: make(map[string]*document), pending: make(map[string]time.Time),
	}
	w.snapshot = w.registry.Snapshot()
	if err := w.first(ctx); err != nil {
		return nil, errors.Join(err, source.Close())
	}
	go w.run(ctx)
	return w, nil
}

// first loads the source: all of it, but for documents that are still changing after
// the longest delay.
func (w *Watcher) first(ctx context.Context) error {
	deadline, cancel := context.WithTimeout(ctx, orDefault(w.options.dir.MaxDelay, DefaultMaxDelay))
	defer cancel()
	for depth := Everything; ; depth = Noticed {
		pending, err := w.look(ctx, depth)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && !w.options.wait:
			return err
		case err != nil:
			w.sourceFailed(err)
			return nil
		case len(pending) == 0:
			return nil
		}
		if w.source.Wait(deadline) != nil && ctx.Err() == nil {
			return nil
		}
	}
}

// Registry returns the registry. It stays as it is when the context is done.
func (w *Watcher) Registry() *registry.Registry { return w.registry }

// Done returns a channel that is closed when the context is done and everything that
// the watcher had running has ended.
func (w *Watcher) Done() <-chan struct{} { return w.done }

// Sync is a barrier: when it returns nil, the registry reflects the source as it stood
// when Sync was called. If documents are bad the error is a [*StaleError], and if the guard
// of [WithMaxShrink] holds a change back a [*ShrinkError]; if the source cannot be looked
// at, it says why; if ctx ends first, it is the context's, with the documents that were not
// at rest.
func (w *Watcher) Sync(ctx context.Context) error { return w.ask(ctx, Everything) }

// Reload is [Watcher.Sync], but reads every document again, whether it seems to have
// changed or not, and takes what [WithMaxShrink] holds back: whoever asks means it.
func (w *Watcher) Reload(ctx context.Context) error { return w.ask(ctx, Afresh) }

func (w *Watcher) ask(ctx context.Context, depth Depth) error {
	r := &request{depth: depth, ctx: ctx, answer: make(chan error, 1)}
	select {
	case w.requests <- r:
	case <-ctx.Done():
		return w.unfinished(ctx)
	case <-w.done:
		return ErrClosed
	}
	select {
	case err := <-r.answer:
		return err
	case <-ctx.Done():
		return w.unfinished(ctx)
	case <-w.done:
		return ErrClosed
	}
}

// unfinished returns the error of a request whose caller waits no longer.
func (w *Watcher) unfinished(ctx context.Context) error {
	var busy []DocumentStatus
	for _, d := range w.Status().Documents {
		if d.State == Busy {
			busy = append(busy, d)
		}
	}
	if len(busy) == 0 {
		return ctx.Err()
	}
	return errors.Join(ctx.Err(), &StaleError{busy})
}

// run is the loop. It ends when ctx is done.
func (w *Watcher) run(ctx context.Context) {
	defer close(w.done)
	defer func() {
		if err := w.source.Close(); err != nil {
			w.options.log.Warn("closing the source of datasets failed", "err", err)
		}
	}()
	for ctx.Err() == nil {
		asked := w.wait(ctx)
		if ctx.Err() != nil {
			return
		}
		depth := Noticed
		if asked != nil {
			depth = asked.depth
		}
		pending, err := w.look(ctx, depth)
		if err != nil && ctx.Err() == nil {
			w.sourceFailed(err)
		}
		if asked != nil {
			w.waiting = append(w.waiting, asked)
		}
		w.answer(pending, err)
	}
}

// wait returns when it may be worth looking; with the request, if one came.
func (w *Watcher) wait(ctx context.Context) (asked *request) {
	ctx, cancel := context.WithCancel(ctx)
	listening := make(chan struct{})
	go func() {
		defer close(listening)
		select {
		case asked = <-w.requests:
			cancel()
		case <-ctx.Done():
		}
	}()
	_ = w.source.Wait(ctx) // whatever it says, looking tells
	cancel()
	<-listening
	return asked
}

// answer answers the requests for which nothing is pending any more.
func (w *Watcher) answer(pending []string, err error) {
	w.waiting = slices.DeleteFunc(w.waiting, func(r *request) bool {
		switch {
		case r.ctx.Err() != nil:
			return true // its caller has left
		case err != nil:
			r.answer <- err
			return true
		case r.pending == nil:
			r.pending = slices.Clone(pending)
		default:
			r.pending = slices.DeleteFunc(r.pending, func(name string) bool { return !slices.Contains(pending, name) })
		}
		if len(r.pending) > 0 {
			return false
		}
		r.answer <- w.staleness()
		return true
	})
}

// staleness returns what keeps the registry from reflecting the source: nil if nothing does.
func (w *Watcher) staleness() error {
	var stale []DocumentStatus
	for _, d := range w.documents {
		if d.State == Stale {
			stale = append(stale, d.DocumentStatus)
		}
	}
	var errs []error
	if len(stale) > 0 {
		sortByName(stale)
		errs = append(errs, &StaleError{stale})
	}
	if w.held.err != nil {
		errs = append(errs, w.held.err)
	}
	return errors.Join(errs...)
}

// look takes one step along the whole flow: poll, parse, apply, report. It returns the
// documents that are pending.
func (w *Watcher) look(ctx context.Context, depth Depth) (pending []string, err error) {
	start := time.Now()
	batch, err := w.source.Poll(ctx, depth)
	w.noteHealth(batch.Health)
	if err != nil {
		return nil, err
	}
	w.accept(batch, w.parse(batch.Changed))
	// What a reload waits for is meant as much as what it found at once.
	meant := depth == Afresh || slices.ContainsFunc(w.waiting, func(r *request) bool { return r.depth == Afresh && r.ctx.Err() == nil })
	update, err := w.apply(meant)
	w.report(update, batch.Pending, start)
	return batch.Pending, err
}
