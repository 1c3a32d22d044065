package registry_test

import (
	"testing"

	"github.com/neurondex/neurondex/registry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestContentHashIsStable compares hashes with those of earlier versions: clients and
// other replicas may hold them.
func TestContentHashIsStable(t *testing.T) {
	for name, tt := range map[string]struct {
		spec registry.Spec
		want string
	}{
		"required": {
			registry.Spec{ShortName: "s", DerivedScalarType: "mlp_post_act", UserVisibleName: "u", NeuronDatasetPath: "p"},
			"6f503b5dc6c7405386cb7cbd2920ece4d526d3c92794ca12829ea1565c646ab1",
		},
		"every field": {
			registry.Spec{
				ShortName: "s", DerivedScalarType: "my_type", UserVisibleName: "u", NeuronDatasetPath: "p",
				Description: "d", Model: "m", Layers: 12, NodesPerLayer: 3072, RecordFormat: "pt",
				ExplanationDatasetPaths: []string{"e", "f"}, Version: "v", License: "MIT", Homepage: "https://h.example",
				Tags: []string{"a", "b"}, Deprecated: true, ReplacedBy: "r",
				Extra: []registry.Field{{Name: "x", Value: registry.ListValue(registry.BoolValue(true), registry.StringValue("y"))}},
			},
			"78b3bd981fc16fd6884576b8ee3610de80cd54f73c1b3a4da8fc03910147ad16",
		},
	} {
		reg := registry.New()
		apply(t, reg, put(doc("d", tt.spec)))
		assert.Equal(t, tt.want, reg.Snapshot().Hash().String(), name)
	}
}

func TestHashText(t *testing.T) {
	reg := registry.New()
	apply(t, reg, put(doc("d", spec("x", "p"))))
	hash := reg.Snapshot().Hash()
	text, err := hash.MarshalText()
	require.NoError(t, err)
	assert.Equal(t, hash.String(), string(text))
	var parsed registry.Hash
	require.NoError(t, parsed.UnmarshalText(text))
	assert.Equal(t, hash, parsed)
	for _, invalid := range []string{"", string(text[1:]), string(text) + "0", "x" + string(text[1:])} {
		require.Error(t, parsed.UnmarshalText([]byte(invalid)), invalid)
		assert.Equal(t, hash, parsed, "unchanged after an error")
	}
}
