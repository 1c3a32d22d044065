package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"
)

// A streamLoad says how many streams to follow, and how many changes to make.
type streamLoad struct {
	streams  int
	vanished int // of them
	changes  int
	interval time.Duration // between changes
	within   time.Duration // in which vanished streams must be gone from the count
}

// A streamResult is what was measured of streams that all saw every change.
type streamResult struct {
	delivered int             // changes, over all streams
	fanOut    []time.Duration // sorted, from the change of the file to the client
	gone      time.Duration   // until the vanished streams were gone from the count
	restart   time.Duration   // from the end of the server until all streams followed again
	memory    int64           // bytes of the server for each stream
	bytes     float64         // for each change and stream, with all headers and heartbeats
}

// followStreams opens streams and changes files. A part of the streams vanishes after a quarter of
// the changes, and the server restarts after half of them. At the end the histories are checked.
func followStreams(ctx context.Context, s *server, dir string, load streamLoad) (streamResult, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var result streamResult
	var names names
	start := time.Now()
	p := &publisher{server: s, dir: dir, names: &names, start: start}
	if _, err := p.read(ctx, 0); err != nil {
		return result, err
	}

	memory := s.memory()
	streams := make([]*stream, load.streams)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	for i := range streams {
		streams[i] = &stream{address: s.address, names: &names, start: start}
		running.Go(func() { streams[i].run(ctx) })
		if i%200 == 199 { // or the backlog of the listener is full
			if err := follow(ctx, streams[:i+1], 1, p); err != nil {
				return result, err
			}
		}
	}
	if err := follow(ctx, streams, 1, p); err != nil {
		return result, err
	}
	result.memory = (s.memory() - memory) / int64(load.streams)

	vanishing, live := streams[:load.vanished], streams[load.vanished:]
	before := received(live)
	if err := p.publish(ctx, load.changes/4, load.interval); err != nil {
		return result, err
	}
	for _, s := range vanishing {
		if err := vanish(s.conn.Load()); err != nil {
			return result, err
		}
	}
	gone := make(chan error, 1)
	go func() {
		var err error
		result.gone, err = untilGone(ctx, s, len(live), load.within)
		gone <- err
	}()
	err := p.publish(ctx, load.changes/2-load.changes/4, load.interval)
	if err = errors.Join(err, <-gone); err != nil {
		return result, err
	}
	if err := follow(ctx, live, 1, p); err != nil {
		return result, err
	}

	stopped := time.Now()
	if err := errors.Join(s.stop(), s.start(ctx)); err != nil {
		return result, err
	}
	if err := follow(ctx, live, 2, p); err != nil {
		return result, fmt.Errorf("after the restart: %w", err)
	}
	result.restart = time.Since(stopped)
	if err := p.publish(ctx, load.changes-load.changes/2, load.interval); err != nil {
		return result, err
	}
	if err := follow(ctx, live, 2, p); err != nil {
		return result, err
	}
	result.bytes = float64(received(live)-before) / float64(load.changes) / float64(len(live))
	cancel()
	running.Wait()
	return result, result.check(streams, load.vanished, p)
}

// follow waits until all streams know the last state, and have done so on as many connections.
func follow(ctx context.Context, streams []*stream, sessions int32, p *publisher) error {
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		behind := 0
		var failure error
		for _, s := range streams {
			if s.last.Load() != p.last() || s.sessions.Load() < sessions {
				behind++
				if err := s.failure.Load(); err != nil {
					failure = *err
				}
			}
		}
		switch {
		case behind == 0:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case time.Now().After(deadline):
			return errors.Join(fmt.Errorf("%d of %d streams do not follow", behind, len(streams)), failure)
		}
	}
}

// untilGone waits until the server counts no more streams than there are, and returns how long
// that took.
func untilGone(ctx context.Context, s *server, live int, within time.Duration) (time.Duration, error) {
	start := time.Now()
	for ; ctx.Err() == nil; time.Sleep(100 * time.Millisecond) {
		status, err := s.status(ctx)
		switch n := status.Streams; {
		case err != nil:
			return 0, err
		case n < live:
			return 0, fmt.Errorf("the server counts %d streams, but %d are alive", n, live)
		case n == live:
			return time.Since(start), nil
		case time.Since(start) > within:
			return 0, fmt.Errorf("after %v the server counts %d streams, but only %d are alive", within, n, live)
		}
	}
	return 0, ctx.Err()
}

func received(streams []*stream) int64 {
	var n int64
	for _, s := range streams {
		n += s.bytes.Load()
	}
	return n
}

// check checks the histories and measures them.
func (r *streamResult) check(streams []*stream, vanished int, p *publisher) error {
	at := make(map[int32]time.Duration, len(p.states))
	for i, state := range p.states {
		at[state] = p.times[i]
	}
	var errs []error
	for i, s := range streams {
		if err := checkHistory(s.history, p.states, i < vanished); err != nil {
			errs = append(errs, fmt.Errorf("stream %d: %w", i, err))
		}
		for _, e := range s.history {
			if e.kind == changeEvent {
				r.delivered++
				r.fanOut = append(r.fanOut, e.at-at[e.after])
			}
		}
	}
	slices.Sort(r.fanOut)
	if len(errs) > 10 {
		errs = append(errs[:10], fmt.Errorf("and %d more streams", len(errs)-10))
	}
	return errors.Join(errs...)
}

// quantile returns a quantile of sorted durations.
func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[int(math.Ceil(q*float64(len(sorted))))-1]
}
