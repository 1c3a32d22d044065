package registry_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/neurondex/neurondex/registry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestNotFoundAmongMany: of more than 100 keys, a miss lists the closest ones only.
func TestNotFoundAmongMany(t *testing.T) {
	var specs []registry.Spec
	add := func(name string, t registry.DerivedScalarType) {
		specs = append(specs, registry.Spec{ShortName: name, DerivedScalarType: t, UserVisibleName: "n", NeuronDatasetPath: "p"})
	}
	for i := range 98 {
		add(fmt.Sprintf("model-%02d", i), registry.MLPPostAct)
	}
	add("gpt2-small", registry.MLPPostAct)
	add("gpt2-small", registry.AttnWriteNorm)
	var reg registry.Registry
	apply := func() {
		t.Helper()
		_, err := reg.Apply(registry.Change{Put: []registry.Document{{Name: "d", Datasets: specs}}})
		require.NoError(t, err)
	}
	message := func(name string, typ registry.DerivedScalarType) string {
		_, err := reg.Snapshot().Get(name, typ)
		require.ErrorIs(t, err, registry.ErrNotFound)
		return err.Error()
	}
	apply()
	assert.Equal(t, 101, strings.Count(message("x", "y"), "("), "100 are listed, all of them")
	add("gpt2-xl", registry.MLPPostAct)
	apply()
	got := message("GPT3-small", registry.MLPPostAct)
	assert.Contains(t, got, `no neuron dataset for ("GPT3-small", "mlp_post_act"). The closest of 101 available datasets: `)
	assert.Contains(t, got, `("gpt2-small", "mlp_post_act"), ("gpt2-small", "attn_write_norm")`)
	assert.Equal(t, 12, strings.Count(got, "("), "the missing key, the ten closest ones, and the one that was meant")
	got = message("gpt2-small", "mlp_post_akt")
	assert.Contains(t, got, `("gpt2-small", "mlp_post_act"), ("gpt2-small", "attn_write_norm")`)
	assert.Contains(t, message("model-5_undefined", registry.MLPAutoencoderLatent), "\nThe mlp autoencoder name may need to be given in the URL.")
}
