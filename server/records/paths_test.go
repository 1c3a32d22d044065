package records_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/neurondex/neurondex/records"
	"github.com/neurondex/neurondex/registry"
	serverrecords "github.com/neurondex/neurondex/server/records"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestExposePaths checks that messages name no directory of the server's disk unless they may.
func TestExposePaths(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o600))
	for _, path := range []string{filepath.Join(dir, "missing"), filepath.Join(dir, "file")} {
		specs := []registry.Spec{{ShortName: "x", DerivedScalarType: registry.MLPPostAct, NeuronDatasetPath: path}}
		const body = `{"dst":"mlp_post_act","layerIndex":0,"activationIndex":0,"datasets":["x"]}`
		hidden := post(handler(t, new(records.Store), specs), "/neuron_record", body)
		assert.GreaterOrEqual(t, hidden.Code, 400)
		assert.NotContains(t, hidden.Body.String(), dir, path)
		shown := post(handler(t, new(records.Store), specs, serverrecords.ExposePaths()), "/neuron_record", body)
		assert.Equal(t, hidden.Code, shown.Code)
		t.Log(hidden.Body, shown.Body)
	}
}
