package registry

import "strings"

// A Key identifies a dataset. One short name may have several types.
type Key struct {
	ShortName         string            `json:"shortName"`
	DerivedScalarType DerivedScalarType `json:"derivedScalarType"`
}

// String returns the key as short_name/derived_scalar_type.
func (k Key) String() string { return k.ShortName + "/" + string(k.DerivedScalarType) }

// A Spec states a dataset: it is what goes into a [Registry], where a [Dataset]
// is what comes out. The first four fields are required; the zero value of each
// other field means that it is not given.
//
// A Spec is its maker's own, before and after: [Registry.Apply] copies what it keeps,
// strings too, so they may be parts of a larger text, such as the file that they were
// read from, and do not keep it in memory.
type Spec struct {
	ShortName         string            // short name, like "gpt2-small"
	DerivedScalarType DerivedScalarType // kind of scalar its records hold, like "mlp_post_act"
	UserVisibleName   string            // name for people, like "GPT-2 small - MLP neurons"
	NeuronDatasetPath string            // URL or path of the collated activations

	Description             string   // prose for people
	Model                   string   // name of the language model
	Layers                  int      // number of layers that have records
	NodesPerLayer           int      // number of units (neurons, heads, latents) in each layer
	RecordFormat            string   // "json" or "pt"
	ExplanationDatasetPaths []string // URLs or paths of explanation datasets
	Version                 string   // version of the dataset
	License                 string   // SPDX license identifier
	Homepage                string   // URL
	Tags                    []string // free labels
	Deprecated              bool     // kept for those who use it; not for new use
	ReplacedBy              string   // short name of the dataset to use instead

	// Extra holds every other field of the document that the dataset was read
	// from, in the order in which it stood there.
	Extra []Field

	// Line is where the dataset begins in its document, counted from 1; 0 is
	// unknown. It is no part of the dataset's content.
	Line int
}

// Key returns the key of s.
func (s *Spec) Key() Key { return Key{s.ShortName, s.DerivedScalarType} }

// missing returns the name of the first required field that is blank; empty if none is.
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
