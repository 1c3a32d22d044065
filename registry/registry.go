package registry

import (
	"context"
	"iter"
	"sync"
	"sync/atomic"
)

// A Reader gives access to the current state of a registry and to its changes, but
// cannot change it. A [*Registry] is a Reader.
type Reader interface {
	// Snapshot returns the current state.
	Snapshot() *Snapshot
	// Updates yields the current state and then every change until ctx is done: see
	// [Registry.Updates].
	Updates(ctx context.Context) iter.Seq[Update]
}

// A Registry holds the current [Snapshot] and applies changes to it. The zero
// Registry is empty and ready to use. It must not be copied after first use.
//
// A Registry is safe for use by several goroutines. Readers never block.
type Registry struct {
	mu      sync.Mutex               // serializes ApplyIf
	current atomic.Pointer[Snapshot] // stored with mu held; nil before first use
}

// New returns an empty registry.
func New() *Registry { return new(Registry) }

// Snapshot returns the current state. It costs one atomic load.
func (r *Registry) Snapshot() *Snapshot {
	if s := r.current.Load(); s != nil {
		return s
	}
	return r.empty()
}

// empty stores the empty state unless there is a state already.
func (r *Registry) empty() *Snapshot {
	r.current.CompareAndSwap(nil, &Snapshot{superseded: make(chan struct{})})
	return r.current.Load()
}

// A Document is a named list of datasets, such as the content of one file.
type Document struct {
	Name     string
	Datasets []Spec
}

// A Change replaces the documents in Put and removes those named in Remove. A
// document may be named only once. Removing a document that does not exist has no
// effect.
type Change struct {
	Put    []Document
	Remove []string
}

// An Update is a step from one state of a registry to a later one.
type Update struct {
	Before, After *Snapshot
}

// Apply applies a change atomically and returns the resulting update. If a document
// is invalid, nothing changes and the error is a [*DocumentError].
//
// If several documents define a key, readers get the definition of the document
// whose name sorts last.
//
// A change that leaves every dataset as it is does not increment the generation:
// Before and After are then the same snapshot.
//
// The cost is proportional to the change, not to the size of the registry.
func (r *Registry) Apply(c Change) (Update, error) {
	return r.ApplyIf(c, func(Update) error { return nil })
}

// ApplyIf is like [Registry.Apply], but calls accept with the update before readers
// can see it. If accept returns an error, nothing changes and ApplyIf returns that
// error. Other changes wait for accept to return; accept must not apply any.
func (r *Registry) ApplyIf(c Change, accept func(Update) error) (Update, error) {
	r.mu.Lock()
	defer r.mu.Unlock()

	before := r.Snapshot()
	edits, err := before.prepare(c)
	if err != nil {
		return Update{}, err
	}
	after := before.with(edits)
	update := Update{before, after}
	if after.superseded == before.superseded {
		update.Before = after
	}
	if err := accept(update); err != nil {
		return Update{}, err
	}
	// Nothing fails from here on.
	r.current.Store(after)
	if update.Before != after {
		close(before.superseded)
	}
	return update, nil
}

// Updates yields an update from the empty state to the current one, and then, until
// ctx is done, an update for each change. Each update begins where the previous one
// ended. A slow consumer skips intermediate states, but never the last one, and
// blocks nobody. The loop needs no cleanup: leave it or cancel ctx.
func (r *Registry) Updates(ctx context.Context) iter.Seq[Update] {
	return func(yield func(Update) bool) {
		last := &Snapshot{}
		for ctx.Err() == nil {
			now := r.Snapshot()
			if !yield(Update{last, now}) {
				return
			}
			last = now
			select {
			case <-now.superseded:
			case <-ctx.Done():
			}
		}
	}
}
