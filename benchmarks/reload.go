package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/neurondex/neurondex/source/dir"
)

// reloads measures what it costs to take in that one file of many changed.
func reloads(ctx context.Context, s scale) (result, error) {
	var res result
	for _, n := range s.reloadSizes {
		t := table{
			title: fmt.Sprintf("One change among %s datasets: from the rename to its being readable, and all the work done", grouped(n)),
			head:  []string{"", "time", "/ neurondex", "CPU", "/ neurondex", "changes"},
		}
		p := panel{title: fmt.Sprintf("One change among %s datasets", grouped(n)), x: "CPU time (ms)", log: true}
		var base reloadCost
		for _, peer := range []peer{neurondex(dir.Dir{}), asked(), step(), plain(), viperPeer(), koanfPeer(), prometheusPeer(time.Hour)} {
			cost, err := reloadsOf(ctx, s, peer, n)
			if err != nil {
				return res, fmt.Errorf("%s: %w", peer.name, err)
			}
			if base.changes == 0 {
				base = cost
			}
			t.add(peer.name, span(cost.wall), ratio(cost.wall/base.wall), span(cost.cpu), ratio(cost.cpu/base.cpu), fmt.Sprint(cost.changes))
			p.dot(peer.name, cost.cpu/1e6, cost.cpu/1e6)
		}
		res.tables, res.panels = append(res.tables, t), append(res.panels, p)
	}
	return res, nil
}

type reloadCost struct {
	wall, cpu float64 // nanoseconds: the median; the mean
	changes   int
}

func reloadsOf(ctx context.Context, s scale, p peer, n int) (reloadCost, error) {
	where, err := newSite()
	if err != nil {
		return reloadCost{}, err
	}
	defer where.remove()
	all, rng := world(n), newRand()
	if err := where.fill(p, all); err != nil {
		return reloadCost{}, err
	}

	// Every new file is written before the clock starts: what it costs to make one is
	// no part of a reload.
	type change struct {
		i            int
		name, staged string
		path         string
	}
	changes := make([]change, s.reloads)
	for c := range changes {
		i := rng.IntN(n)
		all[i].NeuronDatasetPath = pathOf(i, c+1)
		name, data := p.file(all, i)
		changes[c] = change{i, name, filepath.Join(where.staged, fmt.Sprint(c)), all[i].NeuronDatasetPath}
		if err := os.WriteFile(changes[c].staged, data, 0o644); err != nil {
			return reloadCost{}, err
		}
	}

	following, stop := context.WithCancel(ctx)
	f, err := p.follow(following, where.dir, all, false)
	if err != nil {
		stop()
		return reloadCost{}, err
	}
	defer func() {
		stop()
		f.close()
	}()
	runtime.GC()
	if err := sleep(ctx, s.settle); err != nil {
		return reloadCost{}, err
	}

	bounded, cancel := context.WithTimeout(ctx, 2*s.budget) // one that is never readable must not hold up the rest
	defer cancel()
	var took []time.Duration
	began, cpu := time.Now(), cpuTime()
	for _, c := range changes {
		if err := os.Rename(c.staged, filepath.Join(where.dir, c.name)); err != nil {
			return reloadCost{}, err
		}
		start := time.Now()
		for path := ""; path != c.path; path, _ = f.path(c.i) {
			if err := f.sync(bounded, c.name); err != nil {
				return reloadCost{}, fmt.Errorf("after %d changes: %w", len(took), err)
			}
		}
		took = append(took, time.Since(start))
		if time.Since(began) > s.budget {
			break
		}
	}
	return reloadCost{median(took), float64(cpuTime()-cpu) / float64(len(took)), len(took)}, nil
}
