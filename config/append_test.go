package config_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/registry"
)

// TestAppendParse checks that datasets come after those that are there, in reused memory too, and
// that an invalid document adds none.
func TestAppendParse(t *testing.T) {
	full := registry.Spec{ShortName: "m", DerivedScalarType: "mlp_post_act", UserVisibleName: "old", NeuronDatasetPath: "old",
		Description: "old", Layers: 9, Tags: []string{"old"}, Deprecated: true, Extra: []registry.Field{{Name: "old"}}, Line: 99}
	for name, text := range map[string]string{
		"single.toml": "short_name = \"m\"\nderived_scalar_type = \"mlp_post_act\"\nuser_visible_name = \"M\"\nneuron_dataset_path = \"m\"\n",
		"list.json":   `[{"short_name":"m","derived_scalar_type":"mlp_post_act","user_visible_name":"M","neuron_dataset_path":"m"}]`,
		"map.json":    `{"datasets":{"m/mlp_post_act":{"user_visible_name":"M","neuron_dataset_path":"m"}}}`,
		"two.jsonc": `{"datasets":[{"short_name":"m","derived_scalar_type":"mlp_post_act","user_visible_name":"M","neuron_dataset_path":"m"},
			{"short_name":"m","derived_scalar_type":"attn_write_norm","user_visible_name":"M","neuron_dataset_path":"m"}]}`,
		"none.json":    `{"datasets":[]}`,
		"empty.toml":   "",
		"invalid.toml": "[[datasets]]\nshort_name = \"m\"\n",
		"twice.json": `{"datasets":[{"short_name":"m","derived_scalar_type":"mlp_post_act","user_visible_name":"M","neuron_dataset_path":"m"},
			{"short_name":"m","derived_scalar_type":"mlp_post_act","user_visible_name":"M","neuron_dataset_path":"m"}]}`,
		"syntax.json": `{"datasets":[`,
	} {
		t.Run(name, func(t *testing.T) {
			want, wantFound := config.Parse(name, []byte(text))
			for _, room := range []int{0, 1, 2, 100} {
				specs := make([]registry.Spec, 1+room)
				for i := range specs {
					specs[i] = full
				}
				got, found := config.AppendParse(specs[:1], name, []byte(text))
				assert.Equal(t, wantFound, found)
				require.Len(t, got, 1+len(want))
				assert.Equal(t, full, got[0], "what was there stays, and is no duplicate")
				assert.Equal(t, want, append([]registry.Spec(nil), got[1:]...), "nothing of what the memory held before")
				assert.Equal(t, len(want) <= room, &got[0] == &specs[0], "the memory is reused if there is enough")
			}
		})
	}
}
