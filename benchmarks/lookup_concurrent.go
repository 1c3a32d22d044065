package main

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// concurrentLookups measures a reader beside a second one, and during reloads back to back.
func concurrentLookups(ctx context.Context, s scale) (table, error) {
	all := newDatasets(s.concurrentSize)
	keys := queries(all)
	size := min(documentSize, s.concurrentSize)
	var versions [2][]byte // of the first document
	for v := range versions {
		doc := newDatasets(size)
		for i := range doc {
			doc[i].NeuronDatasetPath = pathOf(i, v)
		}
		versions[v] = toTOML(doc)
	}
	var rows []concurrentRow
	for _, st := range stores() {
		o, err := st.open(all)
		if err != nil {
			return table{}, err
		}
		row := concurrentRow{store: st.name}
		one, other := &reader{find: o.find, keys: keys}, &reader{find: o.find, keys: keys, next: len(keys) / 2}
		debug.FreeOSMemory() // otherwise the runtime returns the memory of earlier stores during the turns
		for range s.rounds {
			if ctx.Err() != nil {
				return table{}, ctx.Err()
			}
			row.speedups = append(row.speedups, speedupOfTwo(one, other, s.turn))
			if o.reload == nil {
				continue
			}
			// Pauses are rare, so the reader needs longer turns.
			turn, err := readDuringReloads(one, o, versions, 4*s.turn)
			if err != nil {
				return table{}, err
			}
			row.turns = append(row.turns, turn)
		}
		rows = append(rows, row)
	}
	return concurrentTable(rows, s.concurrentSize, size), nil
}

// A concurrentRow has the measurements of a store.
type concurrentRow struct {
	store    string
	speedups []float64
	turns    []reloadTurn
}

// A reloadTurn is a turn of a reader with and without reloads.
type reloadTurn struct {
	slowdown      float64 // the time of a lookup during reloads relative to that without
	rate          float64 // reloads per second
	before, after float64 // the distance of the cores before and after the turn
}

// concurrentTable separates turns with near cores from turns with far ones, and leaves out those in
// which that changed.
func concurrentTable(rows []concurrentRow, datasets, size int) table {
	t := table{
		title: fmt.Sprintf("Lookups among %s datasets: two readers, and one during reloads", grouped(datasets)),
		head:  []string{"", "throughput, two readers / one", "time during reloads / without, cores near", "cores far", "reloads per second"},
	}
	var nearDistances, farDistances []float64
	for _, row := range rows {
		var rates, nearby, distant []float64
		for _, turn := range row.turns {
			rates = append(rates, turn.rate)
			switch before, after := near(turn.before), near(turn.after); {
			case before && after:
				nearby = append(nearby, turn.slowdown)
				nearDistances = append(nearDistances, turn.before, turn.after)
			case !before && !after:
				distant = append(distant, turn.slowdown)
				farDistances = append(farDistances, turn.before, turn.after)
			}
		}
		t.add(row.store, ratio(median(row.speedups)), medianAndCount(nearby), medianAndCount(distant), digits(median(rates)))
	}
	t.note = fmt.Sprintf("Reloads are back to back; each parses a document of %d datasets and applies it. "+
		"Viper is not safe to read during a reload. In parentheses: turns. A cache line takes %s between near cores, %s between far ones.",
		size, span(median(nearDistances)), span(median(farDistances)))
	return t
}

// medianAndCount formats the median of ratios, and their number in parentheses.
func medianAndCount(ratios []float64) string {
	if len(ratios) == 0 {
		return none
	}
	return fmt.Sprintf("%s (%d)", ratio(median(ratios)), len(ratios))
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

// readDuringReloads measures a reader without and with reloads.
func readDuringReloads(r *reader, o *openStore, versions [2][]byte, d time.Duration) (reloadTurn, error) {
	before := distance()
	quiet := r.run(d)
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
	reading := r.run(d)
	close(stop)
	err := <-stopped
	rate := float64(reloads) / time.Since(start).Seconds()
	return reloadTurn{slowdown: reading / quiet, rate: rate, before: before, after: distance()}, err
}
