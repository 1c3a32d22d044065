package watcher

import (
	"context"
	"errors"
	"slices"

	"github.com/neurondex/neurondex/source"
)

// A request asks the loop for a poll, and for an answer once the result is served.
type request struct {
	depth   source.Depth
	ctx     context.Context //nolint:containedctx // the caller's: the loop must see that it has left
	answer  chan error      // holds one
	pending []string        // documents that were pending at the first poll; nil before it
}

// acceptsAll reports whether the caller of a request accepts what is held, and still waits.
func (r *request) acceptsAll() bool { return r.depth == source.PollReread && r.ctx.Err() == nil }

// Sync is a barrier: when it returns nil, the registry reflects the source as of the call. Of
// a directory, that is what its events report: not a write through a memory map, nor a
// change on a file system that keeps silent about it. Reload reads everything.
//
// If documents are invalid the error is a [*StaleError], if a change is held a
// [*ShrinkError], and if the source cannot be read [ErrSource] with the source's own error.
// If ctx is done first the error is the context's, with a [*StaleError] of the documents that
// were still pending.
func (w *Watcher) Sync(ctx context.Context) error { return w.ask(ctx, source.PollAll) }

// Reload is [Watcher.Sync], but reads every document again, whether or not it seems to have
// changed, and accepts what [WithMaxShrink] holds.
func (w *Watcher) Reload(ctx context.Context) error { return w.ask(ctx, source.PollReread) }

func (w *Watcher) ask(ctx context.Context, depth source.Depth) error {
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

// unfinished returns the error of a request whose caller leaves.
func (w *Watcher) unfinished(ctx context.Context) error {
	var pending []DocumentStatus
	w.mu.Lock()
	for name, since := range w.pending {
		pending = append(pending, DocumentStatus{Name: name, State: StatePending, Since: since})
	}
	w.mu.Unlock()
	sortByName(pending)
	if len(pending) == 0 {
		return ctx.Err()
	}
	return errors.Join(ctx.Err(), &StaleError{pending})
}

// wait returns when the source may have changed, or with requests: all that wait, so that
// they share a poll.
func (w *Watcher) wait(ctx context.Context) (asked []*request) {
	ctx, cancel := context.WithCancel(ctx)
	listening := make(chan struct{})
	go func() {
		defer close(listening)
		select {
		case r := <-w.requests:
			asked = append(asked, r)
			cancel()
		case <-ctx.Done():
		}
	}()
	_ = w.source.Wait(ctx) // an error shows in the poll
	cancel()
	<-listening
	for {
		select {
		case r := <-w.requests:
			asked = append(asked, r)
		default:
			return asked
		}
	}
}

// depthOf returns the depth of a poll that serves all of some requests.
func depthOf(requests []*request) source.Depth {
	depth := source.PollNotified
	for _, r := range requests {
		depth = max(depth, r.depth)
	}
	return depth
}

// answer answers the requests whose documents are not pending any more.
func (w *Watcher) answer(pending []string, err error) {
	w.waiting = slices.DeleteFunc(w.waiting, func(r *request) bool {
		switch {
		case r.ctx.Err() != nil:
			return true // its caller has left
		case err != nil:
			r.answer <- w.unreadable(err)
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

// staleness returns why the registry does not reflect the source; nil if it does.
func (w *Watcher) staleness() error {
	var errs []error
	if w.invalid > 0 {
		e := &StaleError{}
		for _, d := range w.documents {
			if d.status.State.isInvalid() {
				e.Documents = append(e.Documents, d.status)
			}
		}
		sortByName(e.Documents)
		errs = append(errs, e)
	}
	if w.change.held != nil {
		errs = append(errs, w.change.held)
	}
	return errors.Join(errs...)
}
