package registry_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/neurondex/neurondex/registry"
)

func TestDefinitions(t *testing.T) {
	spec := func(name, typ, path string, line int) registry.Spec {
		return registry.Spec{ShortName: name, DerivedScalarType: registry.DerivedScalarType(typ), UserVisibleName: "n", NeuronDatasetPath: path, Line: line}
	}
	r := registry.New()
	_, err := r.Apply(registry.Change{Put: []registry.Document{
		{Name: "a", Datasets: []registry.Spec{spec("x", "t", "1", 1), spec("x", "other", "2", 9)}},
		{Name: "b", Datasets: []registry.Spec{spec("x", "t", "3", 4)}},
		{Name: "c", Datasets: []registry.Spec{spec("y", "t", "4", 7), spec("x", "t", "5", 0)}},
	}})
	require.NoError(t, err)
	type definition struct {
		place registry.Place
		path  string
	}
	for key, want := range map[registry.Key][]definition{
		{ShortName: "x", DerivedScalarType: "t"}:     {{registry.Place{Document: "c"}, "5"}, {registry.Place{Document: "b", Line: 4}, "3"}, {registry.Place{Document: "a", Line: 1}, "1"}},
		{ShortName: "x", DerivedScalarType: "other"}: {{registry.Place{Document: "a", Line: 9}, "2"}},
		{ShortName: "y", DerivedScalarType: "t"}:     {{registry.Place{Document: "c", Line: 7}, "4"}},
		{ShortName: "z", DerivedScalarType: "t"}:     nil,
	} {
		var got []definition
		for place, d := range r.Snapshot().Definitions(key) {
			got = append(got, definition{place, d.NeuronDatasetPath()})
		}
		assert.Equal(t, want, got, key)
		for range r.Snapshot().Definitions(key) {
			break // leaves the loop
		}
	}
}
