package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A pollResult is what was measured of clients of the long poll that all saw the last state.
type pollResult struct {
	responses int
	fanOut    []time.Duration // sorted, from the change of the file to the client
}

// A poller waits for the list of datasets to change, and records what it sees.
type poller struct {
	client *http.Client
	url    string
	names  *names
	start  time.Time

	seen  []int32 // tags, for others once run has returned
	times []time.Duration
	last  atomic.Int32 // for others at any time
}

// run polls until ctx is done. A poll that fails is repeated.
func (p *poller) run(ctx context.Context) {
	tag := ""
	for ctx.Err() == nil {
		next, err := p.poll(ctx, tag)
		switch {
		case err != nil:
			select {
			case <-ctx.Done():
			case <-time.After(100 * time.Millisecond):
			}
		case next != tag:
			tag = next
			state := p.names.number([]byte(tag))
			p.seen, p.times = append(p.seen, state), append(p.times, time.Since(p.start))
			p.last.Store(state)
		}
	}
}

// poll waits until the list has another tag than the given one, and returns it, or the given
// one after a while.
func (p *poller) poll(ctx context.Context, tag string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url, nil)
	if err != nil {
		return "", err
	}
	r.Header.Set("Accept-Encoding", "identity") // a tag depends on it
	if tag != "" {
		r.Header.Set("If-None-Match", tag)
		r.Header.Set("Prefer", "wait=30")
	}
	response, err := p.client.Do(r)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return "", err
	}
	switch next := response.Header.Get("ETag"); {
	case response.StatusCode == http.StatusNotModified:
		return tag, nil
	case response.StatusCode != http.StatusOK || next == "":
		return "", fmt.Errorf("status %s, ETag %q", response.Status, next)
	default:
		return next, nil
	}
}

// pollLoad says how many clients poll, and how many changes to make.
type pollLoad struct {
	clients, changes int
	interval         time.Duration
	within           time.Duration // in which all must know the first state, and the last one
}

// longPolls makes changes while clients poll, and checks what they saw against one client that
// asks without waiting.
func longPolls(ctx context.Context, s *server, dir string, load pollLoad) (pollResult, error) {
	var result pollResult
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var names, tags names
	start := time.Now()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: load.clients, MaxConnsPerHost: load.clients + 1}}
	defer client.CloseIdleConnections()
	newPoller := func() *poller {
		return &poller{client: client, url: "http://" + s.address + "/v1/datasets", names: &tags, start: start}
	}
	p := &publisher{server: s, dir: dir, names: &names, start: start}
	if _, err := p.read(ctx, 0); err != nil {
		return result, err
	}
	first, err := newPoller().poll(ctx, "")
	if err != nil {
		return result, err
	}
	states := []int32{tags.number([]byte(first))}

	pollers := make([]*poller, load.clients)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	for i := range pollers {
		pollers[i] = newPoller()
		running.Go(func() { pollers[i].run(ctx) })
	}
	if err := untilAll(ctx, pollers, states[0], load.within); err != nil {
		return result, err
	}
	for range load.changes {
		if err := p.publish(ctx, 1, load.interval); err != nil {
			return result, err
		}
		tag, err := newPoller().poll(ctx, "")
		if err != nil {
			return result, err
		}
		states = append(states, tags.number([]byte(tag)))
	}
	if err := untilAll(ctx, pollers, states[len(states)-1], load.within); err != nil {
		return result, err
	}
	cancel()
	running.Wait()

	var errs []error
	for i, c := range pollers {
		if err := checkPolls(c.seen, states); err != nil {
			errs = append(errs, fmt.Errorf("client %d: %w", i, err))
		}
		for j, state := range c.seen[1:] {
			result.responses++
			if at := slices.Index(states, state); at > 0 {
				result.fanOut = append(result.fanOut, c.times[j+1]-p.times[at])
			}
		}
	}
	slices.Sort(result.fanOut)
	return result, errors.Join(errs[:min(len(errs), 10)]...)
}

// untilAll waits until all clients know a state.
func untilAll(ctx context.Context, pollers []*poller, state int32, within time.Duration) error {
	for deadline := time.Now().Add(within); ; time.Sleep(5 * time.Millisecond) {
		behind := 0
		for _, p := range pollers {
			if p.last.Load() != state {
				behind++
			}
		}
		switch {
		case behind == 0:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case time.Now().After(deadline):
			return fmt.Errorf("%d of %d clients miss the last state", behind, len(pollers))
		}
	}
}
