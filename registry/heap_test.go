package registry_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/neurondex/neurondex/registry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestHeapIsAtMostThatOfAMap compares the memory of a registry and a map. The map has the
// load of one with 1,000,000 datasets: see BenchmarkHeap for other loads.
func TestHeapIsAtMostThatOfAMap(t *testing.T) {
	const n = 1_000_000 / 8
	inMap := heapOf(func() map[registry.Key]plain { return plainMap(n) })
	inRegistry := heapOf(func() *registry.Registry { return fill(n) })
	t.Logf("bytes per dataset: %d in a map, %d in a registry", inMap/int64(n), inRegistry/int64(n))
	assert.LessOrEqual(t, inRegistry, inMap)
}

// specOfAll returns a spec whose strings are all parts of s.
func specOfAll(s string) registry.Spec {
	return registry.Spec{
		ShortName: s[:9], DerivedScalarType: registry.DerivedScalarType(s[1:10]), UserVisibleName: s[2:11], NeuronDatasetPath: s[3:12],
		Description: s[:5], Model: s[:6], RecordFormat: s[:7], ExplanationDatasetPaths: []string{s[:4]},
		Version: s[:3], License: s[:8], Homepage: s[:2], Tags: []string{s[:10], s[1:2]}, ReplacedBy: s[2:3],
		Extra: []registry.Field{{Name: s[:4], Value: registry.ListValue(
			registry.StringValue(s[4:8]), registry.ObjectValue(registry.Field{Name: s[:3], Value: parsed(registry.ParseFloat(s[5:6]))}))}},
	}
}

func TestApplyCopiesStrings(t *testing.T) {
	held := heapOf(func() *registry.Registry {
		reg := registry.New()
		file := strings.Repeat("0123456789", 1<<20)
		_, err := reg.Apply(put(doc(file[:10], specOfAll(file))))
		require.NoError(t, err)
		return reg
	})
	assert.Less(t, held, int64(1<<20))
}

// TestReloadsDoNotLeak applies ten thousand changes of all kinds in rounds, after which
// the registry must use the same memory.
func TestReloadsDoNotLeak(t *testing.T) {
	const documents, datasets = 300, 10
	reg := registry.New()
	applied := 0
	apply := func(c registry.Change) {
		apply(t, reg, c)
		applied++
	}
	name := func(i, round int) string { // a document alternates between two names
		return fmt.Sprint(i, "-", (i+round)%2)
	}
	round := func(round int) {
		for i := range documents {
			var specs []registry.Spec
			for j := range datasets {
				// Some are in the next document, too. Some have a new short name, model and tag in
				// each round.
				s := spec(fmt.Sprintf("model-%06d", (i*datasets+j)%(documents*datasets-5)), fmt.Sprintf("path-%04d", round))
				s.Line = j
				if j%2 == 0 {
					s.ShortName += fmt.Sprintf("-%04d", round)
					s.Model, s.Tags = s.ShortName, []string{fmt.Sprintf("tag-%04d-%d", round, i)}
				}
				specs = append(specs, s)
			}
			c := put(doc(name(i, round), specs...))
			if i%3 != 0 {
				c.Remove = append(c.Remove, name(i, round+1))
			}
			apply(c)
			if i%3 == 0 { // both documents exist for a moment
				apply(registry.Change{Remove: []string{name(i, round+1)}})
			}
			if i%10 == 0 {
				apply(registry.Change{Remove: []string{name(i, round)}})
				apply(c)
			}
		}
	}
	for i := range 3 {
		round(i)
	}
	held, goroutines := liveHeap(), runtime.NumGoroutine()
	for i := 3; applied < 10_000; i++ {
		round(i)
	}
	assert.Less(t, liveHeap()-held, int64(256<<10))
	assert.LessOrEqual(t, runtime.NumGoroutine(), goroutines)
	runtime.KeepAlive(reg)
}

func TestMemoryIsFreedAfterShrinking(t *testing.T) {
	const n = 50_000
	reg := registry.New()
	small := hundred(n/2, 10, "")
	grow := func() {
		var c registry.Change
		for i := 0; i < n; i += 100 {
			c.Put = append(c.Put, hundred(i, 100, ""))
		}
		apply(t, reg, c)
	}
	// shrink leaves ten datasets. It removes documents one by one or all at once.
	shrink := func(atOnce bool) {
		var all registry.Change
		for name := range reg.Snapshot().Documents() {
			if name == small.Name {
				continue
			}
			if all.Remove = append(all.Remove, name); !atOnce {
				apply(t, reg, registry.Change{Remove: []string{name}})
			}
		}
		if atOnce {
			apply(t, reg, all)
		}
		apply(t, reg, put(small))
	}
	for _, atOnce := range []bool{true, false} {
		held := heapOf(func() *registry.Registry {
			grow()
			shrink(atOnce)
			return reg
		})
		assert.Equal(t, 10, reg.Snapshot().Len())
		assert.Less(t, held, int64(64<<10), "at once: %v", atOnce)
	}
}

func TestRemovedDocumentsAreFreed(t *testing.T) {
	reg := registry.New()
	held := heapOf(func() *registry.Registry {
		var c registry.Change
		var gone []string
		for i := range 600 {
			n := 100
			if i < 400 {
				gone = append(gone, hundred(i*100, 1, "").Name)
			} else {
				n = 1
			}
			c.Put = append(c.Put, hundred(i*100, n, ""))
		}
		apply(t, reg, c)
		apply(t, reg, registry.Change{Remove: gone})
		return reg
	})
	assert.Equal(t, 200, reg.Snapshot().Len())
	assert.Less(t, held, int64(512<<10))
}
