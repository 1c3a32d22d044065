package main

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"
)

// concurrentLookups measures a reader beside a second one, and during reloads back to back.
func concurrentLookups(ctx context.Context, s scale) (table, error) {
	size := min(documentSize, s.concurrentSize)
	t := table{
		title: fmt.Sprintf("Lookups among %s datasets: two readers, and one during reloads", grouped(s.concurrentSize)),
		head:  []string{"", "throughput, two readers / one", "time during reloads / without", "reloads per second"},
		note:  fmt.Sprintf("Reloads are back to back; each parses a document of %d datasets and applies it. Viper is not safe to read during a reload.", size),
	}
	all := newDatasets(s.concurrentSize)
	keys := queries(all)
	var versions [2][]byte // of the first document
	for v := range versions {
		doc := newDatasets(size)
		for i := range doc {
			doc[i].NeuronDatasetPath = pathOf(i, v)
		}
		versions[v] = toTOML(doc)
	}
	for _, st := range stores() {
		o, err := st.open(all)
		if err != nil {
			return t, err
		}
		one, other := &reader{find: o.find, keys: keys}, &reader{find: o.find, keys: keys, next: len(keys) / 2}
		var speedups, slowdowns, rates []float64
		runtime.GC()
		for range s.rounds {
			if ctx.Err() != nil {
				return t, ctx.Err()
			}
			speedups = append(speedups, speedupOfTwo(one, other, s.turn))
			if o.reload == nil {
				continue
			}
			// Pauses are rare, so the reader needs longer turns.
			slowdown, rate, err := slowdownByReloads(one, o, versions, 4*s.turn)
			if err != nil {
				return t, err
			}
			slowdowns, rates = append(slowdowns, slowdown), append(rates, rate)
		}
		t.add(st.name, ratio(median(speedups)), ratio(median(slowdowns)), digits(median(rates)))
	}
	return t, nil
}

// speedupOfTwo returns the throughput of two readers relative to one.
func speedupOfTwo(one, other *reader, turn time.Duration) float64 {
	alone := one.run(turn)
	var both [2]float64
	var wg sync.WaitGroup
	for i, r := range []*reader{one, other} {
		wg.Go(func() { both[i] = r.run(turn) })
	}
	wg.Wait()
	return alone/both[0] + alone/both[1]
}

// slowdownByReloads returns the time of a lookup during reloads relative to that without,
// and the number of reloads per second.
func slowdownByReloads(r *reader, o *openStore, versions [2][]byte, turn time.Duration) (slowdown, rate float64, err error) {
	quiet := r.run(turn)
	stop, stopped := make(chan struct{}), make(chan error, 1)
	reloads, start := 0, time.Now()
	go func() {
		for {
			select {
			case <-stop:
				stopped <- nil
				return
			default:
			}
			reloads++
			if err := o.reload(documentName(0), versions[reloads%2]); err != nil {
				stopped <- err
				return
			}
		}
	}()
	reading := r.run(turn)
	close(stop)
	err = <-stopped
	return reading / quiet, float64(reloads) / time.Since(start).Seconds(), err
}
