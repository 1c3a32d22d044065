package registry_test

import (
	"context"
	"errors"
	"iter"
	"testing"

	"github.com/neurondex/neurondex/internal/spectest"
	"github.com/neurondex/neurondex/registry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestEveryChange changes one field of a dataset at a time, and checks that everything that
// reports changes reports it.
func TestEveryChange(t *testing.T) {
	hashes := map[registry.Hash]string{}
	for name, changed := range spectest.Changes() {
		t.Run(name, func(t *testing.T) {
			full := spectest.Full()
			other := spec("other", "p") // must not count as changed
			var reg registry.Registry
			next, stop := iter.Pull(reg.Updates(t.Context()))
			defer stop()
			before := apply(t, &reg, put(doc("d", full, other))).After
			seen, _ := next()
			require.Same(t, before, seen.After)

			u := apply(t, &reg, put(doc("d", changed, other)))
			assert.Same(t, before, u.Before)
			require.Equal(t, before.Generation()+1, u.After.Generation())
			seen, _ = next()
			assert.Equal(t, u, seen)
			hashes[before.Hash()] = "unchanged"
			assert.NotContains(t, hashes, u.After.Hash())
			hashes[u.After.Hash()] = name

			was, err := before.Get(full.ShortName, full.DerivedScalarType)
			require.NoError(t, err)
			is, err := u.After.Get(changed.ShortName, changed.DerivedScalarType)
			require.NoError(t, err)
			assert.Equal(t, full, was.Spec())
			assert.Equal(t, changed, is.Spec())
			assert.False(t, is.Equal(was))
			assert.False(t, was.Equal(is))
			assert.NotEqual(t, string(was.AppendJSON(nil)), string(is.AppendJSON(nil)))
			if full.Key() == changed.Key() {
				assert.Equal(t, registry.Diff{Updated: []registry.Changed{{Before: was, After: is}}}, u.Diff())
			} else {
				assert.Equal(t, registry.Diff{Added: []registry.Dataset{is}, Removed: []registry.Dataset{was}}, u.Diff())
			}

			// A second document with the same content, read from the same text, is no change.
			again := apply(t, &reg, put(doc("d", changed, other)))
			assert.Same(t, u.After, again.After)
			assert.True(t, again.Diff().IsEmpty())

			// A definition that overrides another one with this content is a change, too.
			over := apply(t, &reg, put(doc("e", full)))
			back := apply(t, &reg, registry.Change{Remove: []string{"e"}})
			assert.Equal(t, u.After.Hash(), back.After.Hash())
			if full.Key() == changed.Key() {
				assert.Len(t, over.Diff().Updated, 1)
				assert.Len(t, back.Diff().Updated, 1)
			} else {
				assert.Len(t, over.Diff().Added, 1)
				assert.Len(t, back.Diff().Removed, 1)
			}
		})
	}
}

// TestEarlyEnds breaks out of each iterator after its first value.
func TestEarlyEnds(t *testing.T) {
	var reg registry.Registry
	full := spectest.Full()
	second := full
	second.DerivedScalarType = "my_type"
	u := apply(t, &reg, put(doc("a", full, second), doc("b", spec("x", "p"), spec("y", "q")), doc("c", spec("x", "p"), spec("y", "q"))))
	s := u.After
	d, err := s.Get(full.ShortName, full.DerivedScalarType)
	require.NoError(t, err)
	object := registry.ObjectValue(registry.Field{Name: "a"}, registry.Field{Name: "b"})
	for name, first := range map[string]func() any{
		"All":                func() any { return firstOf(s.All()).Key() },
		"Keys":               func() any { return firstOf(s.Keys()) },
		"Named":              func() any { return firstOf(s.Named(full.ShortName)).Key() },
		"Documents":          func() any { return first2Of(s.Documents()) },
		"Extra":              func() any { return first2Of(d.Extra()) },
		"Fields":             func() any { return first2Of(object.Fields()) },
		"DerivedScalarTypes": func() any { return firstOf(registry.DerivedScalarTypes()) },
		"Overrides":          func() any { return firstOf(s.Overrides()).Key.ShortName },
		"Update.Overrides":   func() any { return firstOf(u.Overrides()).Hidden.Document },
		"Updates":            func() any { return firstOf(reg.Updates(t.Context())).After.Len() },
	} {
		want := map[string]any{
			"All": full.Key(), "Keys": full.Key(), "Named": full.Key(), "Documents": "a", "Extra": "extra", "Fields": "a",
			"DerivedScalarTypes": firstType(), "Overrides": "x", "Update.Overrides": "b", "Updates": 4,
		}[name]
		assert.Equal(t, want, first(), name)
	}
	// A loop that has ended must not have kept anything locked.
	apply(t, &reg, registry.Change{Remove: []string{"a"}})
}

func firstOf[V any](seq iter.Seq[V]) (first V) {
	for v := range seq {
		first = v
		break
	}
	return first
}

func first2Of[K, V any](seq iter.Seq2[K, V]) (first K) {
	for k := range seq {
		first = k
		break
	}
	return first
}

func firstType() registry.DerivedScalarType {
	next, stop := iter.Pull(registry.DerivedScalarTypes())
	defer stop()
	t, _ := next()
	return t
}

// TestApplyIfRefused checks that a change that was refused leaves no trace.
func TestApplyIfRefused(t *testing.T) {
	refused := errors.New("refused")
	var reg registry.Registry
	apply(t, &reg, put(doc("a", spec("x", "p")), doc("b", spec("y", "q"))))
	before := reg.Snapshot()
	updates, stop := iter.Pull(reg.Updates(t.Context()))
	defer stop()
	updates()

	for name, c := range map[string]registry.Change{
		"nothing":        {},
		"same":           put(doc("a", spec("x", "p"))),
		"another line":   put(doc("a", registry.Spec{ShortName: "x", DerivedScalarType: registry.MLPPostAct, UserVisibleName: "X", NeuronDatasetPath: "p", Line: 7})),
		"update":         put(doc("a", spec("x", "p2"))),
		"new document":   put(doc("c", spec("z", "r"))),
		"empty document": put(doc("c")),
		"remove":         {Remove: []string{"a"}},
	} {
		called := false
		u, err := reg.ApplyIf(c, func(u registry.Update) error {
			called = true
			assert.Same(t, before, reg.Snapshot(), "%s: readers see a change before it is accepted", name)
			assert.Equal(t, before.Hash(), u.Before.Hash(), name)
			return refused
		})
		require.ErrorIs(t, err, refused, name)
		assert.Zero(t, u, name)
		assert.True(t, called, name)
		assert.Same(t, before, reg.Snapshot(), name)
	}
	_, err := reg.ApplyIf(put(doc("a", spec("", "p"))), func(registry.Update) error {
		t.Error("an invalid change was offered")
		return nil
	})
	require.Error(t, err)

	// The next change that is accepted is the next update.
	u := apply(t, &reg, put(doc("c", spec("z", "r"))))
	assert.Equal(t, before.Generation()+1, u.After.Generation())
	next, ok := updates()
	assert.True(t, ok)
	assert.Equal(t, u, next)
}

// TestUpdatesEnd checks that a loop over updates ends when its context does, whether it
// waits or not.
func TestUpdatesEnd(t *testing.T) {
	var reg registry.Registry
	done, cancel := context.WithCancel(t.Context())
	cancel()
	for range reg.Updates(done) {
		t.Error("an update after the end of the context")
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	count := 0
	for range reg.Updates(ctx) {
		count++
		cancel()
	}
	assert.Equal(t, 1, count)
}

// TestTextMovesBetweenFields moves text from one required field to the next, so that all of them
// together stay the same.
func TestTextMovesBetweenFields(t *testing.T) {
	at := func(name, visible, path string) registry.Spec {
		return registry.Spec{ShortName: name, DerivedScalarType: registry.MLPPostAct, UserVisibleName: visible, NeuronDatasetPath: path}
	}
	specs := []registry.Spec{at("ab", "cd", "ef"), at("ab", "c", "def"), at("ab", "cde", "f"), at("a", "bcd", "ef"), at("abc", "d", "ef"), at("a", "bcde", "f")}
	hashes := map[registry.Hash]bool{}
	for i, from := range specs {
		for j, to := range specs {
			var reg registry.Registry
			before := apply(t, &reg, put(doc("d", from))).After
			u := apply(t, &reg, put(doc("d", to)))
			hashes[u.After.Hash()] = true
			assert.Equal(t, i == j, u.Before == u.After)
			assert.Equal(t, i == j, u.Diff().IsEmpty())
			d, err := u.After.Get(to.ShortName, to.DerivedScalarType)
			require.NoError(t, err)
			assert.Equal(t, to, d.Spec())
			for was := range before.All() {
				assert.Equal(t, i == j, was.Equal(d))
			}
		}
	}
	assert.Len(t, hashes, len(specs))
}
