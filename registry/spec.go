package registry

import (
	"iter"
	"slices"
	"strings"
)

// A Key identifies a dataset: one short name may have several types.
type Key struct {
	ShortName         string
	DerivedScalarType DerivedScalarType
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

// A Field is one named value among a dataset's extra fields.
type Field struct {
	Name  string
	Value Value
}

// A Kind tells what a [Value] is.
type Kind uint8

// The kinds of a [Value]. A time is TOML's own kind: a date, a time of day or
// both, kept as its text.
const (
	KindNull Kind = iota
	KindBool
	KindInteger
	KindFloat
	KindString
	KindTime
	KindList
	KindObject
)

var kindNames = [...]string{"null", "boolean", "integer", "float", "string", "time", "list", "object"}

// String returns the name of k, like "boolean".
func (k Kind) String() string { return kindNames[k] }

// A Value is the immutable value of an extra field: what a TOML or JSON document
// can hold. Numbers and times keep their text, so that nothing is rounded. The
// zero Value is null.
type Value struct {
	kind   Kind
	text   string  // of every kind but null, list and object
	fields []Field // of an object; of a list, with no names
}

// BoolValue returns a Value that holds b.
func BoolValue(b bool) Value {
	if b {
		return Value{kind: KindBool, text: "true"}
	}
	return Value{kind: KindBool, text: "false"}
}

// IntegerValue returns a Value for the integer with the given decimal text.
func IntegerValue(text string) Value { return Value{kind: KindInteger, text: text} }

// FloatValue returns a Value for the floating-point number with the given text,
// in JSON's form or one of "inf", "-inf" and "nan".
func FloatValue(text string) Value { return Value{kind: KindFloat, text: text} }

// StringValue returns a Value that holds s.
func StringValue(s string) Value { return Value{kind: KindString, text: s} }

// TimeValue returns a Value for a date, a time of day or both, with the given
// text in TOML's form.
func TimeValue(text string) Value { return Value{kind: KindTime, text: text} }

// ListValue returns a Value that holds a list of items.
func ListValue(items ...Value) Value {
	fields := make([]Field, len(items))
	for i, item := range items {
		fields[i].Value = item
	}
	return Value{kind: KindList, fields: fields}
}

// ObjectValue returns a Value that holds named fields, in order.
func ObjectValue(fields ...Field) Value {
	return Value{kind: KindObject, fields: slices.Clone(fields)}
}

// Kind returns what v is.
func (v Value) Kind() Kind { return v.kind }

// Text returns the text of a scalar: a string itself, a number or time as it was
// written, "true" or "false". It is empty for null, a list and an object.
func (v Value) Text() string { return v.text }

// Len returns the number of items of a list or fields of an object.
func (v Value) Len() int { return len(v.fields) }

// Fields yields the fields of an object, or the items of a list with empty
// names, in order.
func (v Value) Fields() iter.Seq2[string, Value] { return fieldSeq(v.fields) }

// Equal reports whether v and w have the same kind and the same content, fields
// in the same order.
func (v Value) Equal(w Value) bool {
	return v.kind == w.kind && v.text == w.text && slices.EqualFunc(v.fields, w.fields, Field.equal)
}

// MarshalJSON returns v as JSON. Times, infinities and not-a-number, which JSON
// lacks, become strings.
func (v Value) MarshalJSON() ([]byte, error) { return v.appendJSON(nil), nil }

func (f Field) equal(g Field) bool { return f.Name == g.Name && f.Value.Equal(g.Value) }

// cloneFields copies fields down to their strings.
func cloneFields(fields []Field) []Field {
	if len(fields) == 0 {
		return nil
	}
	out := make([]Field, len(fields))
	for i, f := range fields {
		out[i] = Field{strings.Clone(f.Name), Value{f.Value.kind, strings.Clone(f.Value.text), cloneFields(f.Value.fields)}}
	}
	return out
}

func fieldSeq(fields []Field) iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		for _, f := range fields {
			if !yield(f.Name, f.Value) {
				return
			}
		}
	}
}

func (v Value) appendJSON(b []byte) []byte {
	switch v.kind {
	case KindNull:
		return append(b, "null"...)
	case KindBool, KindInteger:
		return append(b, v.text...)
	case KindFloat:
		if strings.HasSuffix(v.text, "inf") || strings.HasSuffix(v.text, "nan") {
			return appendJSONString(b, v.text)
		}
		return append(b, v.text...)
	case KindString, KindTime:
		return appendJSONString(b, v.text)
	case KindList:
		b = append(b, '[')
		for i, f := range v.fields {
			if i > 0 {
				b = append(b, ',')
			}
			b = f.Value.appendJSON(b)
		}
		return append(b, ']')
	case KindObject:
		b = append(b, '{')
		for i, f := range v.fields {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendJSONString(b, f.Name), ':')
			b = f.Value.appendJSON(b)
		}
		return append(b, '}')
	}
	return b
}

const hexDigits = "0123456789abcdef"

// appendJSONString appends s as a JSON string. Unlike encoding/json it leaves
// <, > and & as they are; bytes that are not UTF-8 become U+FFFD.
func appendJSONString(b []byte, s string) []byte {
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\n':
			b = append(b, `\n`...)
		case r == '\t':
			b = append(b, `\t`...)
		case r == '\r':
			b = append(b, `\r`...)
		case r < 0x20 || r == 0x7f:
			b = append(b, `\u00`...)
			b = append(b, hexDigits[r>>4], hexDigits[r&0xf])
		default:
			b = append(b, string(r)...)
		}
	}
	return append(b, '"')
}
