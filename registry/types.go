package registry

import (
	"iter"
	"slices"
)

//go:generate go run gen_types.go

// A DerivedScalarType is the kind of scalar in a dataset, like "mlp_post_act". The
// constants of this package are the known types. Any other string is an unknown type,
// for which all methods return the zero value.
type DerivedScalarType string

// typeInfo holds the properties of a type from derived_scalar_types.json.
type typeInfo struct {
	value          DerivedScalarType
	constant       string
	group          string
	shape          []string
	nodeType       string
	location       string
	viewerNodeType string

	rawActivation     bool
	autoencoderLatent bool
	attendedTo        bool
}

// infoByType and typeByConstant are indexes of typeInfos, only read after init.
var (
	infoByType     = make(map[DerivedScalarType]*typeInfo, len(typeInfos))
	typeByConstant = make(map[string]DerivedScalarType, len(typeInfos))
)

func init() {
	for i := range typeInfos {
		info := &typeInfos[i]
		infoByType[info.value] = info
		typeByConstant[info.constant] = info.value
	}
}

var unknownType typeInfo

func (t DerivedScalarType) info() *typeInfo {
	if info, ok := infoByType[t]; ok {
		return info
	}
	return &unknownType
}

// DerivedScalarTypes yields every known type, in the order of the enumeration in the
// Transformer Debugger.
func DerivedScalarTypes() iter.Seq[DerivedScalarType] {
	return func(yield func(DerivedScalarType) bool) {
		for i := range typeInfos {
			if !yield(typeInfos[i].value) {
				return
			}
		}
	}
}

// DerivedScalarTypeOfConstant returns the type whose constant in the Transformer
// Debugger has the given name, like "MLP_POST_ACT", and whether there is one.
func DerivedScalarTypeOfConstant(name string) (DerivedScalarType, bool) {
	t, ok := typeByConstant[name]
	return t, ok
}

// IsKnown reports whether t is a known type.
func (t DerivedScalarType) IsKnown() bool { return infoByType[t] != nil }

// Constant returns the name of the constant in the Transformer Debugger, like
// "MLP_POST_ACT".
func (t DerivedScalarType) Constant() string { return t.info().constant }

// Group returns the group of t, like "mlp" or "attention".
func (t DerivedScalarType) Group() string { return t.info().group }

// IsRawActivation reports whether t is an activation of the model itself, rather than
// computed from activations.
func (t DerivedScalarType) IsRawActivation() bool { return t.info().rawActivation }

// IsAutoencoderLatent reports whether t is an activation of the latents of an
// autoencoder.
func (t DerivedScalarType) IsAutoencoderLatent() bool { return t.info().autoencoderLatent }

// Shape returns the names of the dimensions of the tensor, outermost first, like
// "sequence_tokens" and "mlp_acts". The caller may modify the slice.
func (t DerivedScalarType) Shape() []string { return slices.Clone(t.info().shape) }

// NodeType returns the kind of unit in the last dimension, like "mlp_neuron".
func (t DerivedScalarType) NodeType() string { return t.info().nodeType }

// LocationWithinLayer returns the part of a layer that t belongs to, like "attn" or
// "mlp", or an empty string if there is none.
func (t DerivedScalarType) LocationWithinLayer() string { return t.info().location }

// UsesAttendedToSequenceTokens reports whether the tokens of t are attended to, rather
// than attended from.
func (t DerivedScalarType) UsesAttendedToSequenceTokens() bool { return t.info().attendedTo }

// ViewerNodeType returns the node type that the public neuron viewer uses for t, or an
// empty string if the viewer does not support t.
func (t DerivedScalarType) ViewerNodeType() string { return t.info().viewerNodeType }
