package main

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/neurondex/neurondex/source/dir"
)

// idle measures the CPU time of followers while no file changes.
func idle(ctx context.Context, s scale) (result, error) {
	t := table{
		title: fmt.Sprintf("Idle, %s datasets: CPU time while no file changes", grouped(s.idleSize)),
		head:  []string{"", "full scans", "share of a core"},
		note:  "Each is measured from the middle of one scan interval to the middle of the next. Prometheus scans every 5 minutes by default; its share is lower in proportion.",
	}
	p := panel{x: "share of a core (%)", log: true}
	for _, row := range []struct {
		peer  peer
		scans string
	}{
		{neurondex(dir.Dir{Resync: s.scanInterval}), fmt.Sprintf("every %v", s.scanInterval)},
		{prometheusFiles(s.scanInterval), fmt.Sprintf("every %v", s.scanInterval)},
		{viperFile(), "none"},
	} {
		share, err := idleOf(ctx, s, row.peer)
		if err != nil {
			return result{}, fmt.Errorf("%s: %w", row.peer.name, err)
		}
		t.add(row.peer.name, row.scans, fmt.Sprintf("%.4f %%", 100*share))
		p.dot(row.peer.name, 100*share, 100*share)
		if isOurs(row.peer.name) {
			p.title = fmt.Sprintf("%s datasets cost %s %% of a core while no file changes", grouped(s.idleSize), digits(100*share))
		}
	}
	return result{tables: []table{t}, panels: []panel{p}}, nil
}

func idleOf(ctx context.Context, s scale, p peer) (share float64, err error) {
	site, err := newSite()
	if err != nil {
		return 0, err
	}
	defer site.remove()
	all := newDatasets(s.idleSize)
	if err := site.fill(p, all); err != nil {
		return 0, err
	}
	f, err := p.start(ctx, site.dir, all, true)
	if err != nil {
		return 0, err
	}
	defer f.close()
	runtime.GC() // so that none falls into the measurement
	if err := sleep(ctx, s.scanInterval/2); err != nil {
		return 0, err
	}
	cpu, start := cpuTime(), time.Now()
	if err := sleep(ctx, s.scanInterval); err != nil {
		return 0, err
	}
	return float64(cpuTime()-cpu) / float64(time.Since(start)), nil
}
