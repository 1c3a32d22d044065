package watcher

import (
	"testing"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/source"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestRegistryRefuses has documents that the registry refuses though they were parsed without an
// error: they do not keep the others out, and their last good datasets stay. As config.Parse finds
// all that the registry refuses, the results of parsing are made here.
func TestRegistryRefuses(t *testing.T) {
	spec := func(name, path string) []registry.Spec {
		return []registry.Spec{{ShortName: name, DerivedScalarType: registry.MLPPostAct, UserVisibleName: name, NeuronDatasetPath: path}}
	}
	o, err := newOptions(nil)
	require.NoError(t, err)
	w := &Watcher{options: o, registry: registry.New(), documents: make(map[string]*document)}
	apply := func(results ...parsed) application {
		t.Helper()
		var b source.Batch
		for i, name := range []string{"a.toml", "b.toml", "c.toml"}[:len(results)] {
			results[i].sum[0] = byte(i)
			b.Changed = append(b.Changed, source.Document{Name: name})
		}
		w.record(b, results)
		return w.apply()
	}
	warning := config.Diagnostics{{Severity: config.SeverityWarning, Message: "kept"}}
	a := apply(parsed{datasets: spec("a", "1")}, parsed{datasets: spec("", "1"), diagnostics: warning}, parsed{datasets: spec("c", "1")})
	require.Len(t, a.rejected, 1)
	refused := a.rejected[0]
	assert.Equal(t, "b.toml", refused.document.Name)
	assert.Equal(t, StateInvalid, refused.document.State)
	assert.Equal(t, StateOK, refused.from)
	assert.Equal(t, warning, refused.known)
	found := refused.document.Diagnostics
	require.Len(t, found, 2)
	assert.Equal(t, "kept", found[0].Message)
	assert.Equal(t, config.SeverityError, found[1].Severity)
	assert.Equal(t, "b.toml", found[1].File)
	assert.Contains(t, found[1].Message, registry.ErrMissingField.Error())
	assert.Equal(t, 1, w.invalid)
	assert.Equal(t, 2, w.registry.Snapshot().Len())
	assert.Empty(t, w.change.put)

	a = apply(parsed{datasets: spec("", "2")}, parsed{datasets: spec("b", "2")}, parsed{datasets: spec("", "2")})
	require.Len(t, a.rejected, 2)
	for _, r := range a.rejected {
		assert.Equal(t, StateStale, r.document.State)
	}
	assert.Equal(t, 2, w.invalid)
	assert.Equal(t, StateOK, w.documents["b.toml"].status.State)
	assert.Equal(t, 3, w.registry.Snapshot().Len())
	require.True(t, w.mu.TryLock(), "it is unlocked")
}
