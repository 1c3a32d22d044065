package changes_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/neurondex/neurondex/internal/changes"
	"github.com/neurondex/neurondex/registry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// put replaces the datasets of a.toml.
func put(t *testing.T, r *registry.Registry, names ...string) registry.Update {
	t.Helper()
	doc := registry.Document{Name: "a.toml"}
	for _, name := range names {
		short, path, _ := strings.Cut(name, "=")
		doc.Datasets = append(doc.Datasets, registry.Spec{ShortName: short, DerivedScalarType: "t", UserVisibleName: "n", NeuronDatasetPath: "p" + path})
	}
	u, err := r.Apply(registry.Change{Put: []registry.Document{doc}})
	require.NoError(t, err)
	return u
}

// next returns the entry at a position, for which it waits.
func next(t *testing.T, l *changes.Log, p changes.Position) *changes.Entry {
	t.Helper()
	for {
		e, more, ok := l.Next(p)
		require.True(t, ok)
		if e != nil {
			return e
		}
		<-more
	}
}

func TestLog(t *testing.T) {
	r := registry.New()
	put(t, r, "a", "b")
	l := changes.Follow(r)
	defer l.Close()
	s, p := l.Latest()
	assert.Equal(t, uint64(1), s.Generation())

	u := put(t, r, "b=2", "c")
	e := next(t, l, p)
	key := func(name string) []registry.Key { return []registry.Key{{ShortName: name, DerivedScalarType: "t"}} }
	assert.Equal(t, u.Before.Hash(), e.Change.Before)
	assert.Equal(t, u.After.Hash(), e.Change.After)
	assert.Equal(t, []any{key("c"), key("b"), key("a"), 2}, []any{e.Change.Added, e.Change.Updated, e.Change.Removed, e.Change.Datasets})
	assert.Equal(t, uint64(2), e.Generation)
	assert.Regexp(t, `^{"type":"change","time":"[^"]+Z","before":"[0-9a-f]{64}","after":"[0-9a-f]{64}","datasets":2,`+
		`"counts":{"added":1,"updated":1,"removed":1},"added":\[{"shortName":"c","derivedScalarType":"t"}\],"updated":\[{.*"b".*}\],"removed":\[{.*"a".*}\]}$`, string(e.JSON))

	l.AddDocuments([]string{"x.toml"}, nil)
	e = next(t, l, p+1)
	assert.Regexp(t, `^{"type":"documents","time":"[^"]+","invalid":\["x.toml"\],"valid":\[\]}$`, string(e.JSON))
	assert.Equal(t, uint64(2), e.Generation)
	put(t, r)
	assert.Equal(t, uint64(3), next(t, l, p+2).Generation)

	for generation, want := range map[uint64]changes.Position{1: p, 2: p + 1, 3: p + 3} {
		at, ok := l.At(generation)
		assert.True(t, ok)
		assert.Equal(t, want, at, "generation %d", generation)
	}
	for _, generation := range []uint64{0, 4} {
		_, ok := l.At(generation)
		assert.False(t, ok, "generation %d", generation)
	}
	var types []bool
	for _, e := range l.All() {
		types = append(types, e.Change != nil)
	}
	assert.Equal(t, []bool{true, false, true}, types, "the latest first")
}

// TestLimits checks that old entries go, and that who has missed them is told so.
func TestLimits(t *testing.T) {
	r := registry.New()
	l := changes.Follow(r)
	defer l.Close()
	_, p := l.Latest()
	const n = 1005
	for i := range n {
		put(t, r, fmt.Sprint("n", i))
		next(t, l, p+changes.Position(i))
	}
	_, _, ok := l.Next(p + 4)
	assert.False(t, ok)
	e, _, ok := l.Next(p + 5)
	assert.True(t, ok)
	assert.Equal(t, uint64(6), e.Generation)
	for generation, known := range map[uint64]bool{0: false, 5: false, 6: true, n: true} {
		_, ok := l.At(generation)
		assert.Equal(t, known, ok, "generation %d", generation)
	}
	assert.Len(t, l.All(), 1000)
}

// TestLargeChange checks that an entry lists a limited number of keys, and counts all.
func TestLargeChange(t *testing.T) {
	r := registry.New()
	l := changes.Follow(r)
	defer l.Close()
	_, p := l.Latest()
	var names []string
	for i := range 1500 {
		names = append(names, fmt.Sprint("n", i))
	}
	put(t, r, names...)
	c := next(t, l, p).Change
	assert.Len(t, c.Added, 1000)
	assert.Equal(t, changes.Counts{Added: 1500}, c.Counts)
	assert.True(t, c.Truncated)
	assert.NotNil(t, c.Updated)
	put(t, r, names[:1000]...)
	c = next(t, l, p+1).Change
	assert.Len(t, c.Removed, 500)
	assert.False(t, c.Truncated)
}
