package watcher

import (
	"context"
	"fmt"
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
		pending, err := w.step(ctx, depthOf(asked))
		w.waiting = append(w.waiting, asked...)
		w.answer(pending, err)
	}
}

// step takes documents along the whole way: poll, parse, apply, report. It returns the
// names of those that are pending.
func (w *Watcher) step(ctx context.Context, depth source.Depth) (pending []string, err error) {
	start := time.Now()
	batch, err := w.poll(ctx, depth)
	if err != nil && ctx.Err() != nil {
		return nil, err
	}
	transitions := w.record(batch, w.parse(batch.Changed))
	w.accept(batch, err == nil && depth == source.PollReread)
	applied := w.apply()
	w.report(batch, err, transitions, applied, start)
	return batch.Pending, err
}

// slowPoll is how long a poll may take until the source counts as one that cannot be read.
const slowPoll = 30 * time.Second

var errSlow = fmt.Errorf("reading it takes longer than %v", slowPoll)

// poll polls the source. If that takes too long, it says so meanwhile.
func (w *Watcher) poll(ctx context.Context, depth source.Depth) (source.Batch, error) {
	reported := make(chan struct{})
	timer := time.AfterFunc(slowPoll, func() {
		defer close(reported)
		w.reportSlow() // the loop waits
	})
	batch, err := w.source.Poll(ctx, depth)
	if !timer.Stop() {
		<-reported
	}
	return batch, err
}
