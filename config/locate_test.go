package config_test

import (
	"strings"
	"testing"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/registry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestLocate checks that what is found about several documents points at the value of the field, in
// every form of a document.
func TestLocate(t *testing.T) {
	base := registry.Document{Name: "00.toml", Datasets: []registry.Spec{{ShortName: "my_model", DerivedScalarType: "mlp_post_act", Line: 3}}}
	for name, tt := range map[string]struct{ file, data, name, by string }{
		"list": {"a.toml", `
[[datasets]]
short_name = "other"
derived_scalar_type = "mlp_post_act"
user_visible_name = "X"
neuron_dataset_path = "p"

[[datasets]]
derived_scalar_type = "mlp_post_act"
  short_name = "my_model"
user_visible_name = "X"
neuron_dataset_path = "p"
replaced_by = "none"
`, "10:16 datasets[1].short_name", "13:15 datasets[1].replaced_by"},
		"single": {"a.toml", `short_name = "my_model"
derived_scalar_type = "mlp_post_act"
user_visible_name = "X"
neuron_dataset_path = "p"
replaced_by = "none"
`, "1:14 short_name", "5:15 replaced_by"},
		"one line": {"a.json",
			`[` + goodJSON + `}, {"é": 1, "shortName": "my_model", "derivedScalarType": "mlp_post_act", "userVisibleName": "X", "neuronDatasetPath": "p", "replacedBy": "none"}]`,
			"1:131 [1].shortName", "1:244 [1].replacedBy"},
		"map": {"a.jsonc", `{
  // mine
  "datasets": {
    "other/mlp_post_act": {"userVisibleName": "X", "neuronDatasetPath": "p"},
    "my_model/mlp_post_act": {"userVisibleName": "X", "neuronDatasetPath": "p", "replaced_by": "none"},
  }
}`, "5:5 datasets.my_model/mlp_post_act", "5:96 datasets.my_model/mlp_post_act.replaced_by"},
	} {
		t.Run(name, func(t *testing.T) {
			specs, found := config.Parse(tt.file, []byte(tt.data))
			require.NoError(t, found.Err())
			docs := []registry.Document{base, {Name: tt.file, Datasets: specs}}
			found = append(config.Lint(docs), config.LintViewer(docs[1:])...)
			config.Locate(tt.file, []byte(tt.data), found)
			require.Len(t, found, 3)
			for i, want := range []string{tt.name, tt.by, tt.name} {
				position, field, _ := strings.Cut(want, " ")
				assert.Equal(t, field, found[i].Field)
				assert.Contains(t, found[i].String(), tt.file+":"+position+": warning: "+field+": ")
			}
			again := append(config.Diagnostics{}, found...)
			config.Locate(tt.file, []byte(tt.data), again)
			assert.Equal(t, found, again)
		})
	}
}

// TestLocateOther checks that a diagnostic keeps the position of its dataset if the content is
// another one, and that other diagnostics are left alone.
func TestLocateOther(t *testing.T) {
	docs := []registry.Document{{Name: "a.toml", Datasets: []registry.Spec{{}, {ShortName: "a/b", DerivedScalarType: "mlp_post_act", Line: 7}}}}
	_, parsed := config.Parse("a.toml", []byte(good+"color = 1"))
	for _, data := range []string{"", "[", good} {
		found := config.Diagnostics{config.LintViewer(docs)[1], parsed[0]}
		config.Locate("a.toml", []byte(data), found)
		assert.Equal(t, "a.toml:7:1", strings.SplitN(found[0].String(), ": ", 2)[0])
		assert.Equal(t, parsed[0], found[1])
	}
}
