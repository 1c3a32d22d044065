package registry_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/neurondex/neurondex/registry"
)

// Why the index is what it is. A lookup is to cost about what a plain Go map costs,
// and a change is to cost what changed: at 1,000,000 datasets, cloning a map takes
// a third of a second. BenchmarkLookup and BenchmarkApply measure both.
//
//   - A persistent tree changes in microseconds, but a lookup follows a pointer per
//     level: several times a map's.
//   - Shards of plain Go maps change well, but hash twice.
//   - Open-addressed shards under a flat directory hash once, and keep the hash
//     beside the pointer, so that a wrong slot costs no second read.
//
// Shards of 512 slots keep what a change copies below 100 KB at 1,000,000 datasets:
// smaller shards make the directory larger, and larger shards the other way round.

// fill returns a registry of n datasets, 100 a document.
func fill(n int) *registry.Registry {
	reg := registry.New()
	var c registry.Change
	for i := 0; i < n; i += 100 {
		c.Put = append(c.Put, hundred(i, min(n-i, 100), "v0"))
	}
	if _, err := reg.Apply(c); err != nil {
		panic(err)
	}
	return reg
}

func hundred(first, n int, version string) registry.Document {
	d := registry.Document{Name: fmt.Sprintf("%07d.toml", first), Datasets: make([]registry.Spec, n)}
	for i := range d.Datasets {
		d.Datasets[i] = registry.Spec{
			ShortName:         fmt.Sprintf("model-%07d", first+i),
			DerivedScalarType: registry.MLPPostAct,
			UserVisibleName:   fmt.Sprintf("Model %d - MLP neurons", first+i),
			NeuronDatasetPath: fmt.Sprintf("https://host.example/neurons/model-%07d/collated-activations", first+i),
		}
	}
	d.Datasets[0].UserVisibleName += version
	return d
}

var sizes = []int{10, 1_000, 10_000, 1_000_000}

type plain struct {
	shortName, typ, name, path string
}

func BenchmarkLookup(b *testing.B) {
	for _, n := range sizes {
		reg := fill(n)
		names := make([]string, 0, n)
		m := make(map[registry.Key]plain)
		for d := range reg.Snapshot().All() {
			names = append(names, fmt.Sprint(d.ShortName()))
			m[d.Key()] = plain{d.ShortName(), string(d.DerivedScalarType()), d.UserVisibleName(), d.NeuronDatasetPath()}
		}
		var p atomic.Pointer[map[registry.Key]plain]
		p.Store(&m)
		at := func(i int) string { return names[uint64(i)*11400714819323198485%uint64(n)] }
		b.Run(fmt.Sprintf("map/%d", n), func(b *testing.B) {
			total := 0
			for i := 0; b.Loop(); i++ {
				total += len((*p.Load())[registry.Key{ShortName: at(i), DerivedScalarType: registry.MLPPostAct}].path)
			}
			sink = total
		})
		b.Run(fmt.Sprintf("registry/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			total := 0
			for i := 0; b.Loop(); i++ {
				d, _ := reg.Snapshot().Lookup(at(i), registry.MLPPostAct)
				total += len(d.NeuronDatasetPath())
			}
			sink = total
		})
	}
}

var sink int

func BenchmarkApply(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			reg := fill(n)
			b.ReportAllocs()
			b.ResetTimer()
			i := 0
			for b.Loop() {
				i++
				c := registry.Change{Put: []registry.Document{hundred(i*100%n/100*100, min(n, 100), fmt.Sprint(i))}}
				u, err := reg.Apply(c)
				if err != nil || len(u.Diff().Updated) != 1 {
					b.Fatal(err, u.Diff())
				}
			}
		})
	}
}
