package main

import (
	"context"
	"fmt"
	"time"

	"github.com/neurondex/neurondex/source/dir"
)

// latencies measures the time from a change of a file until the process reads it, for peers
// that follow files.
func latencies(ctx context.Context, s scale) (result, error) {
	t := table{
		title: fmt.Sprintf("From the last system call of a change until the change is readable, %s datasets", grouped(s.latencySize)),
		head:  []string{"", "written by", "p50", "p99", "p50 / neurondex", "changes", "lost", "torn"},
		note:  fmt.Sprintf("The time starts before the system call. Lost: not readable within %v. Torn: notifications of states that lack datasets.", s.timeout),
	}
	p := panel{x: "p50 to p99 (ms)", log: true}
	cert, err := certificate()
	if err != nil {
		return result{}, err
	}
	base := make(map[string]float64)
	for _, peer := range []peer{neurondex(dir.Dir{}), byHand(), viperFile(), koanfFile(), prometheusFiles(time.Hour), cert} {
		for _, how := range []string{"rename", "in place"} {
			l, err := latencyOf(ctx, s, peer, how)
			if err != nil {
				return result{}, fmt.Errorf("%s, %s: %w", peer.name, how, err)
			}
			p50, p99 := quantile(l.took, 0.5), quantile(l.took, 0.99)
			if _, ok := base[how]; !ok {
				base[how] = p50
			}
			t.add(peer.name, how, span(p50), span(p99), ratio(p50/base[how]), fmt.Sprint(l.changes), fmt.Sprint(l.lost), fmt.Sprint(l.torn))
			p.dot(peer.name+", "+how+l.faults(), p50/1e6, p99/1e6)
		}
	}
	p.title = fmt.Sprintf("A change is served %s after the rename, among %s datasets", span(base["rename"]), grouped(s.latencySize))
	return result{tables: []table{t}, panels: []panel{p}}, nil
}

// A latency is what the changes of a peer took.
type latency struct {
	took                []time.Duration // without lost changes
	changes, lost, torn int
}

// faults returns the share of changes that were lost or torn, which the times do not show.
func (l latency) faults() string {
	percent := func(n int) string { return fmt.Sprintf("%.0f %%", 100*float64(n)/float64(max(l.changes, 1))) }
	switch {
	case l.lost > 0:
		return ": " + percent(l.lost) + " lost"
	case l.torn > 0:
		return ": " + percent(l.torn) + " torn"
	}
	return ""
}

func latencyOf(ctx context.Context, s scale, p peer, how string) (latency, error) {
	var l latency
	site, err := newSite()
	if err != nil {
		return l, err
	}
	defer site.remove()
	all, rng := newDatasets(s.latencySize), newRand()
	if err := site.fill(p, all); err != nil {
		return l, err
	}
	f, err := p.start(ctx, site.dir, all, true)
	if err != nil {
		return l, err
	}
	defer f.close()
	if err := sleep(ctx, s.pause); err != nil {
		return l, err
	}

	write := site.replace
	if how != "rename" {
		write = site.overwrite
	}
	start := time.Now()
	for c := range s.changes + 1 {
		i := rng.IntN(len(all))
		all[i].NeuronDatasetPath = pathOf(i, c+1)
		name, data := p.file(all, i)
		at, err := write(name, data)
		if err != nil {
			return l, err
		}
		seen, torn, err := f.await(ctx, i, all[i].NeuronDatasetPath, s.timeout)
		if err != nil {
			return l, err
		}
		if c > 0 { // the first one is a warm-up
			l.changes++
			l.torn += torn
			if seen.IsZero() || seen.Sub(at) > s.timeout {
				l.lost++
			} else {
				l.took = append(l.took, seen.Sub(at))
			}
		}
		if time.Since(start) > s.budget {
			break
		}
		// The pause is random, so that changes do not synchronize with a timer.
		if err := sleep(ctx, time.Duration(rng.Int64N(int64(s.pause)))); err != nil {
			return l, err
		}
	}
	return l, nil
}

// await waits until the i-th dataset has a path. It returns when that was, or the zero time
// after the timeout, and the number of notifications of states that lacked datasets.
func (f *follower) await(ctx context.Context, i int, path string, timeout time.Duration) (seen time.Time, torn int, err error) {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return seen, torn, ctx.Err()
		case <-timer.C:
			return seen, torn, nil
		case <-f.notified:
		}
		found, complete := f.path(i)
		if !complete {
			torn++
		} else if found == path {
			return time.Now(), torn, nil
		}
	}
}
