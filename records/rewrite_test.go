package records_test

import (
	"strings"
	"testing"

	"github.com/neurondex/neurondex/records"
	"github.com/neurondex/neurondex/registry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRewrite(t *testing.T) {
	reg := registry.New()
	_, err := reg.Apply(registry.Change{Put: []registry.Document{{Name: "a", Datasets: []registry.Spec{
		{ShortName: "mine", DerivedScalarType: registry.MLPPostAct, UserVisibleName: "n", NeuronDatasetPath: "https://h.example/m"}}}}})
	require.NoError(t, err)
	deep := strings.Repeat("[", 5000) + strings.Repeat("]", 5000)
	for body, want := range map[string]string{
		`{"dst":"mlp_post_act","datasets":["mine","other",1,"https://x"],"n":1e1000}`: `{"dst":"mlp_post_act","datasets":["https://h.example/m","other",1,"https://x"],"n":1e1000}`,
		`{"neuronDataset":"mine","dst":"mlp_post_act"}`:                               `{"neuronDataset":"https://h.example/m","dst":"mlp_post_act"}`,
		`{"a":[{"q":{"dst":"mlp_post_act","datasets":["mine"]}}]}`:                    `{"a":[{"q":{"dst":"mlp_post_act","datasets":["https://h.example/m"]}}]}`,
		`{"dst":"attn_write_norm","datasets":["mine"]}`:                               `{"dst":"attn_write_norm","datasets":["mine"]}`,
		`{"datasets":["mine"]}`:                                                       `{"datasets":["mine"]}`,
		` {"dst": "mlp_post_act", "datasets": null} `:                                 ` {"dst": "mlp_post_act", "datasets": null} `,
		`not JSON`: `not JSON`, ``: ``, deep: deep,
	} {
		assert.Equal(t, want, string(records.Rewrite(reg.Snapshot(), []byte(body))))
	}
}
