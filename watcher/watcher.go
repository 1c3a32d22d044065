package watcher

import (
	"context"
	"errors"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/source"
	"github.com/neurondex/neurondex/source/dir"
)

// A Watcher keeps a registry in step with a [source.Source]. It is a [registry.Reader].
// Its methods are safe for concurrent use.
type Watcher struct {
	// Set once.
	options  options
	source   source.Source
	registry *registry.Registry
	requests chan *request
	cancel   context.CancelFunc
	done     chan struct{}
	closeErr error // of the source; set before done is closed

	// Owned by the loop.
	waiting   []*request // for documents that are pending
	change    change
	accepted  map[string]bool // pending documents whose change a reload accepted
	sourceErr error           // of the last poll
	invalid   int             // documents in StateInvalid or StateStale
	ignored   map[string]bool // files of the source's health that were logged

	healthErr atomic.Pointer[error] // what CheckHealth returns; nil if all is well

	mu        sync.Mutex           // guards the rest: the loop writes it, Status reads it
	documents map[string]*document // by name
	pending   map[string]time.Time // documents that are changing, and since when
	removals  map[string]time.Time // documents whose removal is held, and since when
	snapshot  *registry.Snapshot   // that the other fields go with
	status    Status               // without what is derived from the other fields

	failedSince time.Time // when the source could not be read first; zero if it can be
}

var _ registry.Reader = (*Watcher)(nil)

// Open loads the dataset files below a directory and follows them; ctx bounds the
// watcher's life, not only the call. It is [Follow] for a [dir.Dir] with the defaults.
func Open(ctx context.Context, path string, opts ...Option) (*Watcher, error) {
	return Follow(ctx, &dir.Dir{Path: path}, opts...)
}

// Follow loads the documents of a source and follows them; ctx bounds the watcher's life,
// not only the call. To end it earlier, call [Watcher.Close]. The watcher closes the source
// when it ends, or if Follow fails.
//
// A source that cannot be read is an error, unless [WithWait] is given. Invalid documents
// are not: see [Watcher.Status].
func Follow(ctx context.Context, src source.Source, opts ...Option) (*Watcher, error) {
	o, err := newOptions(opts)
	if err != nil {
		return nil, errors.Join(err, src.Close())
	}
	ctx, cancel := context.WithCancel(ctx)
	w := &Watcher{
		options: o, source: src, registry: registry.New(), cancel: cancel,
		requests: make(chan *request), done: make(chan struct{}),
		documents: make(map[string]*document), pending: make(map[string]time.Time), ignored: make(map[string]bool),
	}
	if err := w.load(ctx); err != nil {
		cancel()
		return nil, errors.Join(err, src.Close())
	}
	go w.run(ctx)
	return w, nil
}

// Snapshot returns the current state: one atomic load. It stays as it is when the watcher
// has ended.
func (w *Watcher) Snapshot() *registry.Snapshot { return w.registry.Snapshot() }

// Updates yields the current state and then each later one: see
// [registry.Registry.Updates].
func (w *Watcher) Updates(ctx context.Context) iter.Seq[registry.Update] {
	return w.registry.Updates(ctx)
}

// Close ends the watcher, waits until everything that it started has ended, and returns
// the error of closing its source. It may be called more than once.
func (w *Watcher) Close() error {
	w.cancel()
	<-w.done
	return w.closeErr
}

// Done returns a channel that is closed when the watcher has ended.
func (w *Watcher) Done() <-chan struct{} { return w.done }
