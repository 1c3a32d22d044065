// Package viewer knows what the public neuron viewer of the Transformer Debugger can
// show, and the form in which it reads datasets.
package viewer

import (
	"strings"

	"github.com/neurondex/neurondex/registry"
)

// autoencoders are the strings that the viewer looks for in the name of an
// autoencoder.
var autoencoders = []string{"resid-delta-mlp", "mlp-post-act", "resid-delta-attn"}

// Fault returns the field that keeps the viewer from showing the dataset of a key, and
// the reason. Both are empty if the viewer can show it.
//
// The viewer puts short names into the URLs of its pages and parses them again: what
// follows the underscore is the name of an autoencoder.
func Fault(k registry.Key) (field, reason string) {
	node := k.DerivedScalarType.ViewerNodeType()
	model, autoencoder, split := strings.Cut(k.ShortName, "_")
	switch {
	case node == "":
		return "derived_scalar_type", "it does not know the type"
	case strings.Contains(k.ShortName, "/"):
		return "short_name", "the short name must not contain a slash"
	case node == "mlp_neuron" || node == "attention_head":
		if split {
			return "short_name", "it takes what follows the underscore in the short name for the name of an autoencoder"
		}
		return "", ""
	case model == "" || !isAutoencoder(autoencoder):
		return "short_name", "the short name must be MODEL_AUTOENCODER, where AUTOENCODER contains one of " + strings.Join(autoencoders, ", ")
	}
	return "", ""
}

func isAutoencoder(name string) bool {
	for _, known := range autoencoders {
		if strings.Contains(name, known) {
			return true
		}
	}
	return false
}

// AppendMetadata appends the four required fields of a dataset as a JSON object, with
// the names and in the order of the Transformer Debugger's own server.
func AppendMetadata(b []byte, d registry.Dataset) []byte {
	field := func(name, value string) {
		b = append(append(append(b, '"'), name...), `":`...)
		b = registry.StringValue(value).AppendJSON(b)
	}
	b = append(b, '{')
	field("shortName", d.ShortName())
	b = append(b, ',')
	field("derivedScalarType", string(d.DerivedScalarType()))
	b = append(b, ',')
	field("userVisibleName", d.UserVisibleName())
	b = append(b, ',')
	field("neuronDatasetPath", d.NeuronDatasetPath())
	return append(b, '}')
}
