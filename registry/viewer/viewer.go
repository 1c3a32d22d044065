// Package viewer knows what the public neuron viewer of the Transformer Debugger can
// show, and the form in which it reads datasets.
package viewer

import (
	"fmt"
	"strings"

	"github.com/neurondex/neurondex/registry"
)

// askedType holds, for each node type of the viewer, the type that its pages ask for.
var askedType = map[string]registry.DerivedScalarType{
	"mlp_neuron":                       registry.MLPPostAct,
	"attention_head":                   registry.AttnWriteNorm,
	"autoencoder_latent":               registry.AutoencoderLatent,
	"autoencoder_latent_by_token_pair": registry.FlattenedAttnWriteToLatentSummedOverHeads,
	"mlp_autoencoder_latent":           registry.MLPAutoencoderLatent,
	"attention_autoencoder_latent":     registry.AttentionAutoencoderLatent,
}

// autoencoderParts holds, for each node type of an autoencoder, the strings of which the
// viewer looks for one in the parts of a short name. Any part contains "".
var autoencoderParts = map[string][]string{
	"autoencoder_latent":               {""},
	"autoencoder_latent_by_token_pair": {"resid-delta-attn"},
	"mlp_autoencoder_latent":           {"resid-delta-mlp", "mlp-post-act"},
	"attention_autoencoder_latent":     {"resid-delta-attn"},
}

// Fault returns the field that keeps the viewer from showing the dataset of a key, and
// the reason. Both are empty if the viewer can show it.
//
// The viewer's page for a unit is at /SHORT_NAME/NODE_TYPE/LAYER/INDEX. From that address
// it infers the key to ask for, so it can show a dataset only if that is the dataset's own.
func Fault(k registry.Key) (field, reason string) {
	node := k.DerivedScalarType.ViewerNodeType()
	if node == "" {
		return "derived_scalar_type", "it does not know the type"
	}
	if asked := askedType[node]; asked != k.DerivedScalarType {
		return "derived_scalar_type", "it asks for the type " + string(asked) + " instead"
	}
	if reason := spellingFault(k.ShortName); reason != "" {
		return "short_name", reason
	}
	switch asked := askedName(k.ShortName, node); {
	case asked == k.ShortName:
		return "", ""
	case autoencoderParts[node] == nil:
		return "short_name", fmt.Sprintf("it takes what follows the underscore in the short name for the name of an autoencoder, and asks for %q", asked)
	case node == "autoencoder_latent":
		return "short_name", fmt.Sprintf("the short name must be MODEL_AUTOENCODER, without a further underscore; it asks for %q", asked)
	default:
		return "short_name", fmt.Sprintf("the short name must be MODEL_AUTOENCODER, where AUTOENCODER contains %s; it asks for %q",
			strings.Join(autoencoderParts[node], " or "), asked)
	}
}

// LeavesHomePageBlank reports whether the viewer's home page is blank while it is given the
// dataset of a key. The page has a link for each dataset, and fails at a type that it does
// not know.
func LeavesHomePageBlank(k registry.Key) bool { return k.DerivedScalarType.ViewerNodeType() == "" }

// askedName returns the short name that the page of a node type asks for.
func askedName(shortName, node string) string {
	model, rest, split := strings.Cut(shortName, "_")
	wanted, ok := autoencoderParts[node]
	if !ok {
		return model
	}
	if split {
		for part := range strings.SplitSeq(rest, "_") {
			for _, w := range wanted {
				if strings.Contains(part, w) {
					return model + "_" + part
				}
			}
		}
	}
	return model + "_undefined"
}

// spellingFault returns why a short name is not the same as an element of an address, or "".
func spellingFault(name string) string {
	switch {
	case name == "." || name == "..":
		return "a browser removes . and .. from addresses"
	case strings.ContainsAny(name, `/\?#`):
		return `the short name must not contain /, \, ? or #, which divide an address`
	case strings.ContainsFunc(name, isEncoded):
		return "the short name must not contain characters that a browser encodes in an address, like spaces, quotes, % and letters outside of ASCII"
	}
	return ""
}

// isEncoded reports whether a character of an address's element does not stand for itself. In
// addition to what browsers encode, that is %, which begins what is encoded.
func isEncoded(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("\"<>^`{}%", r) }

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
