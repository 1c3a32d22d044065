package registry

import "strings"

// A Key identifies a dataset. One short name may have several types.
type Key struct {
	ShortName         string            `json:"shortName"`
	DerivedScalarType DerivedScalarType `json:"derivedScalarType"`
}

// String returns the key as short_name/derived_scalar_type.
func (k Key) String() string { return k.ShortName + "/" + string(k.DerivedScalarType) }

// To add an optional field, add it to Spec, where it is to be written, with a comment on
// its line, and run go generate. Its name in files, its comparison, hash and encoding, its
// accessor and its place in the schema follow from that line. The tag "shared" is for
// fields that have the same value in many datasets.

//go:generate go run gen_fields.go

// A Spec describes a dataset to add to a [Registry]; a [Dataset] is the view of it that
// readers get. The first four fields are required. The zero value of any other field
// means that it is not given.
//
// [Registry.Apply] copies what it keeps, strings included. They may be parts of a
// larger text, such as the file that they were read from, and do not keep it in memory.
//
// The tags are instructions to the code generator of this package.
type Spec struct {
	ShortName         string            `neurondex:"required"` // short name, like "gpt2-small"
	DerivedScalarType DerivedScalarType `neurondex:"required"` // kind of scalar, like "mlp_post_act"
	UserVisibleName   string            `neurondex:"required"` // display name, like "GPT-2 small - MLP neurons"
	NeuronDatasetPath string            `neurondex:"required"` // URL or path of the collated activations

	Description             string   // description for people
	Model                   string   `neurondex:"shared"` // name of the language model
	Layers                  int      // number of layers that have records
	NodesPerLayer           int      // number of units (neurons, heads, latents) in each layer
	RecordFormat            string   `neurondex:"shared"` // format of the records, "json" or "pt"
	ExplanationDatasetPaths []string // URLs or paths of explanation datasets
	Version                 string   `neurondex:"shared"` // version of the dataset
	License                 string   `neurondex:"shared"` // SPDX license identifier
	Homepage                string   // URL of the home page
	Tags                    []string `neurondex:"shared"` // labels
	Deprecated              bool     // kept for existing users only
	ReplacedBy              string   // short name of the dataset to use instead

	// Extra holds all other fields of the document that the dataset was read from, in
	// order.
	Extra []Field

	// Line is the line in the document where the dataset begins, counted from 1, or 0
	// if unknown. It is not part of the content.
	Line int
}

// Key returns the key of s.
func (s *Spec) Key() Key { return Key{s.ShortName, s.DerivedScalarType} }

// missing returns the name of the first required field that is blank, or "".
func (s *Spec) missing() string {
	for _, f := range [...]struct{ name, value string }{
		{"short_name", s.ShortName},
		{"derived_scalar_type", string(s.DerivedScalarType)},
		{"user_visible_name", s.UserVisibleName},
		{"neuron_dataset_path", s.NeuronDatasetPath},
	} {
		if strings.TrimSpace(f.value) == "" {
			return f.name
		}
	}
	return ""
}
