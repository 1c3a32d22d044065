package registry

import (
	"iter"
	"strconv"
)

// A Dataset is an immutable view of one dataset. It has the size of a pointer, is safe
// for use by several goroutines, and stays valid and unchanged after later reloads. The
// zero Dataset has no content.
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

// IsZero reports whether d is the zero Dataset.
func (d Dataset) IsZero() bool { return d.r == nil }

// Key returns the key of d.
func (d Dataset) Key() Key { return d.record().key() }

// ShortName returns the short name, like "gpt2-small".
func (d Dataset) ShortName() string { return d.record().shortName() }

// DerivedScalarType returns the kind of scalar that the records hold.
func (d Dataset) DerivedScalarType() DerivedScalarType { return *d.record().typ }

// UserVisibleName returns the display name.
func (d Dataset) UserVisibleName() string { return d.record().name() }

// NeuronDatasetPath returns the URL or path of the collated activations, unchanged.
func (d Dataset) NeuronDatasetPath() string { return d.record().path() }

// Extra yields the fields that neurondex does not know, in their original order and
// spelling.
func (d Dataset) Extra() iter.Seq2[string, Value] { return fieldSeq(d.details().extra) }

// Document returns the name of the document that defines d.
func (d Dataset) Document() string { return d.record().origin.document }

// Equal reports whether d and e have the same content, in any documents.
func (d Dataset) Equal(e Dataset) bool { return d.record().equal(e.record()) }

// Spec returns a copy of the content of d, without its line.
func (d Dataset) Spec() Spec {
	s := Spec{
		ShortName:         d.ShortName(),
		DerivedScalarType: d.DerivedScalarType(),
		UserVisibleName:   d.UserVisibleName(),
		NeuronDatasetPath: d.NeuronDatasetPath(),
	}
	d.details().fill(&s)
	return s
}

// String returns the key as short_name/derived_scalar_type.
func (d Dataset) String() string { return d.Key().String() }

// MarshalJSON returns all fields that are given, with names in camelCase: first the
// four required ones, then the optional ones, then the extra ones. Package config
// reads this form.
func (d Dataset) MarshalJSON() ([]byte, error) { return d.AppendJSON(nil), nil }

// AppendJSON appends the result of [Dataset.MarshalJSON] to b.
func (d Dataset) AppendJSON(b []byte) []byte {
	r := d.record()
	b = appendJSONString(append(b, `{"shortName":`...), r.shortName())
	b = appendJSONString(append(b, `,"derivedScalarType":`...), string(*r.typ))
	b = appendJSONString(append(b, `,"userVisibleName":`...), r.name())
	b = appendJSONString(append(b, `,"neuronDatasetPath":`...), r.path())
	if r.details != nil {
		b = r.details.appendJSON(b)
	}
	return append(b, '}')
}

// The functions below append an optional field to a JSON object if it is given.

func appendJSONText(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	return appendJSONString(appendJSONName(b, name), value)
}

func appendJSONNumber(b []byte, name string, value int) []byte {
	if value == 0 {
		return b
	}
	return strconv.AppendInt(appendJSONName(b, name), int64(value), 10)
}

func appendJSONFlag(b []byte, name string, value bool) []byte {
	if !value {
		return b
	}
	return append(appendJSONName(b, name), "true"...)
}

func appendJSONList(b []byte, name string, values []string) []byte {
	if len(values) == 0 {
		return b
	}
	b = append(appendJSONName(b, name), '[')
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendJSONString(b, v)
	}
	return append(b, ']')
}

func appendJSONName(b []byte, name string) []byte {
	return append(append(append(b, `,"`...), name...), `":`...)
}
