package registry_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/neurondex/neurondex/registry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A model is the simplest possible registry: documents by name.
type model map[string][]registry.Spec

// A defined is a dataset of a model, with its document.
type defined struct {
	document string
	registry.Spec
}

func (d defined) place() registry.Place { return registry.Place{Document: d.document, Line: d.Line} }

// content returns the whole content of s as text.
func content(s registry.Spec) string {
	s.Line = 0
	return fmt.Sprintf("%+v", s)
}

// all returns every definition in order, and the one that readers get for each key.
func (m model) all() (all []defined, winner map[registry.Key]defined) {
	winner = map[registry.Key]defined{}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		for _, s := range m[name] {
			all = append(all, defined{name, s})
			winner[s.Key()] = defined{name, s}
		}
	}
	return all, winner
}

// visible renders the datasets that readers get, in order.
func (m model) visible() (lines []string) {
	all, winner := m.all()
	for _, d := range all {
		if winner[d.Key()].document == d.document {
			lines = append(lines, d.document+": "+content(d.Spec))
		}
	}
	return lines
}

func (m model) overrides() (out []registry.Override) {
	all, winner := m.all()
	for _, d := range all {
		if w := winner[d.Key()]; w.document != d.document {
			out = append(out, registry.Override{Key: d.Key(), Hidden: d.place(), By: w.place()})
		}
	}
	return out
}

// diff renders the difference between two models: added, removed, updated.
func diff(before, after model) (lines []string) {
	all, is := after.all()
	gone, was := before.all()
	for _, d := range all {
		b, ok := was[d.Key()]
		switch {
		case is[d.Key()].document != d.document:
		case !ok:
			lines = append(lines, "added "+content(d.Spec))
		case content(b.Spec) != content(d.Spec):
			lines = append(lines, "updated "+content(b.Spec)+" "+content(d.Spec))
		}
	}
	for _, d := range gone {
		if _, ok := is[d.Key()]; !ok && was[d.Key()].document == d.document {
			lines = append(lines, "removed "+content(d.Spec))
		}
	}
	slices.SortStableFunc(lines, func(a, b string) int { return strings.Compare(a[:5], b[:5]) }) // by kind alone
	return lines
}

func renderDiff(diff registry.Diff) (lines []string) {
	for _, d := range diff.Added {
		lines = append(lines, "added "+content(d.Spec()))
	}
	for _, d := range diff.Removed {
		lines = append(lines, "removed "+content(d.Spec()))
	}
	for _, c := range diff.Updated {
		lines = append(lines, "updated "+content(c.Before.Spec())+" "+content(c.After.Spec()))
	}
	return lines
}

// String returns the whole content of m except lines.
func (m model) String() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(m)) {
		fmt.Fprintf(&b, "%q\n", name)
		for _, s := range m[name] {
			fmt.Fprintln(&b, content(s))
		}
	}
	return b.String()
}

// holds checks that a snapshot has the content of m.
func (m model) holds(t *testing.T, s *registry.Snapshot) {
	t.Helper()
	var lines []string
	for d := range s.All() {
		lines = append(lines, d.Document()+": "+content(d.Spec()))
	}
	require.Equal(t, m.visible(), lines)
	require.Equal(t, m.overrides(), slices.Collect(s.Overrides()))
	_, winner := m.all()
	require.Equal(t, len(winner), s.Len())
	for key, want := range winner {
		d, ok := s.Lookup(key.ShortName, key.DerivedScalarType)
		if !ok || d.Key() != key || d.Document() != want.document || d.NeuronDatasetPath() != want.NeuronDatasetPath {
			require.Fail(t, "lookup", "%v: want %v, got %v", key, want, d.Spec())
		}
	}
	byName := map[string][]registry.Dataset{}
	for d := range s.All() {
		byName[d.ShortName()] = append(byName[d.ShortName()], d)
	}
	for name, want := range byName {
		i := 0
		for d := range s.Named(name) {
			if i >= len(want) || d.Key() != want[i].Key() || d.Document() != want[i].Document() || !d.Equal(want[i]) {
				require.Fail(t, "named", "%s: dataset %d of %d is %v", name, i, len(want), d.Spec())
			}
			i++
		}
		require.Len(t, want, i, name)
	}
	require.Empty(t, slices.Collect(s.Named("none")))
	_, ok := s.Lookup("none", registry.MLPPostAct)
	require.False(t, ok)
	lens := map[string]int{}
	for name, specs := range m {
		n, ok := s.DocumentLen(name)
		require.True(t, ok)
		require.Len(t, specs, n)
		lens[name] = n
	}
	require.Equal(t, lens, maps.Collect(s.Documents()))
}

// A mutator makes random changes to a model.
type mutator struct {
	*rand.Rand
	documents, keys, datasets int // upper limits
	types                     int // of each short name; 0 means 2
	remove                    int // percentage of changes that remove a document
}

func (r *mutator) spec(key int) registry.Spec {
	types := max(r.types, 2)
	s := registry.Spec{
		ShortName:         fmt.Sprint("model-", key/types),
		DerivedScalarType: registry.MLPPostAct,
		UserVisibleName:   "name",
		NeuronDatasetPath: fmt.Sprint("path-", r.IntN(3)),
		Line:              r.IntN(1000),
	}
	if i := key % types; i > 0 {
		s.DerivedScalarType = registry.DerivedScalarType(fmt.Sprint("my_type_", i))
	}
	if r.IntN(4) == 0 {
		s.Description, s.Model, s.Layers = fmt.Sprint("text", r.IntN(2)), "m", r.IntN(2)
		s.Tags = []string{"a", fmt.Sprint(r.IntN(2))}
		s.Extra = []registry.Field{{Name: "n", Value: registry.ListValue(registry.IntegerValue(r.Int64N(2)))}}
	}
	return s
}

// edit returns another version of the datasets of a document.
func (r *mutator) edit(specs []registry.Spec) []registry.Spec {
	specs = slices.Clone(specs)
	at := r.IntN(len(specs) + 1)
	keyIsFree := func(s registry.Spec) bool {
		return !slices.ContainsFunc(specs, func(q registry.Spec) bool { return q.Key() == s.Key() })
	}
	switch op := r.IntN(8); {
	case op == 0 || len(specs) == 0: // new content
		specs = nil
		for _, key := range r.Perm(r.keys)[:r.IntN(r.datasets)] {
			specs = append(specs, r.spec(key))
		}
	case op == 1: // no change
	case op == 2: // other lines
		for i := range specs {
			specs[i].Line++
		}
	case op == 3:
		r.Shuffle(len(specs), func(i, j int) { specs[i], specs[j] = specs[j], specs[i] })
	case op == 4:
		if s := r.spec(r.IntN(r.keys)); keyIsFree(s) {
			specs = slices.Insert(specs, at, s)
		}
	case at == len(specs):
		specs = specs[:at-1]
	case op == 5:
		specs = slices.Delete(specs, at, at+1)
	case op == 6:
		if s := r.spec(r.IntN(r.keys)); keyIsFree(s) {
			specs[at] = s
		}
	default:
		s := r.spec(0)
		specs[at].NeuronDatasetPath, specs[at].Tags, specs[at].Model = s.NeuronDatasetPath, s.Tags, s.Model
	}
	return specs
}

// change makes a change of up to four documents to m, and returns it.
func (r *mutator) change(m model) (c registry.Change) {
	put := func(name string, specs []registry.Spec) {
		c.Put = append(c.Put, registry.Document{Name: name, Datasets: specs})
		m[name] = specs
	}
	remove := func(name string) {
		c.Remove = append(c.Remove, name)
		delete(m, name)
	}
	touched := map[string]bool{}
	for range 1 + r.IntN(4) {
		name, other := fmt.Sprint(r.IntN(r.documents)), fmt.Sprint(r.IntN(r.documents))
		if touched[name] || touched[other] || name == other {
			continue
		}
		touched[name], touched[other] = true, true
		specs := m[name]
		switch n := r.IntN(100); {
		case n < r.remove:
			remove(name)
		case n < r.remove+5: // rename
			remove(name)
			put(other, specs)
		default:
			put(name, r.edit(specs))
		}
	}
	return c
}

// newOverrides returns the overrides that Update.Overrides must yield, computed from all
// overrides before and after.
func newOverrides(u registry.Update) (out []registry.Override) {
	type pair struct {
		registry.Key
		hidden, by string
	}
	was := map[pair]bool{}
	for o := range u.Before.Overrides() {
		was[pair{o.Key, o.Hidden.Document, o.By.Document}] = true
	}
	for o := range u.After.Overrides() {
		if !was[pair{o.Key, o.Hidden.Document, o.By.Document}] {
			out = append(out, o)
		}
	}
	return out
}

// TestAgainstModel applies thousands of random changes to a registry and to a model, and
// compares them after each.
func TestAgainstModel(t *testing.T) {
	for name, r := range map[string]mutator{
		"many overrides":              {documents: 8, keys: 24, datasets: 24, remove: 15},
		"several blocks per document": {documents: 4, keys: 200, datasets: 100, remove: 10},
		"many types":                  {documents: 4, keys: 600, datasets: 300, types: 100, remove: 10},
		"many documents":              {documents: 600, keys: 1200, datasets: 12, remove: 20},
	} {
		t.Run(name, func(t *testing.T) {
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			r.Rand = rand.New(rand.NewPCG(seed, 0))
			steps := min(40_000/r.keys, 400)
			if testing.Short() {
				steps /= 10
			}
			reg, m := registry.New(), model{}
			contents, hashes := map[registry.Hash]string{}, map[string]registry.Hash{}
			type state struct {
				snapshot *registry.Snapshot
				model    model
			}
			held := state{reg.Snapshot(), model{}}
			shrink := r.remove
			for step := range steps {
				// The registry grows and shrinks in turns.
				if r.remove = shrink; step*8/steps%2 == 1 {
					r.remove = 60
				}
				before := maps.Clone(m)
				c := r.change(m)
				was := reg.Snapshot()
				u := apply(t, reg, c)
				require.Same(t, reg.Snapshot(), u.After, "step %d", step)
				m.holds(t, u.After)
				if m.String() == before.String() {
					require.Same(t, u.Before, u.After)
					require.Equal(t, was.Generation(), u.After.Generation())
				} else {
					require.Same(t, was, u.Before)
					require.Equal(t, was.Generation()+1, u.After.Generation())
				}
				require.Equal(t, diff(before, m), renderDiff(u.Diff()))
				require.Equal(t, diff(held.model, m), renderDiff(registry.Update{Before: held.snapshot, After: u.After}.Diff()))
				require.Equal(t, diff(m, held.model), renderDiff(registry.Update{Before: u.After, After: held.snapshot}.Diff()))

				require.ElementsMatch(t, newOverrides(u), slices.Collect(u.Overrides()))
				skipped := registry.Update{Before: held.snapshot, After: u.After}
				require.ElementsMatch(t, newOverrides(skipped), slices.Collect(skipped.Overrides()))

				hash := u.After.Hash()
				if want, ok := contents[hash]; ok {
					require.Equal(t, want, m.String(), "same hash, different content")
				}
				if want, ok := hashes[m.String()]; ok {
					require.Equal(t, want, hash, "same content, different hash")
				}
				contents[hash], hashes[m.String()] = m.String(), hash

				if step%20 == 19 {
					held.model.holds(t, held.snapshot) // unchanged by later changes
					held = state{u.After, maps.Clone(m)}
					fresh := registry.New()
					var c registry.Change
					for name, specs := range m {
						c.Put = append(c.Put, doc(name, specs...))
					}
					apply(t, fresh, c)
					assert.Equal(t, fresh.Snapshot().Hash(), hash)
				}
			}
			var all registry.Change
			for name := range m {
				all.Remove = append(all.Remove, name)
			}
			apply(t, reg, all)
			model{}.holds(t, reg.Snapshot())
			assert.Equal(t, registry.New().Snapshot().Hash(), reg.Snapshot().Hash())
		})
	}
}
