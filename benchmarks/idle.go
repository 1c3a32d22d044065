package main

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/neurondex/neurondex/source/dir"
)

// idle measures what following files costs while nothing happens.
func idle(ctx context.Context, s scale) (result, error) {
	t := table{
		title: fmt.Sprintf("Idle, %s datasets: share of one core while nothing happens", grouped(s.idleSize)),
		head:  []string{"", "looks by itself", "share of a core"},
		note:  "Each is watched from the middle of one period to that of the next. Prometheus looks every 5 minutes if nothing else is said, which divides its share.",
	}
	p := panel{title: fmt.Sprintf("Idle, %s datasets", grouped(s.idleSize)), x: "share of a core (%)", log: true}
	for _, row := range []struct {
		peer  peer
		looks string
	}{
		{neurondex(dir.Dir{Resync: s.idle}), fmt.Sprintf("every %v", s.idle)},
		{prometheusPeer(s.idle), fmt.Sprintf("every %v", s.idle)},
		{viperPeer(), "never"},
	} {
		share, err := idleOf(ctx, s, row.peer)
		if err != nil {
			return result{}, fmt.Errorf("%s: %w", row.peer.name, err)
		}
		t.add(row.peer.name, row.looks, fmt.Sprintf("%.4f %%", 100*share))
		p.dot(row.peer.name, 100*share, 100*share)
	}
	return result{tables: []table{t}, panels: []panel{p}}, nil
}

func idleOf(ctx context.Context, s scale, p peer) (share float64, err error) {
	where, err := newSite()
	if err != nil {
		return 0, err
	}
	defer where.remove()
	all := world(s.idleSize)
	if err := where.fill(p, all); err != nil {
		return 0, err
	}
	following, stop := context.WithCancel(ctx)
	f, err := p.follow(following, where.dir, all, true)
	if err != nil {
		stop()
		return 0, err
	}
	defer func() {
		stop()
		f.close()
	}()
	runtime.GC() // or else it comes later, by itself
	if err := sleep(ctx, s.idle/2); err != nil {
		return 0, err
	}
	cpu, start := cpuTime(), time.Now()
	if err := sleep(ctx, s.idle); err != nil {
		return 0, err
	}
	return float64(cpuTime()-cpu) / float64(time.Since(start)), nil
}
