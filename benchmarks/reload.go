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

// reloads measures the time and the CPU time of a reload after one change.
func reloads(ctx context.Context, s scale) (result, error) {
	var res result
	for i, n := range s.reloadSizes {
		t := table{
			title: fmt.Sprintf("One change among %s datasets: time from the rename until the change is readable, and CPU time of the process", grouped(n)),
			head:  []string{"", "time", "/ neurondex", "CPU time", "/ neurondex", "changes"},
		}
		p := panel{x: "CPU time (ms)", log: true}
		var base reloadCost
		for _, peer := range []peer{neurondex(dir.Dir{}), neurondexSync(), neurondexApply(), byHand(), viperFile(), koanfFile(), prometheusFiles(time.Hour)} {
			cost, err := reloadsOf(ctx, s, peer, n)
			if err != nil {
				return res, fmt.Errorf("%s: %w", peer.name, err)
			}
			if base.changes == 0 {
				base = cost
				p.title = fmt.Sprintf("A change costs %s of CPU time, among %s datasets", span(cost.cpu), grouped(n))
			}
			t.add(peer.name, span(cost.wall), ratio(cost.wall/base.wall), span(cost.cpu), ratio(cost.cpu/base.cpu), fmt.Sprint(cost.changes))
			p.dot(peer.name, cost.cpu/1e6, cost.cpu/1e6)
		}
		res.tables = append(res.tables, t)
		if i == len(s.reloadSizes)-1 {
			res.panels = append(res.panels, p)
		}
	}
	return res, nil
}

// A reloadCost is the cost of a change, in nanoseconds.
type reloadCost struct {
	wall    float64 // median
	cpu     float64 // mean
	changes int
}

func reloadsOf(ctx context.Context, s scale, p peer, n int) (reloadCost, error) {
	site, err := newSite()
	if err != nil {
		return reloadCost{}, err
	}
	defer site.remove()
	all, rng := newDatasets(n), newRand()
	if err := site.fill(p, all); err != nil {
		return reloadCost{}, err
	}

	// All new files are written in advance: writing one is not part of a reload.
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
		changes[c] = change{i, name, filepath.Join(site.staged, fmt.Sprint(c)), all[i].NeuronDatasetPath}
		if err := os.WriteFile(changes[c].staged, data, 0o644); err != nil {
			return reloadCost{}, err
		}
	}

	f, err := p.start(ctx, site.dir, all, false)
	if err != nil {
		return reloadCost{}, err
	}
	defer f.close()
	runtime.GC()
	if err := sleep(ctx, s.pause); err != nil {
		return reloadCost{}, err
	}

	bounded, cancel := context.WithTimeout(ctx, 2*s.budget) // a lost change must not block the run
	defer cancel()
	var took []time.Duration
	began, cpu := time.Now(), cpuTime()
	for _, c := range changes {
		if err := os.Rename(c.staged, filepath.Join(site.dir, c.name)); err != nil {
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
