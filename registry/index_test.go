package registry

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestIndexWithCollidingHashes puts and removes names with few different hashes, whose
// searches begin at the end of a shard and continue at its beginning.
func TestIndexWithCollidingHashes(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	hashes, records := make([]uint64, 600), make([]*record, 600)
	for i := range records {
		hashes[i] = uint64(i%8)<<61 | (shardParts-1)<<32 | uint64(partSlots-1-i%5)
		records[i] = newRecord(&Spec{ShortName: fmt.Sprint(i)}, new(DerivedScalarType), &origin{})
	}
	var x index
	want := map[int]*record{}
	for step := range 200 {
		e := indexEdit{index: x, id: uint64(step + 1)}
		was, had := x, maps.Clone(want)
		removing := step/50%2 == 1
		for range 60 {
			i := rng.IntN(len(records))
			hash, r := hashes[i], records[i]
			switch {
			case !removing:
				e.put(hash, r.shortName(), r)
				want[i] = r
			case want[i] != nil:
				e.remove(hash, r.shortName())
				delete(want, i)
			}
		}
		x = e.index
		// The edit does not change the previous index, and the directory is not larger than
		// necessary.
		for i, r := range records {
			if got := x.lookup(hashes[i], r.shortName()); got != want[i] {
				require.Fail(t, "lookup", "step %d: %d", step, i)
			}
			if got := was.lookup(hashes[i], r.shortName()); got != had[i] {
				require.Fail(t, "lookup in the previous index", "step %d: %d", step, i)
			}
		}
		require.Len(t, had, count(&was))
		require.Equal(t, len(want), count(&x))
		deepest := uint8(0)
		for place := range uint64(1) << x.depth {
			deepest = max(deepest, x.at(place).depth())
		}
		require.Equal(t, deepest, x.depth)
	}
}

func count(x *index) (n int) {
	seen := map[shard]bool{}
	if len(x.pages) == 0 {
		return 0
	}
	for place := range uint64(1) << x.depth {
		if s := x.at(place); !seen[*s] {
			seen[*s] = true
			n += s.count()
		}
	}
	return n
}

// TestFamilies adds and removes many types of few short names, until their entries merge
// and are gone again.
func TestFamilies(t *testing.T) {
	var reg Registry
	most := 0
	for _, n := range []int{10, 200, 30, 500, 0, 100, 300, 0} {
		var c Change
		for i := range 4 {
			d := Document{Name: fmt.Sprint(i)}
			for j := range n {
				d.Datasets = append(d.Datasets, Spec{ShortName: fmt.Sprint(j % 3), DerivedScalarType: DerivedScalarType(fmt.Sprint(j, i%2)),
					UserVisibleName: "n", NeuronDatasetPath: "p"})
			}
			c.Put = append(c.Put, d)
		}
		_, err := reg.Apply(c)
		require.NoError(t, err)
		s := reg.Snapshot()
		require.Equal(t, 2*n, s.Len())
		families := 0
		seen := map[shard]bool{}
		for place := range uint64(1) << s.index.depth {
			if sh := s.index.at(place); !seen[*sh] {
				seen[*sh] = true
				for sl := range sh.all() {
					if sl.hash&familyBit == 0 {
						families++
					}
				}
			}
		}
		require.Equal(t, families, s.index.families)
		most = max(most, families)
		for i := range 3 {
			var want, got []Dataset
			for d := range s.All() {
				if d.ShortName() == fmt.Sprint(i) {
					want = append(want, d)
				}
			}
			for d := range s.Named(fmt.Sprint(i)) {
				got = append(got, d)
			}
			require.Len(t, got, len(want))
			for k := range got {
				require.Equal(t, want[k].Key(), got[k].Key())
			}
		}
	}
	assert.Positive(t, most)
	assert.Zero(t, reg.Snapshot().index.families)
}

// TestReloadSharesKeys changes the path of every dataset of a document, and checks that the keys
// of the index stay where they are: copying them would be most of what a reload allocates.
func TestReloadSharesKeys(t *testing.T) {
	for _, n := range []int{1000, 20_000} { // on one core, and on several
		var reg Registry
		reload := func(path string) *index {
			d := Document{Name: "d"}
			for i := range n {
				d.Datasets = append(d.Datasets, Spec{ShortName: fmt.Sprint(i), DerivedScalarType: "t", UserVisibleName: "n", NeuronDatasetPath: path})
			}
			_, err := reg.Apply(Change{Put: []Document{d}})
			require.NoError(t, err)
			return &reg.Snapshot().index
		}
		before := reload("p")
		after := reload("q")
		require.Equal(t, before.depth, after.depth)
		for place := range uint64(1) << after.depth {
			require.Same(t, before.at(place).keys, after.at(place).keys)
			require.NotEqual(t, before.at(place).roots, after.at(place).roots)
		}
	}
}

// TestReloadCopiesPart changes all types of a short name, and checks that the reload copies the roots
// of one part of its shard, or of two where the searches for some types continue in the next.
func TestReloadCopiesPart(t *testing.T) {
	const names = 25
	var reg Registry
	reload := func(name int, path string) *shard {
		d := Document{Name: fmt.Sprint(name)}
		for typ := range DerivedScalarTypes() {
			if len(d.Datasets) < 4 {
				d.Datasets = append(d.Datasets, Spec{ShortName: d.Name, DerivedScalarType: typ, UserVisibleName: "n", NeuronDatasetPath: path})
			}
		}
		_, err := reg.Apply(Change{Put: []Document{d}})
		require.NoError(t, err)
		return reg.Snapshot().index.at(0)
	}
	for name := range names {
		reload(name, "p")
	}
	before := reg.Snapshot().index.at(0)
	for name := range names {
		after := reload(name, "q")
		require.Same(t, before.keys, after.keys)
		copied := 0
		for part := range after.roots {
			if after.roots[part] != before.roots[part] {
				copied++
			}
		}
		require.Contains(t, []int{1, 2}, copied)
		before = after
	}
}

// TestTypesWithEqualHashes defines types that differ only where hashType does not read, in two
// documents, and checks that each has a definition of its own.
func TestTypesWithEqualHashes(t *testing.T) {
	typ := func(i int) DerivedScalarType {
		return DerivedScalarType(fmt.Sprintf("activation-%03d-latent-of-mlp", i))
	}
	require.Equal(t, hashType(typ(1)), hashType(typ(2)))
	var reg Registry
	put := func(document string, from, to int) {
		d := Document{Name: document}
		for i := from; i < to; i++ {
			d.Datasets = append(d.Datasets, Spec{ShortName: "x", DerivedScalarType: typ(i), UserVisibleName: document, NeuronDatasetPath: "p"})
		}
		_, err := reg.Apply(Change{Put: []Document{d}})
		require.NoError(t, err)
	}
	for _, r := range []struct{ a, b int }{{0, 0}, {1, 0}, {2, 1}, {200, 100}, {200, 200}, {150, 10}, {2, 2}, {0, 1}, {0, 0}} {
		put("a", 0, r.a)
		put("b", 0, r.b)
		s := reg.Snapshot()
		require.Equal(t, max(r.a, r.b), s.Len())
		require.Len(t, slices.Collect(s.Named("x")), s.Len())
		for i := range 200 {
			d, ok := s.Lookup("x", typ(i))
			require.Equal(t, i < s.Len(), ok)
			switch {
			case i < r.b:
				require.Equal(t, "b", d.UserVisibleName())
			case i < r.a:
				require.Equal(t, "a", d.UserVisibleName())
			}
		}
	}
}

// TestHashesOfKnownTypes checks that hashKey tells all known types of a short name apart.
func TestHashesOfKnownTypes(t *testing.T) {
	types := map[uint64]DerivedScalarType{}
	for typ := range DerivedScalarTypes() {
		hash := hashKey(0, typ)
		require.Empty(t, types[hash], "has the hash of %s", typ)
		types[hash] = typ
	}
}

// TestIndexCopiesNames checks that the index has copies of short names: a part of a record's text
// would keep all of it in memory when the record is gone.
func TestIndexCopiesNames(t *testing.T) {
	var reg Registry
	for _, path := range []string{"p", "q"} { // new keys, and the same keys
		d := Document{Name: "d"}
		for i := range 100 {
			d.Datasets = append(d.Datasets, Spec{ShortName: fmt.Sprint("x", i), DerivedScalarType: "t", UserVisibleName: "n", NeuronDatasetPath: path})
		}
		_, err := reg.Apply(Change{Put: []Document{d}})
		require.NoError(t, err)
		for sl, root := range reg.Snapshot().index.at(0).all() {
			require.Equal(t, sl.shortName, root.shortName())
			require.NotSame(t, unsafe.StringData(sl.shortName), unsafe.StringData(root.text))
		}
	}
}

// TestReplacedTypes replaces all types of a short name by others, at once and as many as a shard
// can hold, and checks that the directory stays small.
func TestReplacedTypes(t *testing.T) {
	for n := 1; n < shardLimit+5; n++ {
		var reg Registry
		for round := range 4 {
			d := Document{Name: "d"}
			for i := range n {
				d.Datasets = append(d.Datasets, Spec{ShortName: "x", DerivedScalarType: DerivedScalarType(fmt.Sprint(round, "-", i)),
					UserVisibleName: "n", NeuronDatasetPath: "p"})
			}
			_, err := reg.Apply(Change{Put: []Document{d}})
			require.NoError(t, err)
			s := reg.Snapshot()
			require.Equal(t, n, s.Len())
			require.Len(t, slices.Collect(s.Named("x")), n)
			require.LessOrEqual(t, s.index.depth, uint8(1), "%d types", n)
			checkIndex(t, &s.index)
		}
	}
}

// BenchmarkHashOfType shows what hashType saves a lookup.
func BenchmarkHashOfType(b *testing.B) {
	typ := AttentionAutoencoderLatent
	b.Run("hashType", func(b *testing.B) {
		for b.Loop() {
			hashType(typ)
		}
	})
	b.Run("hashString", func(b *testing.B) {
		for b.Loop() {
			hashString(string(typ))
		}
	})
}
