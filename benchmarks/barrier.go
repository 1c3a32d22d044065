package main

import (
	"context"
	"fmt"
	"os"
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
		t := table{
			title: fmt.Sprintf("Barrier among %s files: time until every earlier change is served", grouped(n)),
			head:  []string{"", "nothing changed: p50", "p99", "a file renamed in: p50", "p99", "missed", "barriers"},
			note:  missing,
		}
		var p panel
		for _, peer := range peers {
			b, err := barriersOf(ctx, s, peer, n)
			if err != nil {
				return res, fmt.Errorf("%s: %w", peer.name, err)
			}
			t.add(peer.name, span(quantile(b.quiet, 0.5)), span(quantile(b.quiet, 0.99)),
				span(quantile(b.renamed, 0.5)), span(quantile(b.renamed, 0.99)), fmt.Sprint(b.missed), grouped(len(b.quiet)+len(b.renamed)))
			p.dot(peer.name+", nothing changed", quantile(b.quiet, 0.5)/1e6, quantile(b.quiet, 0.99)/1e6)
			p.dot(peer.name+", one changed", quantile(b.renamed, 0.5)/1e6, quantile(b.renamed, 0.99)/1e6)
		}
		res.tables = append(res.tables, t)
		if i == len(s.barrierSizes)-1 {
			p.title = fmt.Sprintf("Sync serves every earlier change within %s, among %s files", span(p.dots[1].low*1e6), grouped(n))
			p.x, p.log = "p50 to p99 (ms)", true
			res.panels = append(res.panels, p)
		}
	}
	t, err := overflows(ctx, s, peers)
	res.tables = append(res.tables, t)
	return res, err
}

// A barrier is what the barriers of a peer took.
type barrier struct {
	quiet, renamed []time.Duration
	missed         int // barriers after which the change was not served
}

func barriersOf(ctx context.Context, s scale, p peer, n int) (barrier, error) {
	var b barrier
	site, err := newSite()
	if err != nil {
		return b, err
	}
	defer site.remove()
	all, rng := newDatasets(n), newRand()
	if err := site.fill(p, all); err != nil {
		return b, err
	}
	f, err := p.start(ctx, site.dir, all, false)
	if err != nil {
		return b, err
	}
	defer f.close()
	runtime.GC()
	if err := sleep(ctx, s.pause); err != nil {
		return b, err
	}

	measure := func() (time.Duration, error) {
		start := time.Now()
		err := f.sync(ctx, "")
		return time.Since(start), err
	}
	if _, err := measure(); err != nil { // a warm-up
		return b, err
	}
	for start := time.Now(); len(b.quiet) < s.barriers && time.Since(start) < s.budget/2; {
		took, err := measure()
		if err != nil {
			return b, err
		}
		b.quiet = append(b.quiet, took)
	}
	for start := time.Now(); len(b.renamed) < s.barriers && time.Since(start) < s.budget/2; {
		i := rng.IntN(n)
		all[i].NeuronDatasetPath = pathOf(i, len(b.renamed)+1)
		from, to, err := site.stage(p, all, i)
		if err != nil {
			return b, err
		}
		if err := os.Rename(from, to); err != nil {
			return b, err
		}
		took, err := measure()
		if err != nil {
			return b, err
		}
		b.renamed = append(b.renamed, took)
		if path, complete := f.path(i); path != all[i].NeuronDatasetPath || !complete {
			b.missed++
		}
	}
	return b, nil
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
		t.add(peer.name, span(took), ratio(took/base), fmt.Sprint(o.missed), o.lost)
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
	missed int    // files that were not served after the barrier
	lost   string // how often events were lost
}

func overflowOf(ctx context.Context, s scale, p peer, n int) (overflow, error) {
	o := overflow{lost: none}
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
	for start := time.Now(); len(o.took) < s.overflows && time.Since(start) < s.budget; {
		for i := range all {
			all[i].NeuronDatasetPath = pathOf(i, len(o.took)+1)
			if _, _, err := site.stage(p, all, i); err != nil {
				return o, err
			}
		}
		runtime.GC()
		if err := site.replaceStopped(ctx, f.pid); err != nil {
			return o, err
		}
		start := time.Now()
		if err := f.sync(ctx, ""); err != nil {
			return o, err
		}
		o.took = append(o.took, time.Since(start))
		for i := range all {
			if path, _ := f.path(i); path != all[i].NeuronDatasetPath {
				o.missed++
			}
		}
	}
	if f.losses != nil {
		o.lost = fmt.Sprintf("%d of %d times", f.losses(), len(o.took))
	}
	return o, nil
}
