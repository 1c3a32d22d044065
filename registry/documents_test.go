package registry_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/neurondex/neurondex/registry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// arrangements yields all lists of up to n of the given keys, repeated keys included.
func arrangements(keys []registry.Key, n int) [][]registry.Key {
	all := [][]registry.Key{nil}
	for from := 0; n > 0; n-- {
		to := len(all)
		for _, short := range all[from:to] {
			for _, k := range keys {
				all = append(all, append(slices.Clone(short), k))
			}
		}
		from = to
	}
	return all
}

// TestEveryVersion replaces a document by every other version of it, of few keys in any order
// and number: the first key that is defined twice is an error, and any other version gives its
// datasets in its order.
func TestEveryVersion(t *testing.T) {
	keys := []registry.Key{
		{ShortName: "a", DerivedScalarType: "1"}, {ShortName: "a", DerivedScalarType: "2"}, {ShortName: "a", DerivedScalarType: "3"}, {ShortName: "b", DerivedScalarType: "1"},
	}
	version := func(keys []registry.Key, path string) registry.Document {
		d := doc("d")
		for i, k := range keys {
			s := registry.Spec{ShortName: k.ShortName, DerivedScalarType: k.DerivedScalarType, UserVisibleName: "n", NeuronDatasetPath: path}
			if path == "some" { // every other one is new
				s.NeuronDatasetPath = []string{"p", "q"}[i%2]
			}
			d.Datasets = append(d.Datasets, s)
		}
		return d
	}
	twice := func(keys []registry.Key) int {
		for i, k := range keys {
			if slices.Contains(keys[:i], k) {
				return i
			}
		}
		return -1
	}
	all := arrangements(keys, 4)
	for _, old := range all {
		if twice(old) >= 0 {
			continue
		}
		var reg registry.Registry
		before := apply(t, &reg, put(version(old, "p"), doc("other", spec("z", "p")))).After
		for _, next := range all {
			for _, path := range []string{"p", "some"} {
				what := fmt.Sprint(old, " to ", next, " ", path)
				to := version(next, path)
				u, err := reg.Apply(put(to))
				if i := twice(next); i >= 0 {
					var failed *registry.DocumentError
					if !errors.As(err, &failed) || !errors.Is(err, registry.ErrDuplicate) || failed.Index != i || failed.Key != next[i] || reg.Snapshot() != before {
						t.Fatalf("%s: %v, must be a duplicate at %d", what, err, i)
					}
					continue
				}
				require.NoError(t, err, what)
				want := to.Datasets
				var got []registry.Spec
				for d := range u.After.All() {
					if d.Document() == "d" {
						got = append(got, d.Spec())
					}
				}
				if !slices.EqualFunc(got, want, func(a, b registry.Spec) bool { return a.Key() == b.Key() && a.NeuronDatasetPath == b.NeuronDatasetPath }) {
					t.Fatalf("%s: got %v", what, got)
				}
				assertDiff(t, what, u.Diff(), version(old, "p").Datasets, want)
				if n, ok := u.After.DocumentLen("d"); n != len(next) || !ok {
					t.Fatalf("%s: the document has %d datasets", what, n)
				}
				var fresh registry.Registry
				if apply(t, &fresh, put(to, doc("other", spec("z", "p")))).After.Hash() != u.After.Hash() {
					t.Fatalf("%s: the hash is not that of a fresh load", what)
				}
				back := apply(t, &reg, put(version(old, "p")))
				assertDiff(t, what+", back", back.Diff(), want, version(old, "p").Datasets)
				before = back.After
			}
		}
	}
}

// assertDiff checks that diff is the difference between two versions of a document.
func assertDiff(t *testing.T, what string, diff registry.Diff, before, after []registry.Spec) {
	t.Helper()
	find := func(specs []registry.Spec, k registry.Key) *registry.Spec {
		i := slices.IndexFunc(specs, func(s registry.Spec) bool { return s.Key() == k })
		if i < 0 {
			return nil
		}
		return &specs[i]
	}
	var want, got strings.Builder
	for _, s := range after {
		switch was := find(before, s.Key()); {
		case was == nil:
			fmt.Fprintf(&want, "+%v=%s ", s.Key(), s.NeuronDatasetPath)
		case was.NeuronDatasetPath != s.NeuronDatasetPath:
			fmt.Fprintf(&want, "~%v=%s=%s ", s.Key(), was.NeuronDatasetPath, s.NeuronDatasetPath)
		}
	}
	for _, s := range before {
		if find(after, s.Key()) == nil {
			fmt.Fprintf(&want, "-%v ", s.Key())
		}
	}
	added, updated := diff.Added, diff.Updated
	for _, s := range after { // both are in the order of the document
		switch {
		case len(added) > 0 && added[0].Key() == s.Key():
			fmt.Fprintf(&got, "+%v=%s ", s.Key(), added[0].NeuronDatasetPath())
			added = added[1:]
		case len(updated) > 0 && updated[0].After.Key() == s.Key():
			fmt.Fprintf(&got, "~%v=%s=%s ", s.Key(), updated[0].Before.NeuronDatasetPath(), updated[0].After.NeuronDatasetPath())
			updated = updated[1:]
		}
	}
	for _, d := range diff.Removed {
		fmt.Fprintf(&got, "-%v ", d.Key())
	}
	if want.String() != got.String() || len(added)+len(updated) > 0 {
		t.Fatalf("%s: diff is %s and %v %v, must be %s", what, got.String(), added, updated, want.String())
	}
}

// TestLines checks what readers get of the lines of datasets, and that a change of lines alone
// is no change of content.
func TestLines(t *testing.T) {
	at := func(name string, line int) registry.Spec {
		s := spec(name, "p")
		s.Line = line
		return s
	}
	// The last document hides all others, so that their lines can be seen.
	hiding := doc("hiding", at("x", 1), at("y", 2), at("z", 3))
	places := func(s *registry.Snapshot) string {
		var b strings.Builder
		for o := range s.Overrides() {
			fmt.Fprintf(&b, "%s:%s:%d ", o.Key.ShortName, o.Hidden.Document, o.Hidden.Line)
			assert.Equal(t, registry.Place{Document: "hiding", Line: map[string]int{"x": 1, "y": 2, "z": 3}[o.Key.ShortName]}, o.By)
		}
		return strings.TrimSpace(b.String())
	}
	var reg registry.Registry
	first := apply(t, &reg, put(doc("a", spec("x", "p"), spec("y", "p")), hiding)).After
	assert.Equal(t, "x:a:0 y:a:0", places(first))
	for _, tt := range []struct {
		x, y int
		want string
	}{
		{0, 7, "x:a:0 y:a:7"}, {3, 7, "x:a:3 y:a:7"}, {3, 8, "x:a:3 y:a:8"}, {4, 0, "x:a:4 y:a:0"}, {1 << 40, 1, "x:a:2147483647 y:a:1"}, {0, 0, "x:a:0 y:a:0"},
	} {
		u := apply(t, &reg, put(doc("a", at("x", tt.x), at("y", tt.y))))
		assert.Equal(t, tt.want, places(u.After))
		assert.Equal(t, tt.want, places(reg.Snapshot()))
		assert.Equal(t, first.Generation(), u.After.Generation())
		assert.Equal(t, first.Hash(), u.After.Hash())
		assert.Same(t, u.Before, u.After, "readers are not told")
		assert.True(t, u.Diff().IsEmpty())
	}
	assert.Equal(t, "x:a:0 y:a:0", places(first), "an earlier state has not changed")

	// A change of lines with a change of another document is one update.
	u := apply(t, &reg, put(doc("a", at("x", 5), at("y", 6)), doc("b", at("z", 9))))
	assert.Equal(t, "x:a:5 y:a:6 z:b:9", places(u.After))
	assert.Equal(t, first.Generation()+1, u.After.Generation())
	assert.NotEqual(t, first.Hash(), u.After.Hash())
}
