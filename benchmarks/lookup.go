package main

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/neurondex/neurondex/registry"
)

// lookups measures the cost of a lookup: alone, on two cores, and during reloads.
func lookups(ctx context.Context, s scale) (result, error) {
	var res result
	cost := table{title: "Lookup by two strings: time relative to a map behind atomic.Pointer (ns per lookup)", head: []string{"datasets"}}
	curves := panel{x: "datasets", y: "ns per lookup"}
	cells := make(map[string][]string)
	for _, n := range s.lookupSizes {
		cost.head = append(cost.head, grouped(n))
		all := newDatasets(n)
		runtime.GC()
		names, readers, err := openReaders(all)
		if err != nil {
			return res, err
		}
		times, ratios := make([][]float64, len(readers)), make([][]float64, len(readers))
		for round := range s.rounds {
			for i := range readers {
				i = (i + round) % len(readers) // so that each runs first, last and in between
				times[i] = append(times[i], readers[i].run(s.turn))
			}
			for i := range readers {
				ratios[i] = append(ratios[i], times[i][round]/times[0][round])
			}
			if ctx.Err() != nil {
				return res, ctx.Err()
			}
		}
		for i, name := range names {
			cells[name] = append(cells[name], fmt.Sprintf("%s (%s)", ratio(median(ratios[i])), digits(median(times[i]))))
			curves.point(name, float64(n), median(times[i]))
			if isOurs(name) {
				curves.title = fmt.Sprintf("A lookup takes %s among %s datasets", span(median(times[i])), grouped(n))
			}
		}
	}
	for _, st := range stores() {
		cost.add(append([]string{st.name}, cells[st.name]...)...)
	}

	concurrent, err := concurrentLookups(ctx, s)
	res.tables = append(res.tables, cost, concurrent)
	res.panels = append(res.panels, curves)
	return res, err
}

// openReaders opens the stores that are measured with this number of datasets.
func openReaders(all []dataset) (names []string, readers []*reader, err error) {
	keys := queries(all)
	for _, st := range stores() {
		if st.max > 0 && len(all) > st.max {
			continue
		}
		o, err := st.open(all)
		if err != nil {
			return nil, nil, err
		}
		names, readers = append(names, st.name), append(readers, &reader{find: o.find, keys: keys})
	}
	return names, readers, nil
}

// chunk is how many lookups are made between two readings of the clock.
const chunk = 4096

// A reader looks up all keys, over and over.
type reader struct {
	find func([]registry.Key) int
	keys []registry.Key
	next int
}

// run looks up keys for at least d and returns the mean time of a lookup.
func (r *reader) run(d time.Duration) (nanoseconds float64) {
	count, total, start := 0, 0, time.Now()
	for {
		keys := r.keys[r.next:min(r.next+chunk, len(r.keys))]
		total += r.find(keys)
		count += len(keys)
		if r.next += len(keys); r.next == len(r.keys) {
			r.next = 0
		}
		if took := time.Since(start); took >= d {
			runtime.KeepAlive(total)
			return float64(took.Nanoseconds()) / float64(count)
		}
	}
}

// queries returns the keys of all datasets in random order, repeated until there are at
// least chunk. The strings are fresh, as those of a request are, and lie in memory in the
// order of the queries, so that cache misses come from the lookup and not from the query.
func queries(all []dataset) []registry.Key {
	rng := newRand()
	var keys []registry.Key
	for len(keys) < chunk {
		for _, i := range rng.Perm(len(all)) {
			keys = append(keys, registry.Key{
				ShortName:         strings.Clone(all[i].ShortName),
				DerivedScalarType: types[i%len(types)],
			})
		}
	}
	return keys
}
