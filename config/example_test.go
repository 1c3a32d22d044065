package config_test

import (
	"fmt"

	"github.com/neurondex/neurondex/config"
)

func ExampleParse() {
	data := []byte(`
[[datasets]]
short_name = "gpt2-small"
derived_scalar_type = "mlp_post_act"
user_visible_name = "GPT-2 small - MLP neurons"
neuron_dataset_path = "https://host.example/gpt2-small"
`)
	datasets, diagnostics := config.Parse("gpt2.toml", data)
	if err := diagnostics.Err(); err != nil {
		fmt.Println(err)
		return
	}
	for _, d := range datasets {
		fmt.Println(d.Key(), d.NeuronDatasetPath)
	}
	// Output: gpt2-small/mlp_post_act https://host.example/gpt2-small
}

func ExampleDiagnostics() {
	_, diagnostics := config.Parse("gpt2.json", []byte(`{
  "shortName": "gpt2-small",
  "derivedScalarType": "mlp_post_akt",
  "userVisibleName": "GPT-2 small - MLP neurons"
}`))
	for _, d := range diagnostics {
		fmt.Println(d)
	}
	// Output:
	// gpt2.json:1:1: error: neuron_dataset_path: required field is missing [missing-field]
	// gpt2.json:3:24: error: derivedScalarType: unknown derived scalar type "mlp_post_akt" (did you mean "mlp_post_act"?) [unknown-scalar-type]
}
