package registry

import (
	"iter"
	"slices"
)

//go:generate go run gen_types.go

// A DerivedScalarType names the kind of scalar that a dataset's records hold,
// like mlp_post_act. The known ones are the constants of this package; any
// other string is a type too, of which nothing is known.
//
// Its methods return the zero value for a type that is not known.
type DerivedScalarType string

// typeInfo holds what derived_scalar_types.json says of one type.
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

// infoByType and typeByConstant index typeInfos; both are only read after init.
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

// DerivedScalarTypes yields every known type, in the order of the Transformer
// Debugger's own enumeration.
func DerivedScalarTypes() iter.Seq[DerivedScalarType] {
	return func(yield func(DerivedScalarType) bool) {
		for i := range typeInfos {
			if !yield(typeInfos[i].value) {
				return
			}
		}
	}
}

// DerivedScalarTypeOfConstant returns the type whose constant in the
// Transformer Debugger's enumeration has the given name, like MLP_POST_ACT.
func DerivedScalarTypeOfConstant(name string) (DerivedScalarType, bool) {
	t, ok := typeByConstant[name]
	return t, ok
}

// IsKnown reports whether t is one of the known types.
func (t DerivedScalarType) IsKnown() bool { return infoByType[t] != nil }

// Constant returns the name of t in the Transformer Debugger's enumeration,
// like MLP_POST_ACT.
func (t DerivedScalarType) Constant() string { return t.info().constant }

// Group returns the family that t belongs to, like mlp or attention.
func (t DerivedScalarType) Group() string { return t.info().group }

// IsRawActivation reports whether t is read straight off the model, rather
// than computed from other activations.
func (t DerivedScalarType) IsRawActivation() bool { return t.info().rawActivation }

// IsAutoencoderLatent reports whether t is the activation of an autoencoder's
// latents.
func (t DerivedScalarType) IsAutoencoderLatent() bool { return t.info().autoencoderLatent }

// Shape returns the names of the dimensions of t's tensor, outermost first,
// like sequence_tokens and mlp_acts. The slice is the caller's own.
func (t DerivedScalarType) Shape() []string { return slices.Clone(t.info().shape) }

// NodeType returns the kind of model unit that t's last dimension counts, like
// mlp_neuron.
func (t DerivedScalarType) NodeType() string { return t.info().nodeType }

// LocationWithinLayer returns where in a layer t is taken, like attn or mlp; it
// is empty for a type that has no such place.
func (t DerivedScalarType) LocationWithinLayer() string { return t.info().location }

// UsesAttendedToSequenceTokens reports whether t's tokens are those attended
// to, rather than those attended from.
func (t DerivedScalarType) UsesAttendedToSequenceTokens() bool { return t.info().attendedTo }

// ViewerNodeType returns the node type under which the public neuron viewer
// shows datasets of type t; it is empty for a type that it cannot show.
func (t DerivedScalarType) ViewerNodeType() string { return t.info().viewerNodeType }
