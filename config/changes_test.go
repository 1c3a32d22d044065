package config_test

import (
	"testing"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/internal/spectest"
	"github.com/neurondex/neurondex/registry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestEveryChange changes one field of a document from one value to another, in both formats:
// the datasets that are read, and the registry that they are applied to, must have the change.
func TestEveryChange(t *testing.T) {
	for _, format := range []string{"json", "toml"} {
		was := documentOf(t, format, spectest.Full())
		hashes := map[registry.Hash]string{}
		for name, changed := range spectest.Changes() {
			t.Run(format+": "+name, func(t *testing.T) {
				document := documentOf(t, format, changed)
				assert.NotEqual(t, string(was), string(document))
				var reg registry.Registry
				for _, data := range [][]byte{was, document} {
					specs, found := config.Parse("d."+format, data)
					require.NoError(t, found.Err(), "%s", data)
					_, err := reg.Apply(registry.Change{Put: []registry.Document{{Name: "d", Datasets: specs}}})
					require.NoError(t, err)
				}
				s := reg.Snapshot()
				assert.Equal(t, uint64(2), s.Generation())
				assert.Equal(t, 1, s.Len())
				d, err := s.Get(changed.ShortName, changed.DerivedScalarType)
				require.NoError(t, err)
				assert.Equal(t, changed, d.Spec())
				assert.NotContains(t, hashes, s.Hash())
				hashes[s.Hash()] = name
			})
		}
	}
}

// documentOf returns a document of one dataset.
func documentOf(t *testing.T, format string, spec registry.Spec) []byte {
	t.Helper()
	var reg registry.Registry
	_, err := reg.Apply(registry.Change{Put: []registry.Document{{Name: "d", Datasets: []registry.Spec{spec}}}})
	require.NoError(t, err)
	d, err := reg.Snapshot().Get(spec.ShortName, spec.DerivedScalarType)
	require.NoError(t, err)
	data, found, err := config.Convert("d.json", d.AppendJSON(nil), format)
	require.NoError(t, err, "%v", found)
	return data
}
