package registry

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestSizes checks that a record fits in a cache line, and that the keys of a shard and a part of
// its roots, with the word that the allocator adds, fit in the sizes that it has for them.
func TestSizes(t *testing.T) {
	if unsafe.Sizeof(uintptr(0)) != 8 {
		t.Skip("sizes are for 64 bits")
	}
	assert.LessOrEqual(t, unsafe.Sizeof(record{}), uintptr(64))
	assert.LessOrEqual(t, unsafe.Sizeof(shardKeys{}), uintptr(6528-8))
	assert.LessOrEqual(t, unsafe.Sizeof(shardRoots{}), uintptr(576-8))
}

// TestNamedOfEqualHashes gives a short name the hash of another one.
func TestNamedOfEqualHashes(t *testing.T) {
	one, other := newRecord(&Spec{ShortName: "a"}, new(DerivedScalarType), &origin{}), newRecord(&Spec{ShortName: "b"}, new(DerivedScalarType), &origin{})
	e := indexEdit{id: 1}
	e.put(hashKey(hashString("a"), "t"), "a", one)
	e.put(hashKey(hashString("a"), "u"), "b", other)
	assert.Equal(t, []*record{one}, e.named("a"))
}

// TestNamedDoesNotReadDocuments checks that Named never makes readers wait for the places
// of a document: it needs none, or Apply has found them.
func TestNamedDoesNotReadDocuments(t *testing.T) {
	var reg Registry
	specs := func(types ...DerivedScalarType) (specs []Spec) {
		for _, typ := range types {
			specs = append(specs, Spec{ShortName: "x", DerivedScalarType: typ, UserVisibleName: "n", NeuronDatasetPath: "p"})
		}
		return append(specs, Spec{ShortName: "y", DerivedScalarType: "t", UserVisibleName: "n", NeuronDatasetPath: "p"})
	}
	for _, c := range []Change{
		{Put: []Document{{"a", specs("1")}, {"b", specs("2")}, {"c", specs("3", "4")}}},
		{Put: []Document{{"c", specs("4", "3", "5")}}},
		{Put: []Document{{"c", specs("4", "3")[:2]}}}, // a prefix
		{Put: []Document{{"b", specs("6", "2")}}},
		{Remove: []string{"c"}},
	} {
		_, err := reg.Apply(c)
		require.NoError(t, err)
		s := reg.Snapshot()
		places := map[string]bool{}
		for doc := range s.documents.all() {
			places[doc.name()] = doc.places.Load() != nil
		}
		for range s.Named("x") {
		}
		for doc := range s.documents.all() {
			require.Equal(t, places[doc.name()], doc.places.Load() != nil, doc.name())
		}
	}
}

// TestDefinitionsAreATreap inserts and removes definitions in random order.
func TestDefinitionsAreATreap(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	var records []*record
	for i := range 2000 {
		typ := DerivedScalarType(fmt.Sprint(i / 4))
		records = append(records, newRecord(&Spec{ShortName: "x"}, &typ, &origin{fmt.Sprint(i % 4)}))
	}
	build := func() (root *record) {
		for _, i := range rng.Perm(len(records)) {
			root = root.insert(records[i])
		}
		return root
	}
	var check func(r *record) (depth int)
	check = func(r *record) int {
		if r == nil {
			return 0
		}
		for _, child := range []*record{r.left, r.right} {
			if child != nil {
				require.GreaterOrEqual(t, r.priority(), child.priority())
			}
		}
		return 1 + max(check(r.left), check(r.right))
	}
	root := build()
	assert.Less(t, check(root), 50)
	var sorted []*record
	root.each(func(r *record) { sorted = append(sorted, r) })
	require.Len(t, sorted, len(records))
	for i := range sorted[1:] {
		require.Positive(t, sorted[i+1].compare(*sorted[i].typ, sorted[i].origin.document))
	}
	assert.Len(t, root.appendWinners(nil), len(records)/4)

	for _, i := range rng.Perm(len(records)) {
		r := records[i]
		require.NotNil(t, root.find(*r.typ, r.origin.document))
		was := root
		root = root.remove(*r.typ, r.origin.document)
		require.Nil(t, root.find(*r.typ, r.origin.document))
		require.NotNil(t, was.find(*r.typ, r.origin.document), "the tree before has not changed")
		if i%100 == 0 {
			check(root)
		}
	}
	require.Nil(t, root)
}

func TestDocumentsShareChunksAndJoinSmallOnes(t *testing.T) {
	const n = 3000
	name := func(i int) string { return fmt.Sprintf("%04d", i) }
	var forward []int
	for i := range n {
		forward = append(forward, i)
	}
	backward := slices.Clone(forward)
	slices.Reverse(backward)
	for how, order := range map[string][]int{"forward": forward, "backward": backward, "random": rand.Perm(n)} {
		var all []documentEdit
		for i := range n {
			all = append(all, documentEdit{name: name(i), to: &document{origin: &origin{name(i)}}})
		}
		var list documents
		list = list.with(all)
		for left := n - 1; left >= 0; left-- {
			was := list
			list = list.with([]documentEdit{{name: name(order[left]), old: all[order[left]].to}})
			require.Equal(t, left, list.count, how)
			require.LessOrEqual(t, len(list.chunks), 1+4*left/chunkLimit, how)
			differing := 0
			for before, after := range pairs(&was, &list) {
				require.Nil(t, after)
				require.Equal(t, name(order[left]), before.name())
				differing++
			}
			require.Equal(t, 1, differing, how)
		}
	}
}
