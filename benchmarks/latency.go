package main

import (
	"context"
	"fmt"
	"time"

	"github.com/neurondex/neurondex/source/dir"
)

// latencies measures how long a change of a file takes to be readable in the process, for
// those that follow files by themselves.
func latencies(ctx context.Context, s scale) (result, error) {
	t := table{
		title: fmt.Sprintf("From the beginning of the last system call of a change to its being readable, %s datasets", grouped(s.latencySize)),
		head:  []string{"", "change", "p50", "p99", "/ neurondex (p50)", "changes", "never seen", "torn states seen"},
		note:  fmt.Sprintf("Never seen: not within %v. Torn: the reader was told of a state, and found it lacking datasets.", s.lost),
	}
	p := panel{title: fmt.Sprintf("Change to readable, %s datasets", grouped(s.latencySize)), x: "p50 to p99 (ms)", log: true}
	cert, err := certwatcherPeer()
	if err != nil {
		return result{}, err
	}
	base := make(map[string]float64)
	for _, peer := range []peer{neurondex(dir.Dir{}), viperPeer(), koanfPeer(), prometheusPeer(time.Hour), cert} {
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
	return result{tables: []table{t}, panels: []panel{p}}, nil
}

type latency struct {
	took                []time.Duration // of the changes that were seen
	changes, lost, torn int
}

// faults says what a median hides.
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
	where, err := newSite()
	if err != nil {
		return l, err
	}
	defer where.remove()
	all, rng := world(s.latencySize), newRand()
	if err := where.fill(p, all); err != nil {
		return l, err
	}
	following, stop := context.WithCancel(ctx)
	f, err := p.follow(following, where.dir, all, true)
	if err != nil {
		stop()
		return l, err
	}
	defer func() {
		stop()
		f.close()
	}()
	if err := sleep(ctx, s.settle); err != nil {
		return l, err
	}

	write := where.replace
	if how != "rename" {
		write = where.overwrite
	}
	began := time.Now()
	for c := range s.changes + 1 {
		i := rng.IntN(len(all))
		all[i].NeuronDatasetPath = pathOf(i, c+1)
		name, data := p.file(all, i)
		at, err := write(name, data)
		if err != nil {
			return l, err
		}
		seen, torn, err := f.await(ctx, i, all[i].NeuronDatasetPath, s.lost)
		if err != nil {
			return l, err
		}
		if c > 0 { // the first one warms up
			l.changes++
			l.torn += torn
			if seen.IsZero() || seen.Sub(at) > s.lost {
				l.lost++
			} else {
				l.took = append(l.took, seen.Sub(at))
			}
		}
		if time.Since(began) > s.budget {
			break
		}
		// A pause of no fixed length, so that nothing falls into step with a timer.
		if err := sleep(ctx, time.Duration(rng.Int64N(int64(s.settle)))); err != nil {
			return l, err
		}
	}
	return l, nil
}

// await waits until readers find a path and returns when that was, zero if it was not in
// time, and how often they were told of a state that lacked datasets.
func (f *following) await(ctx context.Context, i int, path string, limit time.Duration) (seen time.Time, torn int, err error) {
	late := time.NewTimer(limit)
	defer late.Stop()
	for {
		select {
		case <-ctx.Done():
			return seen, torn, ctx.Err()
		case <-late.C:
			return seen, torn, nil
		case <-f.news:
		}
		found, whole := f.path(i)
		if !whole {
			torn++
		} else if found == path {
			return time.Now(), torn, nil
		}
	}
}
