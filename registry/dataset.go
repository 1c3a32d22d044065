package registry

import (
	"iter"
	"slices"
	"strconv"
)

// A Dataset is a read-only view of one dataset: nothing that it returns can be
// used to change it, and it stays as it is after later reloads. It is one word
// wide, made to be copied, and safe for use by several goroutines. The zero
// Dataset has empty fields.
type Dataset struct{ r *record }

func (d Dataset) record() *record {
	if d.r == nil {
		return zeroRecord
	}
	return d.r
}

func (d Dataset) details() *details {
	if det := d.record().details; det != nil {
		return det
	}
	return zeroDetails
}

// IsZero reports whether d is the zero Dataset, which stands for none.
func (d Dataset) IsZero() bool { return d.r == nil }

// Key returns what identifies d.
func (d Dataset) Key() Key { return d.record().key() }

// ShortName returns the short name, like "gpt2-small".
func (d Dataset) ShortName() string { return d.record().shortName() }

// DerivedScalarType returns the kind of scalar that the records hold.
func (d Dataset) DerivedScalarType() DerivedScalarType { return *d.record().typ }

// UserVisibleName returns the name for people.
func (d Dataset) UserVisibleName() string { return d.record().name() }

// NeuronDatasetPath returns the URL or path of the collated activations, byte for
// byte as it was given.
func (d Dataset) NeuronDatasetPath() string { return d.record().path() }

// Description returns the prose for people; empty if not given.
func (d Dataset) Description() string { return d.details().description }

// Model returns the name of the language model; empty if not given.
func (d Dataset) Model() string { return d.details().model.Value() }

// Layers returns the number of layers that have records; 0 if not given.
func (d Dataset) Layers() int { return d.details().layers }

// NodesPerLayer returns the number of units in each layer; 0 if not given.
func (d Dataset) NodesPerLayer() int { return d.details().nodesPerLayer }

// RecordFormat returns "json" or "pt"; empty if not given.
func (d Dataset) RecordFormat() string { return d.details().recordFormat.Value() }

// ExplanationDatasetPaths returns the URLs or paths of explanation datasets. The
// slice is the caller's own.
func (d Dataset) ExplanationDatasetPaths() []string {
	return slices.Clone(d.details().explanationPaths)
}

// Version returns the version of the dataset; empty if not given.
func (d Dataset) Version() string { return d.details().version.Value() }

// License returns the SPDX license identifier; empty if not given.
func (d Dataset) License() string { return d.details().license.Value() }

// Homepage returns a URL; empty if not given.
func (d Dataset) Homepage() string { return d.details().homepage }

// Tags returns the labels. The slice is the caller's own.
func (d Dataset) Tags() []string {
	det := d.details()
	if len(det.tags) == 0 {
		return nil
	}
	tags := make([]string, len(det.tags))
	for i, t := range det.tags {
		tags[i] = t.Value()
	}
	return tags
}

// Deprecated reports whether d is kept only for those who use it already.
func (d Dataset) Deprecated() bool { return d.details().deprecated }

// ReplacedBy returns the short name of the dataset to use instead; empty if not
// given.
func (d Dataset) ReplacedBy() string { return d.details().replacedBy }

// Extra yields the fields that neurondex does not know, in the order in which
// they were given and with their original key case.
func (d Dataset) Extra() iter.Seq2[string, Value] { return fieldSeq(d.details().extra) }

// Document returns the name of the document that defines d.
func (d Dataset) Document() string { return d.record().origin.document }

// Equal reports whether d and e say the same, wherever they came from.
func (d Dataset) Equal(e Dataset) bool { return d.record().equal(e.record()) }

// Spec returns the content of d as a plain struct of the caller's own, without
// its line.
func (d Dataset) Spec() Spec {
	det := d.details()
	return Spec{
		ShortName:               d.ShortName(),
		DerivedScalarType:       d.DerivedScalarType(),
		UserVisibleName:         d.UserVisibleName(),
		NeuronDatasetPath:       d.NeuronDatasetPath(),
		Description:             det.description,
		Model:                   d.Model(),
		Layers:                  det.layers,
		NodesPerLayer:           det.nodesPerLayer,
		RecordFormat:            d.RecordFormat(),
		ExplanationDatasetPaths: d.ExplanationDatasetPaths(),
		Version:                 d.Version(),
		License:                 d.License(),
		Homepage:                det.homepage,
		Tags:                    d.Tags(),
		Deprecated:              det.deprecated,
		ReplacedBy:              det.replacedBy,
		Extra:                   slices.Clone(det.extra),
	}
}

// String returns the key as short_name/derived_scalar_type.
func (d Dataset) String() string { return d.Key().String() }

// MarshalJSON returns every field that is given, the four required ones first,
// named in camelCase, and the extra ones last: a form that [config] reads back.
//
// [config]: https://pkg.go.dev/github.com/neurondex/neurondex/config
func (d Dataset) MarshalJSON() ([]byte, error) { return d.AppendJSON(nil), nil }

// AppendJSON appends what [Dataset.MarshalJSON] returns.
func (d Dataset) AppendJSON(b []byte) []byte {
	b = append(b, '{')
	b = d.appendRequired(b)
	det := d.details()
	if det == zeroDetails {
		return append(b, '}')
	}
	text := func(name, value string) {
		if value != "" {
			b = append(append(append(b, `,"`...), name...), `":`...)
			b = appendJSONString(b, value)
		}
	}
	number := func(name string, value int) {
		if value != 0 {
			b = append(append(append(b, `,"`...), name...), `":`...)
			b = strconv.AppendInt(b, int64(value), 10)
		}
	}
	list := func(name string, values []string) {
		for i, v := range values {
			if i == 0 {
				b = append(append(append(b, `,"`...), name...), `":[`...)
			} else {
				b = append(b, ',')
			}
			b = appendJSONString(b, v)
		}
		if len(values) > 0 {
			b = append(b, ']')
		}
	}
	text("description", det.description)
	text("model", det.model.Value())
	number("layers", det.layers)
	number("nodesPerLayer", det.nodesPerLayer)
	text("recordFormat", det.recordFormat.Value())
	list("explanationDatasetPaths", det.explanationPaths)
	text("version", det.version.Value())
	text("license", det.license.Value())
	text("homepage", det.homepage)
	list("tags", d.Tags())
	if det.deprecated {
		b = append(b, `,"deprecated":true`...)
	}
	text("replacedBy", det.replacedBy)
	for _, f := range det.extra {
		b = append(b, ',')
		b = append(appendJSONString(b, f.Name), ':')
		b = f.Value.AppendJSON(b)
	}
	return append(b, '}')
}

func (d Dataset) appendRequired(b []byte) []byte {
	r := d.record()
	b = appendJSONString(append(b, `"shortName":`...), r.shortName())
	b = appendJSONString(append(b, `,"derivedScalarType":`...), string(*r.typ))
	b = appendJSONString(append(b, `,"userVisibleName":`...), r.name())
	return appendJSONString(append(b, `,"neuronDatasetPath":`...), r.path())
}
