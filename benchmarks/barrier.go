package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// barriers measures how long it takes until a process is certain to serve every earlier
// change: after no change, after one, and after so many at once that events are lost.
func barriers(ctx context.Context, s scale) (result, error) {
	var res result
	peers, missing := watchmanPeers()
	peers = append([]peer{neurondexSync()}, append(peers, byHand())...)
	for i, n := range s.barrierSizes {
		took, err := barriersAmong(ctx, s, peers, n)
		if err != nil {
			return res, err
		}
		t := table{
			title: fmt.Sprintf("Barrier among %s files: time until every earlier change is served", grouped(n)),
			head:  []string{"", "nothing changed: p50", "p99", "a file renamed in: p50", "p99", "missed", "barriers"},
			note:  missing,
		}
		p := panel{x: "p50 to p99 (ms)", log: true}
		for i, b := range took {
			quiet50, quiet99 := quantile(b.quiet, 0.5), quantile(b.quiet, 0.99)
			renamed50, renamed99 := quantile(b.renamed, 0.5), quantile(b.renamed, 0.99)
			t.add(peers[i].name, span(quiet50), span(quiet99), span(renamed50), span(renamed99), fmt.Sprint(b.missed), grouped(len(b.quiet)+len(b.renamed)))
			p.dot(peers[i].name+": nothing changed", quiet50/1e6, quiet99/1e6)
			p.dot(peers[i].name+": one renamed", renamed50/1e6, renamed99/1e6)
			if i == 0 {
				p.title = fmt.Sprintf("Sync serves an earlier rename within %s, among %s files", span(renamed50), grouped(n))
			}
		}
		res.tables = append(res.tables, t)
		if i == len(s.barrierSizes)-1 {
			res.panels = append(res.panels, p)
		}
	}
	t, err := overflows(ctx, s, peers)
	res.tables = append(res.tables, t)
	return res, err
}

// barriersAmong measures the barriers of all peers, each with a directory of n files. They
// take short turns, so that what else the machine does falls on each of them.
func barriersAmong(ctx context.Context, s scale, peers []peer, n int) ([]*barrier, error) {
	took := make([]*barrier, len(peers))
	for i, p := range peers {
		b, err := newBarrier(ctx, p, n)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.name, err)
		}
		defer b.close()
		took[i] = b
	}
	if err := sleep(ctx, s.pause); err != nil {
		return nil, err
	}
	runtime.GC()
	for range s.rounds {
		for _, b := range took {
			if err := b.turn(ctx, s); err != nil {
				return nil, fmt.Errorf("%s: %w", b.peer.name, err)
			}
		}
	}
	return took, nil
}

// A barrier is a peer that follows a directory, and what its barriers took.
type barrier struct {
	peer     peer
	all      []dataset
	rng      *rand.Rand
	site     site
	follower *follower

	quiet, renamed []time.Duration
	missed         int // barriers after which the change was not served
}

func newBarrier(ctx context.Context, p peer, n int) (*barrier, error) {
	site, err := newSite()
	if err != nil {
		return nil, err
	}
	b := &barrier{peer: p, all: newDatasets(n), rng: newRand(), site: site}
	err = site.fill(p, b.all)
	if err == nil {
		b.follower, err = p.start(ctx, site.dir, b.all, false)
	}
	if err != nil {
		site.remove()
		return nil, err
	}
	return b, nil
}

func (b *barrier) close() {
	b.follower.close()
	b.site.remove()
}

// turn measures barriers after no change, and then barriers after one.
func (b *barrier) turn(ctx context.Context, s scale) error {
	if err := b.follower.sync(ctx, ""); err != nil { // a warm-up
		return err
	}
	for _, took := range []*[]time.Duration{&b.quiet, &b.renamed} {
		for c, began := 0, time.Now(); c < s.barriers && time.Since(began) < s.barrierTurn; c++ {
			i := b.rng.IntN(len(b.all))
			if took == &b.renamed {
				b.all[i].NeuronDatasetPath = pathOf(i, len(b.renamed)+1)
				if _, err := b.site.replace(b.peer.file(b.all, i)); err != nil {
					return err
				}
			}
			start := time.Now()
			if err := b.follower.sync(ctx, ""); err != nil {
				return err
			}
			*took = append(*took, time.Since(start))
			if path, complete := b.follower.path(i); path != b.all[i].NeuronDatasetPath || !complete {
				b.missed++
			}
		}
	}
	return nil
}

// overflows measures the barrier after more changes than the system has room for events.
func overflows(ctx context.Context, s scale, peers []peer) (table, error) {
	n := min(eventQueue()*9/8, s.overflowSize)
	t := table{
		title: fmt.Sprintf("Barrier after %s files were renamed in at once: time until all of them are served", grouped(n)),
		head:  []string{"", "time", "/ neurondex", "missed", "events lost"},
		note:  "The process of the peer is stopped meanwhile, so that events are lost if the files are more than the queue holds.",
	}
	var base float64
	for _, peer := range peers {
		o, err := overflowOf(ctx, s, peer, n)
		if err != nil {
			return t, fmt.Errorf("%s: %w", peer.name, err)
		}
		took := median(o.took)
		if base == 0 {
			base = took
		}
		t.add(peer.name, span(took), ratio(took/base), fmt.Sprint(o.missed), fmt.Sprintf("%d of %d times", o.lost, len(o.took)))
	}
	return t, nil
}

// eventQueue returns how many events the system keeps for a process that does not take them.
func eventQueue() int {
	data, err := os.ReadFile("/proc/sys/fs/inotify/max_queued_events")
	if err == nil {
		if n, err := strconv.Atoi(strings.TrimSpace(string(data))); err == nil {
			return n
		}
	}
	return 16_384 // Linux's default
}

// An overflow is what the barriers of a peer took after changes of all files.
type overflow struct {
	took   []time.Duration
	missed int // files that were not served after the barrier
	lost   int // changes of which events were lost
}

func overflowOf(ctx context.Context, s scale, p peer, n int) (overflow, error) {
	var o overflow
	site, err := newSite()
	if err != nil {
		return o, err
	}
	defer site.remove()
	all := newDatasets(n)
	if err := site.fill(p, all); err != nil {
		return o, err
	}
	f, err := p.start(ctx, site.dir, all, false)
	if err != nil {
		return o, err
	}
	defer f.close()
	for start := time.Now(); len(o.took) < s.overflows && time.Since(start) < s.budget/2; {
		for i := range all {
			all[i].NeuronDatasetPath = pathOf(i, len(o.took)+1)
			name, data := p.file(all, i)
			if err := os.WriteFile(filepath.Join(site.staged, name), data, 0o644); err != nil {
				return o, err
			}
		}
		runtime.GC()
		before := f.losses()
		if err := site.replaceStopped(ctx, f.pid); err != nil {
			return o, err
		}
		start := time.Now()
		if err := f.sync(ctx, ""); err != nil {
			return o, err
		}
		o.took = append(o.took, time.Since(start))
		if f.losses() > before {
			o.lost++
		}
		for i := range all {
			if path, _ := f.path(i); path != all[i].NeuronDatasetPath {
				o.missed++
			}
		}
	}
	return o, nil
}
