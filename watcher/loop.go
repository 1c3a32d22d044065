package watcher

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/neurondex/neurondex/source"
)

// loadTimeout is how long Follow waits for documents that are changing.
const loadTimeout = time.Second

// load loads the source: all of it, except for documents that keep changing.
func (w *Watcher) load(ctx context.Context) error {
	deadline, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	for depth := source.PollAll; ; depth = source.PollNotified {
		pending, err := w.step(ctx, depth)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && !w.options.wait:
			return err
		case err != nil, len(pending) == 0:
			return nil
		}
		if w.source.Wait(deadline) != nil && ctx.Err() == nil {
			return nil
		}
	}
}

// run is the loop. It ends with ctx.
func (w *Watcher) run(ctx context.Context) {
	defer close(w.done)
	defer func() {
		w.cancel()
		if w.closeErr = w.source.Close(); w.closeErr != nil {
			w.options.log.Warn("cannot close source", "err", w.closeErr)
		}
	}()
	for ctx.Err() == nil {
		asked := w.wait(ctx)
		if ctx.Err() != nil {
			return
		}
		depth := source.PollNotified
		for _, r := range asked {
			depth = max(depth, r.depth)
		}
		pending, err := w.step(ctx, depth)
		w.waiting = append(w.waiting, asked...)
		w.answer(pending, err)
	}
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

// step takes documents along the whole way: poll, parse, apply, report. It returns the
// names of those that are pending.
func (w *Watcher) step(ctx context.Context, depth source.Depth) (pending []string, err error) {
	start := time.Now()
	batch, err := w.source.Poll(ctx, depth)
	if err != nil && ctx.Err() != nil {
		return nil, err
	}
	transitions := w.record(batch, w.parse(batch.Changed))
	w.accept(batch, err == nil && depth == source.PollReread)
	applied := w.apply()
	w.report(batch, err, transitions, applied, start)
	return batch.Pending, err
}

// answer answers the requests whose documents are not pending any more.
func (w *Watcher) answer(pending []string, err error) {
	w.waiting = slices.DeleteFunc(w.waiting, func(r *request) bool {
		switch {
		case r.ctx.Err() != nil:
			return true // its caller has left
		case err != nil:
			r.answer <- fmt.Errorf("%w: %w", ErrSource, err)
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
	if w.stale > 0 {
		e := &StaleError{}
		for _, d := range w.documents {
			if d.status.State == StateStale {
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
