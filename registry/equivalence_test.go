package registry_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/neurondex/neurondex/registry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMovedDatasets moves the datasets of documents of every size around that of a block by
// every distance: the state must be that of a fresh load.
func TestMovedDatasets(t *testing.T) {
	document := func(from, to int) registry.Document {
		d := doc("d")
		for i := from; i < to; i++ {
			d.Datasets = append(d.Datasets, spec(fmt.Sprint("x", i), "p"))
		}
		return d
	}
	const most = 50
	fresh := map[string]*registry.Snapshot{}
	load := func(d registry.Document) *registry.Snapshot {
		name := fmt.Sprint(d.Datasets)
		if fresh[name] == nil {
			var reg registry.Registry
			fresh[name] = apply(t, &reg, put(d)).After
		}
		return fresh[name]
	}
	for n := range most {
		for _, by := range []int{0, 1, 2, 15, 16, 17, 31, 32, 33} {
			for _, to := range []registry.Document{document(by, n), document(-by, n), document(0, n+by), document(0, n-by)} {
				var reg registry.Registry
				apply(t, &reg, put(document(0, n)))
				got := apply(t, &reg, put(to)).After
				if want := load(to); got.Hash() != want.Hash() || !slices.Equal(lines(got), lines(want)) {
					t.Fatalf("%d datasets, %d now, moved by %d: not the state of a fresh load", n, len(to.Datasets), by)
				}
			}
		}
	}
}

// TestSameContentInAnotherDocument overrides a dataset by one with the same content: readers
// get what they had.
func TestSameContentInAnotherDocument(t *testing.T) {
	var reg registry.Registry
	a, b := doc("a", spec("x", "p"), spec("y", "p")), doc("b", spec("x", "p"))
	first := apply(t, &reg, put(a))
	for what, c := range map[string]registry.Change{
		"added, then removed": put(b), "changed at once": {Put: []registry.Document{doc("a", spec("y", "p")), b}},
		"moved":   {Put: []registry.Document{doc("c", spec("x", "p"), spec("y", "p"))}, Remove: []string{"a"}},
		"earlier": put(doc("0", spec("x", "p"), spec("y", "other"))),
	} {
		u := apply(t, &reg, c)
		assert.True(t, u.Diff().IsEmpty(), what)
		assert.NotSame(t, u.Before, u.After, what)
		back := apply(t, &reg, registry.Change{Put: []registry.Document{a}, Remove: []string{"0", "b", "c"}})
		assert.True(t, back.Diff().IsEmpty(), what)
		assert.Equal(t, first.After.Hash(), back.After.Hash(), what)
	}
}

// TestReplacedAtOnce removes the document that readers get a dataset from and puts another one
// in the same change: it is one update of the dataset.
func TestReplacedAtOnce(t *testing.T) {
	for name, tt := range map[string]struct {
		before, after []registry.Document
		want          string
	}{
		"later by earlier":  {[]registry.Document{doc("b", spec("x", "1"))}, []registry.Document{doc("a", spec("x", "2"))}, "~x=1=2"},
		"earlier by later":  {[]registry.Document{doc("a", spec("x", "1"))}, []registry.Document{doc("b", spec("x", "2"))}, "~x=1=2"},
		"hidden is visible": {[]registry.Document{doc("a", spec("x", "1")), doc("b", spec("x", "2"))}, []registry.Document{doc("a", spec("x", "1"))}, "~x=2=1"},
		"hidden is visible, and new": {
			[]registry.Document{doc("a", spec("x", "1")), doc("b", spec("x", "2"))}, []registry.Document{doc("a", spec("x", "3"))}, "~x=2=3"},
		"hidden, changed": {
			[]registry.Document{doc("a", spec("x", "1")), doc("b", spec("x", "2"))}, []registry.Document{doc("a", spec("x", "3")), doc("b", spec("x", "2"))}, ""},
		"hidden, gone": {
			[]registry.Document{doc("a", spec("x", "1")), doc("b", spec("x", "2"))}, []registry.Document{doc("b", spec("x", "2"))}, ""},
		"winner twice": {
			[]registry.Document{doc("a", spec("x", "1")), doc("b", spec("x", "2")), doc("c", spec("x", "3"))}, []registry.Document{doc("a", spec("x", "1"))}, "~x=3=1"},
		"swapped": {
			[]registry.Document{doc("a", spec("x", "1")), doc("b", spec("x", "2"))}, []registry.Document{doc("a", spec("x", "2")), doc("b", spec("x", "1"))}, "~x=2=1"},
		"all gone":      {[]registry.Document{doc("a", spec("x", "1")), doc("b", spec("x", "2"))}, nil, "-x=2"},
		"all new":       {nil, []registry.Document{doc("a", spec("x", "1")), doc("b", spec("x", "2"))}, "+x=2"},
		"in a document": {[]registry.Document{doc("a", spec("x", "1"), spec("y", "1"))}, []registry.Document{doc("a", spec("y", "1"), spec("x", "2"))}, "~x=1=2"},
	} {
		t.Run(name, func(t *testing.T) {
			names := func(docs []registry.Document) (out []string) {
				for _, d := range docs {
					out = append(out, d.Name)
				}
				return out
			}
			remove := slices.DeleteFunc(names(tt.before), func(n string) bool { return slices.Contains(names(tt.after), n) })
			var reg registry.Registry
			apply(t, &reg, registry.Change{Put: tt.before})
			u := apply(t, &reg, registry.Change{Put: tt.after, Remove: remove})
			diff := u.Diff()
			var got string
			for _, d := range diff.Added {
				got += "+" + d.ShortName() + "=" + d.NeuronDatasetPath()
			}
			for _, c := range diff.Updated {
				got += "~" + c.Before.ShortName() + "=" + c.Before.NeuronDatasetPath() + "=" + c.After.NeuronDatasetPath()
			}
			for _, d := range diff.Removed {
				got += "-" + d.ShortName() + "=" + d.NeuronDatasetPath()
			}
			assert.Equal(t, tt.want, got)
			assert.Equal(t, tt.want == "", diff.IsEmpty())
			var fresh registry.Registry
			assert.Equal(t, apply(t, &fresh, registry.Change{Put: tt.after}).After.Hash(), u.After.Hash())
		})
	}
}

// TestIsEmpty checks that each list of a diff counts.
func TestIsEmpty(t *testing.T) {
	assert.True(t, registry.Diff{}.IsEmpty())
	for _, d := range []registry.Diff{{Added: make([]registry.Dataset, 1)}, {Updated: make([]registry.Changed, 1)}, {Removed: make([]registry.Dataset, 1)}} {
		assert.False(t, d.IsEmpty(), "%v", d)
	}
	assert.Equal(t, "1 added, 2 updated, 3 removed",
		registry.Diff{Added: make([]registry.Dataset, 1), Updated: make([]registry.Changed, 2), Removed: make([]registry.Dataset, 3)}.String())
}

// TestOverridesEnd breaks out of the overrides of several keys in several documents after each
// number of them.
func TestOverridesEnd(t *testing.T) {
	var c registry.Change
	for i := range 8 {
		c.Put = append(c.Put, doc(fmt.Sprint(i), spec("x", "p"), spec("y", "p")))
	}
	var reg registry.Registry
	u := apply(t, &reg, c)
	for n := 1; n <= 14; n++ {
		seen := map[registry.Override]bool{}
		for o := range u.Overrides() {
			if seen[o] = true; len(seen) == n {
				break
			}
		}
		assert.Len(t, seen, n)
		var last registry.Override
		i := 0
		for o := range u.After.Overrides() {
			last = o
			if i++; i == n {
				break
			}
		}
		assert.Equal(t, fmt.Sprint((n-1)/2), last.Hidden.Document)
		assert.Equal(t, "7", last.By.Document)
	}
	require.Len(t, slices.Collect(u.Overrides()), 14)
	require.Len(t, slices.Collect(u.After.Overrides()), 14)
}

// TestSkippedStates compares states with others between them: a definition that was hidden,
// changed, and changed back is visible again, and counts once.
func TestSkippedStates(t *testing.T) {
	for name, steps := range map[string][]registry.Change{
		"changed and back":         {put(doc("a", spec("x", "3"))), put(doc("a", spec("x", "1"))), {Remove: []string{"b"}}},
		"removed and back":         {{Remove: []string{"a"}}, put(doc("a", spec("x", "1"))), {Remove: []string{"b"}}},
		"visible at once":          {{Remove: []string{"b"}}},
		"visible, changed, back":   {{Remove: []string{"b"}}, put(doc("a", spec("x", "3"))), put(doc("a", spec("x", "1")))},
		"moved within a document":  {put(doc("a", spec("y", "1"), spec("x", "1"))), {Remove: []string{"b"}}},
		"hidden again and visible": {{Remove: []string{"b"}}, put(doc("b", spec("x", "4"))), {Remove: []string{"b"}}},
	} {
		var reg registry.Registry
		before := apply(t, &reg, put(doc("a", spec("x", "1")), doc("b", spec("x", "2")))).After
		for _, c := range steps {
			apply(t, &reg, c)
		}
		diff := registry.Update{Before: before, After: reg.Snapshot()}.Diff()
		if assert.Len(t, diff.Updated, 1, name) {
			assert.Equal(t, "2", diff.Updated[0].Before.NeuronDatasetPath(), name)
			assert.Equal(t, "1", diff.Updated[0].After.NeuronDatasetPath(), name)
		}
		assert.Empty(t, diff.Removed, name)
		back := registry.Update{Before: reg.Snapshot(), After: before}.Diff()
		assert.Len(t, back.Updated, 1, name)
	}
}

// TestOverridesOfManyTypes checks the overrides of a short name with a great number of types.
func TestOverridesOfManyTypes(t *testing.T) {
	var c registry.Change
	for _, name := range []string{"a", "b", "c"} {
		d := doc(name)
		for i := range 500 {
			s := spec("x", "p")
			s.DerivedScalarType = registry.DerivedScalarType(fmt.Sprint("type ", i))
			d.Datasets = append(d.Datasets, s)
		}
		c.Put = append(c.Put, d)
	}
	var reg registry.Registry
	u := apply(t, &reg, c)
	assert.Len(t, slices.Collect(u.After.Overrides()), 1000)
	assert.ElementsMatch(t, slices.Collect(u.After.Overrides()), slices.Collect(u.Overrides()))
	for o := range u.Overrides() {
		assert.Equal(t, "c", o.By.Document)
		assert.NotEqual(t, "c", o.Hidden.Document)
	}
}
