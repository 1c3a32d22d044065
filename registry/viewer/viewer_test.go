package viewer_test

import (
	"testing"

	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/registry/viewer"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFault(t *testing.T) {
	for _, tt := range []struct {
		shortName string
		typ       registry.DerivedScalarType
		field     string
	}{
		{"gpt2-small", registry.MLPPostAct, ""},
		{"gpt2-small", registry.AttnWriteNorm, ""},
		{"gpt2-small_resid-delta-mlp-v1", registry.OnlineAutoencoderLatent, ""},
		{"gpt2-small_resid-delta-mlp-v1", registry.MLPAutoencoderLatent, ""},
		{"gpt2-small_other", registry.MLPAutoencoderLatent, "short_name"},
		{"_mlp-post-act", registry.MLPAutoencoderLatent, "short_name"},
		{"gpt2-small", registry.MLPAutoencoderLatent, "short_name"},
		{"gpt2_small", registry.MLPPostAct, "short_name"},
		{"org/gpt2", registry.MLPPostAct, "short_name"},
		{"gpt2-small", "my_type", "derived_scalar_type"},
	} {
		field, reason := viewer.Fault(registry.Key{ShortName: tt.shortName, DerivedScalarType: tt.typ})
		assert.Equal(t, tt.field, field, "%s/%s", tt.shortName, tt.typ)
		assert.Equal(t, tt.field == "", reason == "", "%s/%s", tt.shortName, tt.typ)
	}
}

func TestAppendMetadata(t *testing.T) {
	var reg registry.Registry
	_, err := reg.Apply(registry.Change{Put: []registry.Document{{Name: "a", Datasets: []registry.Spec{{
		ShortName: "x\"\n\x01<é", DerivedScalarType: "t", UserVisibleName: "n", NeuronDatasetPath: "p", Description: "d",
	}}}}})
	require.NoError(t, err)
	for d := range reg.Snapshot().All() {
		want := `[{"shortName":"x\"\n\u0001<é","derivedScalarType":"t","userVisibleName":"n","neuronDatasetPath":"p"}`
		assert.Equal(t, want, string(viewer.AppendMetadata([]byte("["), d)), "the order of the fields matters")
	}
}
