package registry

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestLargeChanges applies changes that several cores index, and compares each state with
// that of a registry that got the same documents one by one.
func TestLargeChanges(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	var reg Registry
	content := map[string]Document{}
	// Each round puts documents with so many datasets, and then removes a share of all.
	for round, r := range []struct {
		datasets int
		removes  float64
	}{
		{20_000, 0}, {9_000, 0.1}, {5_000, 0.9}, {40_000, 0}, {0, 0.5}, {30_000, 1}, {0, 0.97}, {8_000, 0}, {0, 1}, {8_200, 0},
	} {
		var c Change
		for left := r.datasets; left > 0; {
			doc := Document{Name: fmt.Sprintf("%03d", rng.IntN(200))}
			if slices.ContainsFunc(c.Put, func(d Document) bool { return d.Name == doc.Name }) {
				doc.Name += fmt.Sprint("-", len(c.Put))
			}
			size := 1 + rng.IntN(min(left, 2000))
			left -= size
			first := rng.IntN(30_000)
			for i := range size {
				// Some keys are in other documents as well, and some short names have many types,
				// one of them more than fit in a shard.
				s := Spec{ShortName: fmt.Sprintf("m%d", first+i), DerivedScalarType: "t", UserVisibleName: fmt.Sprint(round), NeuronDatasetPath: "p"}
				switch i % 5 {
				case 0:
					s.ShortName, s.DerivedScalarType = fmt.Sprintf("f%d", i%3), DerivedScalarType(fmt.Sprint(i))
				case 1:
					s.ShortName, s.DerivedScalarType = "g", DerivedScalarType(fmt.Sprint(i))
				}
				doc.Datasets = append(doc.Datasets, s)
			}
			c.Put = append(c.Put, doc)
		}
		for name := range content {
			if rng.Float64() < r.removes && !slices.ContainsFunc(c.Put, func(d Document) bool { return d.Name == name }) {
				c.Remove = append(c.Remove, name)
				delete(content, name)
			}
		}
		for _, doc := range c.Put {
			content[doc.Name] = doc
		}
		before := reg.Snapshot()
		was := keysOf(before)
		_, err := reg.Apply(c)
		require.NoError(t, err)

		var small Registry
		for _, doc := range content {
			_, err := small.Apply(Change{Put: []Document{doc}})
			require.NoError(t, err)
		}
		got, want := reg.Snapshot(), small.Snapshot()
		require.Equal(t, want.Hash(), got.Hash())
		require.Equal(t, want.Len(), got.Len())
		require.Equal(t, keysOf(want), keysOf(got))
		require.Equal(t, want.hidden, got.hidden)
		require.Equal(t, slices.Collect(want.Overrides()), slices.Collect(got.Overrides()))
		for d := range want.All() {
			found, ok := got.Lookup(d.ShortName(), d.DerivedScalarType())
			require.True(t, ok && found.UserVisibleName() == d.UserVisibleName(), "%v", d.Key())
		}
		require.Equal(t, was, keysOf(before), "the state before has not changed")
		checkIndex(t, &got.index)
	}
}

func keysOf(s *Snapshot) (keys []Key) {
	for d := range s.All() {
		keys = append(keys, d.Key())
	}
	return keys
}

// checkIndex checks that the directory is no larger than necessary, that each shard has only
// entries that belong there, and that no two shards should have joined.
func checkIndex(t *testing.T, x *index) {
	t.Helper()
	deepest, families := uint8(0), 0
	for place := uint64(0); place < 1<<x.depth; {
		s := x.at(place)
		deepest = max(deepest, s.depth())
		n, hasFamily := 0, false
		for i, sl := range s.keys.slots {
			require.Equal(t, sl.shortName == "", *s.tree(uint8(i)) == nil)
			if sl.shortName == "" {
				continue
			}
			n++
			require.Same(t, s.keys, x.shardOf(sl.hash).keys)
			for part, roots := range x.shardOf(sl.hash).roots {
				require.Same(t, s.roots[part], roots)
			}
			require.EqualValues(t, i, s.find(sl.hash, sl.shortName))
			if sl.hash&familyBit == 0 {
				families++
				hasFamily = true
			}
		}
		require.Equal(t, n, s.count())
		if s.depth() > 0 && !hasFamily { // entries that became a family made room
			other := x.at(place ^ 1<<(x.depth-s.depth()))
			require.False(t, other.depth() == s.depth() && s.count()+other.count() <= joinLimit, "%d and %d entries", s.count(), other.count())
		}
		place += 1 << (x.depth - s.depth())
	}
	require.Equal(t, deepest, x.depth)
	require.Equal(t, families, x.families)
}
