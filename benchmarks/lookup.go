package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/knadh/koanf/v2"
	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/registry"
	"github.com/pelletier/go-toml/v2"
	"github.com/spf13/viper"
)

// A store is something to look datasets up in by two strings.
type store struct {
	name string
	most int // datasets that it bears; 0: any number

	open func(all []dataset) (*opened, error)
}

// An opened store has its own loops, so that what is measured is the lookup and not a call
// of it.
type opened struct {
	// find looks up all keys and returns the length of what it found, so that nothing
	// of it can be left out.
	find func(keys []registry.Key) int

	// reload reads a document anew while find goes on. It is nil where that is not
	// safe.
	reload func(name string, data []byte) error
}

// documentSize is how many datasets the documents of the lookup section hold.
const documentSize = 100

// stores begins with what the others are compared to.
func stores() []store {
	return []store{
		{name: "map behind atomic.Pointer", open: openAtomic},
		{name: "neurondex", open: openRegistry},
		{name: "map behind RWMutex", open: openMutex},
		{name: "sync.Map", open: openSyncMap},
		{name: "viper", most: 10_000, open: openViper},
		{name: "koanf", most: 10_000, open: openKoanf},
	}
}

func openAtomic(all []dataset) (*opened, error) {
	var p atomic.Pointer[map[registry.Key]dataset]
	m := make(map[registry.Key]dataset, len(all))
	for _, d := range all {
		m[d.key()] = d
	}
	p.Store(&m)
	return &opened{
		find: func(keys []registry.Key) (total int) {
			for _, k := range keys {
				total += len((*p.Load())[k].NeuronDatasetPath)
			}
			return total
		},
		reload: func(_ string, data []byte) error {
			var doc document
			if err := toml.Unmarshal(data, &doc); err != nil {
				return err
			}
			old := *p.Load()
			m := make(map[registry.Key]dataset, len(old))
			for k, d := range old {
				m[k] = d
			}
			for _, d := range doc.Datasets {
				m[d.key()] = d
			}
			p.Store(&m)
			return nil
		},
	}, nil
}

func openRegistry(all []dataset) (*opened, error) {
	reg := registry.New()
	var c registry.Change
	for i := 0; i < len(all); i += documentSize {
		doc := registry.Document{Name: documentName(i)}
		for _, d := range all[i:min(i+documentSize, len(all))] {
			doc.Datasets = append(doc.Datasets, d.spec())
		}
		c.Put = append(c.Put, doc)
	}
	if _, err := reg.Apply(c); err != nil {
		return nil, err
	}
	return &opened{
		find: func(keys []registry.Key) (total int) {
			for _, k := range keys {
				d, _ := reg.Snapshot().Lookup(k.ShortName, k.DerivedScalarType)
				total += len(d.NeuronDatasetPath())
			}
			return total
		},
		reload: func(name string, data []byte) error {
			specs, found := config.Parse(name, data)
			if err := found.Err(); err != nil {
				return err
			}
			_, err := reg.Apply(registry.Change{Put: []registry.Document{{Name: name, Datasets: specs}}})
			return err
		},
	}, nil
}

func documentName(first int) string { return fmt.Sprintf("%07d.toml", first) }

func openMutex(all []dataset) (*opened, error) {
	var mu sync.RWMutex
	m := make(map[registry.Key]dataset, len(all)) // guarded by mu
	for _, d := range all {
		m[d.key()] = d
	}
	return &opened{
		find: func(keys []registry.Key) (total int) {
			for _, k := range keys {
				mu.RLock()
				d := m[k]
				mu.RUnlock()
				total += len(d.NeuronDatasetPath)
			}
			return total
		},
		reload: func(_ string, data []byte) error {
			var doc document
			if err := toml.Unmarshal(data, &doc); err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			for _, d := range doc.Datasets {
				m[d.key()] = d
			}
			return nil
		},
	}, nil
}

func openSyncMap(all []dataset) (*opened, error) {
	var m sync.Map
	for i := range all {
		m.Store(all[i].key(), &all[i])
	}
	return &opened{
		find: func(keys []registry.Key) (total int) {
			for _, k := range keys {
				if d, ok := m.Load(k); ok {
					total += len(d.(*dataset).NeuronDatasetPath)
				}
			}
			return total
		},
		reload: func(_ string, data []byte) error {
			var doc document
			if err := toml.Unmarshal(data, &doc); err != nil {
				return err
			}
			for i := range doc.Datasets {
				m.Store(doc.Datasets[i].key(), &doc.Datasets[i])
			}
			return nil
		},
	}, nil
}

// nested returns datasets as configuration libraries hold them: a tree of maps, whose
// keys are the two strings.
func nested(all []dataset) map[string]any {
	tree := make(map[string]any)
	for _, d := range all {
		byType, ok := tree[d.ShortName].(map[string]any)
		if !ok {
			byType = make(map[string]any)
			tree[d.ShortName] = byType
		}
		byType[d.DerivedScalarType] = map[string]any{
			"user_visible_name":   d.UserVisibleName,
			"neuron_dataset_path": d.NeuronDatasetPath,
		}
	}
	return tree
}

// openViper cannot be reloaded while it is read: Viper is not safe for that.
func openViper(all []dataset) (*opened, error) {
	v := viper.New()
	if err := v.MergeConfigMap(nested(all)); err != nil {
		return nil, err
	}
	return &opened{find: func(keys []registry.Key) (total int) {
		for _, k := range keys {
			if d, ok := v.Get(k.ShortName + "." + string(k.DerivedScalarType)).(map[string]any); ok {
				total += len(d["neuron_dataset_path"].(string))
			}
		}
		return total
	}}, nil
}

// mapProvider is a tree of maps as a koanf provider.
type mapProvider map[string]any

func (p mapProvider) Read() (map[string]any, error) { return p, nil }

func (p mapProvider) ReadBytes() ([]byte, error) { return nil, errors.New("a map has no bytes") }

// openKoanf asks for the string at the end of the way: koanf would copy a map.
func openKoanf(all []dataset) (*opened, error) {
	k := koanf.New(".")
	if err := k.Load(mapProvider(nested(all)), nil); err != nil {
		return nil, err
	}
	return &opened{
		find: func(keys []registry.Key) (total int) {
			for _, key := range keys {
				total += len(k.String(key.ShortName + "." + string(key.DerivedScalarType) + ".neuron_dataset_path"))
			}
			return total
		},
		reload: func(_ string, data []byte) error {
			var doc document
			if err := toml.Unmarshal(data, &doc); err != nil {
				return err
			}
			return k.Load(mapProvider(nested(doc.Datasets)), nil)
		},
	}, nil
}

// queries returns the keys of all datasets in random order, at least a few thousand. The
// strings are fresh, as those of a request are, and lie in the order in which they are
// asked for, so that memory is waited for in what is measured and not in the asking.
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

// chunk is how many lookups go between two looks at the clock.
const chunk = 4096

// A reader asks for all keys, over and over.
type reader struct {
	find func([]registry.Key) int
	keys []registry.Key
	next int
}

// run reads for at least d and returns how long a lookup took.
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

// lookups measures what a lookup costs, alone, on two cores and during reloads.
func lookups(ctx context.Context, s scale) (result, error) {
	var res result
	cost := table{title: "Lookup by two strings: time over that of a map behind atomic.Pointer (ns)", head: []string{"datasets"}}
	curves := panel{title: "Lookup by two strings", x: "datasets", y: "ns per lookup"}
	cells := make(map[string][]string)
	for _, n := range s.lookupSizes {
		cost.head = append(cost.head, grouped(n))
		all := world(n)
		runtime.GC()
		names, readers, err := openReaders(all, n)
		if err != nil {
			return res, err
		}
		times, ratios := make([][]float64, len(readers)), make([][]float64, len(readers))
		for round := range s.rounds {
			for i := range readers {
				i = (i + round) % len(readers) // so that nobody always comes after the same one
				times[i] = append(times[i], readers[i].run(s.batch))
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
		}
	}
	for _, st := range stores() {
		cost.add(append([]string{st.name}, cells[st.name]...)...)
	}

	busy, err := busyLookups(ctx, s)
	res.tables = append(res.tables, cost, busy)
	res.panels = append(res.panels, curves)
	return res, err
}

func openReaders(all []dataset, n int) (names []string, readers []*reader, err error) {
	keys := queries(all)
	for _, st := range stores() {
		if st.most > 0 && n > st.most {
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

// busyLookups measures what becomes of a reader when there is a second one, and when
// documents are reloaded without a pause.
func busyLookups(ctx context.Context, s scale) (table, error) {
	t := table{
		title: fmt.Sprintf("Lookups at %s datasets: two readers, and one during reloads", grouped(s.busySize)),
		head:  []string{"", "throughput, two readers / one", "time during reloads / quiet", "reloads per second"},
		note:  fmt.Sprintf("A reload parses a document of %d datasets and puts it into place. Viper must not be read while it is reloaded.", min(documentSize, s.busySize)),
	}
	all := world(s.busySize)
	keys := queries(all)
	var versions [2][]byte // of the first document
	for v := range versions {
		doc := world(min(documentSize, s.busySize))
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
		var two, slower, rate []float64
		runtime.GC()
		for range s.rounds {
			if ctx.Err() != nil {
				return t, ctx.Err()
			}
			alone := one.run(s.batch)
			var both [2]float64
			var wg sync.WaitGroup
			for i, r := range []*reader{one, other} {
				wg.Go(func() { both[i] = r.run(s.batch) })
			}
			wg.Wait()
			two = append(two, alone/both[0]+alone/both[1])
			if o.reload == nil {
				continue
			}
			// What the reader waits for comes seldom: it must read for long.
			quiet := one.run(4 * s.batch)
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
			reading := one.run(4 * s.batch)
			close(stop)
			if err := <-stopped; err != nil {
				return t, err
			}
			slower = append(slower, reading/quiet)
			rate = append(rate, float64(reloads)/time.Since(start).Seconds())
		}
		t.add(st.name, ratio(median(two)), ratio(median(slower)), digits(median(rate)))
	}
	return t, nil
}
