package registry_test

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/neurondex/neurondex/registry"
)

// Why the index has its structure. A lookup should cost as much as in a Go map, a change
// should cost in proportion to the change, and 1,000,000 datasets should take no more
// memory than in a map: cloning such a map takes a third of a second. BenchmarkLookup,
// BenchmarkApply and BenchmarkHeap measure this.
//
//   - A persistent tree changes in microseconds, but a lookup follows a pointer for each
//     level and takes several times as long as in a map.
//   - Shards of Go maps change well, but hash every key twice.
//   - Open-addressed shards under a directory hash once. The hash in the slot avoids
//     reading other entries. The short name in the slot lets a lookup wait twice for
//     memory: for the slot, and then for the text of the name and the record together.
//     Without it a lookup among 1,000,000 took 1.7 times as long as in a map; with it, 1.4,
//     and 1.2 among 10,000.
//   - Every wrong slot costs a branch misprediction. Shards with a load of up to three
//     quarters took 1.4 times as long as a map among 10,000.
//
// A shard takes 6 KB for its keys and 2 KB for its roots. A change copies both, or only parts of
// the roots if the keys stay, and one page of the directory: a directory in one piece was most of
// the cost of a change among 1,000,000. When keys and roots lay together, reloads of a hundred
// datasets left twice the garbage, which slowed readers down.
//
// A short name with several types has an entry for each, all in one shard. One entry per
// short name, leading to a tree of types, made lookups of short names with four types
// 1.3 times as long. Only families, with more than familyLimit types, are such trees.

// fill returns a registry of n datasets, 100 a document.
func fill(n int) *registry.Registry {
	reg := registry.New()
	for i := 0; i < n; {
		var c registry.Change
		for range 100 { // a hundred documents at a time, so that their specs can be freed
			if i < n {
				c.Put = append(c.Put, hundred(i, min(n-i, 100), "v0"))
				i += 100
			}
		}
		if _, err := reg.Apply(c); err != nil {
			panic(err)
		}
	}
	return reg
}

// hundred returns a document of n datasets that shares no strings with any other. One
// dataset has the version in its name.
func hundred(first, n int, version string) registry.Document {
	d := registry.Document{Name: fmt.Sprintf("%07d.toml", first), Datasets: make([]registry.Spec, n)}
	for i := range d.Datasets {
		d.Datasets[i] = registry.Spec{
			ShortName:         fmt.Sprintf("model-%07d", first+i),
			DerivedScalarType: registry.MLPPostAct,
			UserVisibleName:   fmt.Sprintf("Model %d - MLP neurons", first+i),
			NeuronDatasetPath: fmt.Sprintf("https://host.example/neurons/model-%07d/collated-activations", first+i),
			Line:              2 + 6*i,
		}
	}
	d.Datasets[first/100*37%n].UserVisibleName += version
	return d
}

var sizes = []int{10, 1_000, 10_000, 1_000_000}

type plain struct {
	shortName, typ, name, path string
}

// plainMap returns the datasets of fill as a Go map that shares no strings with it.
func plainMap(n int) map[registry.Key]plain {
	m := make(map[registry.Key]plain)
	for i := 0; i < n; i += 100 {
		for _, s := range hundred(i, min(n-i, 100), "v0").Datasets {
			m[s.Key()] = plain{s.ShortName, string(s.DerivedScalarType), s.UserVisibleName, s.NeuronDatasetPath}
		}
	}
	return m
}

// shortNames returns copies of the short names of fill.
func shortNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("model-%07d", i)
	}
	return names
}

// scattered returns a number below n for each i, far from those of the i before.
func scattered(i, n int) int { return int(uint64(i) * 11400714819323198485 % uint64(n)) }

func lookUp(reg *registry.Registry, name string) int {
	d, _ := reg.Snapshot().Lookup(name, registry.MLPPostAct)
	return len(d.NeuronDatasetPath())
}

func BenchmarkLookup(b *testing.B) {
	for _, n := range sizes {
		reg, m, names := fill(n), plainMap(n), shortNames(n)
		var p atomic.Pointer[map[registry.Key]plain]
		p.Store(&m)
		b.Run(fmt.Sprintf("map/%d", n), func(b *testing.B) {
			total := 0
			for i := 0; b.Loop(); i++ {
				total += len((*p.Load())[registry.Key{ShortName: names[scattered(i, n)], DerivedScalarType: registry.MLPPostAct}].path)
			}
			sink = total
		})
		b.Run(fmt.Sprintf("registry/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			total := 0
			for i := 0; b.Loop(); i++ {
				total += lookUp(reg, names[scattered(i, n)])
			}
			sink = total
		})
	}
}

var sink int

// BenchmarkLookupParallel, run with -cpu 1,2, shows that readers do not share memory that
// they write to: two do twice the work of one.
func BenchmarkLookupParallel(b *testing.B) {
	for _, n := range sizes {
		reg, names := fill(n), shortNames(n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var readers atomic.Int64
			b.RunParallel(func(pb *testing.PB) {
				total := 0
				for i := int(readers.Add(1)) << 24; pb.Next(); i++ {
					total += lookUp(reg, names[scattered(i, n)])
				}
				runtime.KeepAlive(total)
			})
		})
	}
}

// BenchmarkLookupWhileApplying measures lookups without changes, and with continuous
// changes.
func BenchmarkLookupWhileApplying(b *testing.B) {
	for _, n := range sizes {
		reg, names, changes := fill(n), shortNames(n), prepare(n)
		lookUpAll := func(b *testing.B) {
			b.Helper()
			total := 0
			for i := 0; b.Loop(); i++ {
				total += lookUp(reg, names[scattered(i, n)])
			}
			sink = total
		}
		b.Run(fmt.Sprintf("idle/%d", n), func(b *testing.B) { lookUpAll(b) })
		b.Run(fmt.Sprintf("applying/%d", n), func(b *testing.B) {
			stop, stopped := make(chan struct{}), make(chan int)
			go func() {
				applied := 0
				defer func() { stopped <- applied }()
				for {
					select {
					case <-stop:
						return
					default:
						if _, err := reg.Apply(changes[applied%len(changes)]); err != nil {
							panic(err)
						}
						applied++
					}
				}
			}()
			lookUpAll(b)
			close(stop)
			b.ReportMetric(float64(<-stopped)/b.Elapsed().Seconds(), "changes/s")
		})
	}
}

// prepare returns changes of one dataset each for documents everywhere in fill. They can
// be applied in turn repeatedly: each has an effect, and none shares strings with the
// registry, as after reading a file again.
func prepare(n int) []registry.Change {
	documents := (n + 99) / 100
	some := min(documents, 256)
	var changes []registry.Change
	for _, version := range []string{"v1", "v2"} {
		for i := range some {
			first := i * documents / some * 100
			doc := hundred(first, min(n-first, 100), version)
			changes = append(changes, registry.Change{Put: []registry.Document{doc}})
		}
	}
	return changes
}

// BenchmarkApply applies changes of one dataset each, including the hash of the content and
// the diff.
func BenchmarkApply(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			reg, changes := fill(n), prepare(n)
			runtime.GC()
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				u, err := reg.Apply(changes[i%len(changes)])
				if err != nil || len(u.Diff().Updated) != 1 {
					b.Fatal(err, u.Diff())
				}
			}
		})
	}
}

// BenchmarkFill applies all datasets at once, as when a process starts.
func BenchmarkFill(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var c registry.Change
			for i := 0; i < n; i += 100 {
				c.Put = append(c.Put, hundred(i, min(n-i, 100), "v0"))
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := registry.New().Apply(c); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// family returns a document in which one short name has n types.
func family(n int, version string) registry.Document {
	d := registry.Document{Name: "family.toml", Datasets: make([]registry.Spec, n)}
	for i := range d.Datasets {
		d.Datasets[i] = spec("model", "path")
		d.Datasets[i].DerivedScalarType = registry.DerivedScalarType(fmt.Sprintf("type-%06d", i*7919%n))
	}
	d.Datasets[n/2].UserVisibleName += version
	return d
}

// BenchmarkLookupType looks up datasets of short names with four types each, and
// BenchmarkFamily works on one short name with many types.
func BenchmarkLookupType(b *testing.B) {
	types := []registry.DerivedScalarType{registry.MLPPostAct, registry.AttnWriteNorm, registry.MLPAutoencoderLatent, registry.ResidPostMLP}
	for _, n := range []int{10_000, 1_000_000} {
		reg, names := registry.New(), shortNames(n/4)
		for i := 0; i < n/4; i += 25 {
			d := registry.Document{Name: fmt.Sprintf("%07d.toml", i)}
			for _, s := range hundred(i, 25, "").Datasets {
				for _, s.DerivedScalarType = range types {
					d.Datasets = append(d.Datasets, s)
				}
			}
			if _, err := reg.Apply(registry.Change{Put: []registry.Document{d}}); err != nil {
				b.Fatal(err)
			}
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			total := 0
			for i := 0; b.Loop(); i++ {
				d, _ := reg.Snapshot().Lookup(names[scattered(i, n/4)], types[i%4])
				total += len(d.NeuronDatasetPath())
			}
			sink = total
		})
		b.Run(fmt.Sprintf("named/%d", n), func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				for d := range reg.Snapshot().Named(names[scattered(i, n/4)]) {
					sink += len(d.NeuronDatasetPath())
				}
			}
		})
	}
}

func BenchmarkFamily(b *testing.B) {
	for _, n := range []int{1000, 100_000} {
		apply := func(reg *registry.Registry, d registry.Document) {
			if _, err := reg.Apply(put(d)); err != nil {
				b.Fatal(err)
			}
		}
		b.Run(fmt.Sprintf("fill/%d", n), func(b *testing.B) {
			d := family(n, "")
			for b.Loop() {
				apply(registry.New(), d)
			}
		})
		b.Run(fmt.Sprintf("change/%d", n), func(b *testing.B) {
			reg, versions := registry.New(), []registry.Document{family(n, "a"), family(n, "b")}
			for i := 0; b.Loop(); i++ {
				apply(reg, versions[i%2])
			}
		})
		b.Run(fmt.Sprintf("insert/%d", n), func(b *testing.B) {
			reg, versions := registry.New(), []registry.Document{family(n, "a"), family(n, "a")}
			versions[1].Datasets = versions[1].Datasets[1:]
			for i := 0; b.Loop(); i++ {
				apply(reg, versions[i%2])
			}
		})
		b.Run(fmt.Sprintf("named/%d", n), func(b *testing.B) {
			reg := registry.New()
			apply(reg, family(n, ""))
			for b.Loop() {
				for d := range reg.Snapshot().Named("model") {
					sink += len(d.NeuronDatasetPath())
				}
			}
		})
		b.Run(fmt.Sprintf("lookup/%d", n), func(b *testing.B) {
			reg, d := registry.New(), family(n, "")
			apply(reg, d)
			for i := 0; b.Loop(); i++ {
				found, _ := reg.Snapshot().Lookup("model", d.Datasets[scattered(i, n)].DerivedScalarType)
				sink += len(found.NeuronDatasetPath())
			}
		})
	}
}

// liveHeap returns the size of the heap without garbage.
func liveHeap() int64 {
	for range 3 { // handles of package unique take two cycles to free
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// heapOf returns the size of the memory that the result of make holds.
func heapOf[T any](make func() T) int64 {
	before := liveHeap()
	made := make()
	held := liveHeap() - before
	runtime.KeepAlive(made)
	return held
}

// BenchmarkHeap measures the memory per dataset in a Go map and in a registry. Its time is
// meaningless.
func BenchmarkHeap(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000, 1_000_000} {
		measure := func(name string, heap func() int64) {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				total := int64(0)
				for range b.N {
					total += heap()
				}
				b.ReportMetric(float64(total)/float64(b.N)/float64(n), "B/dataset")
			})
		}
		measure("map", func() int64 { return heapOf(func() map[registry.Key]plain { return plainMap(n) }) })
		measure("registry", func() int64 { return heapOf(func() *registry.Registry { return fill(n) }) })
	}
}
