package registry

import "strings"

// viewerAutoencoders are what the public neuron viewer looks for in the name of an
// autoencoder.
var viewerAutoencoders = []string{"resid-delta-mlp", "mlp-post-act", "resid-delta-attn"}

// ViewerFault returns why the public neuron viewer cannot show the dataset of a key, and
// the field that is at fault; both are empty if it can. The viewer makes its pages'
// addresses of short names, and takes them apart again: the name of an autoencoder is
// what follows the underscore.
func (k Key) ViewerFault() (field, fault string) {
	node := k.DerivedScalarType.ViewerNodeType()
	model, autoencoder, split := strings.Cut(k.ShortName, "_")
	switch {
	case node == "":
		return "derived_scalar_type", "it knows no such type"
	case strings.Contains(k.ShortName, "/"):
		return "short_name", "a slash in the short name ends a part of its address"
	case node == "mlp_neuron" || node == "attention_head":
		if split {
			return "short_name", "what follows an underscore in the short name is taken for an autoencoder's name"
		}
		return "", ""
	case !split || model == "" || !containsAny(autoencoder, viewerAutoencoders):
		return "short_name", "the short name must be MODEL_AUTOENCODER, with one of " + strings.Join(viewerAutoencoders, ", ") + " in the latter"
	}
	return "", ""
}

func containsAny(s string, parts []string) bool {
	for _, part := range parts {
		if strings.Contains(s, part) {
			return true
		}
	}
	return false
}
