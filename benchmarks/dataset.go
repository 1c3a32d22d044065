package main

import (
	"fmt"
	"math/rand/v2"

	"github.com/neurondex/neurondex/registry"
)

// seed is fixed, so that every run makes the same changes and queries.
const seed = 1

func newRand() *rand.Rand { return rand.New(rand.NewPCG(seed, seed)) }

// A dataset is what plain code keeps of a neuron dataset: four strings.
type dataset struct {
	ShortName         string `toml:"short_name" mapstructure:"short_name" koanf:"short_name"`
	DerivedScalarType string `toml:"derived_scalar_type" mapstructure:"derived_scalar_type" koanf:"derived_scalar_type"`
	UserVisibleName   string `toml:"user_visible_name" mapstructure:"user_visible_name" koanf:"user_visible_name"`
	NeuronDatasetPath string `toml:"neuron_dataset_path" mapstructure:"neuron_dataset_path" koanf:"neuron_dataset_path"`
}

// A document is a dataset file as plain code decodes it.
type document struct {
	Datasets []dataset `toml:"datasets" mapstructure:"datasets" koanf:"datasets"`
}

func (d *dataset) key() registry.Key {
	return registry.Key{ShortName: d.ShortName, DerivedScalarType: registry.DerivedScalarType(d.DerivedScalarType)}
}

func (d *dataset) spec() registry.Spec {
	return registry.Spec{
		ShortName:         d.ShortName,
		DerivedScalarType: registry.DerivedScalarType(d.DerivedScalarType),
		UserVisibleName:   d.UserVisibleName,
		NeuronDatasetPath: d.NeuronDatasetPath,
	}
}

func (d *dataset) appendTOML(b []byte) []byte {
	return fmt.Appendf(b, "[[datasets]]\nshort_name = %q\nderived_scalar_type = %q\nuser_visible_name = %q\nneuron_dataset_path = %q\n\n",
		d.ShortName, d.DerivedScalarType, d.UserVisibleName, d.NeuronDatasetPath)
}

func toTOML(all []dataset) []byte {
	var b []byte
	for i := range all {
		b = all[i].appendTOML(b)
	}
	return b
}

// documentName returns the name of the document whose first dataset has the index first.
func documentName(first int) string { return fmt.Sprintf("%07d.toml", first) }

// types are the derived scalar types of each model.
var types = [...]registry.DerivedScalarType{
	registry.MLPPostAct, registry.ResidPostMLP, registry.AttentionAutoencoderLatent, registry.AttnWriteNorm,
}

// newDatasets returns n datasets that share no strings.
func newDatasets(n int) []dataset {
	all := make([]dataset, n)
	for i := range all {
		model, typ := i/len(types), types[i%len(types)]
		all[i] = dataset{
			ShortName:         fmt.Sprintf("model-%07d", model),
			DerivedScalarType: string([]byte(typ)),
			UserVisibleName:   fmt.Sprintf("Model %d - %s", model, typ),
			NeuronDatasetPath: pathOf(i, 0),
		}
	}
	return all
}

// pathOf returns the path of the i-th dataset after a change; change 0 is the initial state.
func pathOf(i, change int) string {
	return fmt.Sprintf("https://host.example/neurons/%07d/collated-activations/v%05d", i, change)
}
