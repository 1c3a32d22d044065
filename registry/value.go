package registry

import (
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A Field is a named value among the extra fields of a dataset.
type Field struct {
	Name  string
	Value Value
}

func (f Field) equal(g Field) bool { return f.Name == g.Name && f.Value.Equal(g.Value) }

// A Kind is the kind of a [Value].
type Kind uint8

// The kinds of values. A time is a TOML date, time of day, or both.
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
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "Kind(" + strconv.Itoa(int(k)) + ")"
}

// A Value is the immutable value of an extra field: anything that a TOML or JSON
// document can hold. Numbers and times keep the text they were written with, so no
// precision is lost. The zero Value is null.
type Value struct {
	kind   Kind
	text   string  // of a scalar
	fields []Field // of an object or, without names, of a list
}

// BoolValue returns a boolean.
func BoolValue(b bool) Value { return Value{kind: KindBool, text: strconv.FormatBool(b)} }

// IntegerValue returns an integer.
func IntegerValue(n int64) Value { return Value{kind: KindInteger, text: strconv.FormatInt(n, 10)} }

// ParseInteger returns an integer of any size, written as in JSON.
func ParseInteger(text string) (Value, error) {
	if rest, ok := cutInteger(text); !ok || rest != "" {
		return Value{}, invalid(KindInteger, text)
	}
	return Value{kind: KindInteger, text: text}, nil
}

// FloatValue returns a floating-point number.
func FloatValue(f float64) Value {
	text := strings.TrimPrefix(strings.ToLower(strconv.FormatFloat(f, 'g', -1, 64)), "+")
	if rest, ok := cutInteger(text); ok && rest == "" {
		text += ".0" // as text it must not read as an integer
	}
	return Value{kind: KindFloat, text: text}
}

// ParseFloat returns a floating-point number of any size and precision, written as a
// number in JSON, or as "inf", "-inf", "nan" or "-nan".
func ParseFloat(text string) (Value, error) {
	if !isNumber(text) && !isSpecialFloat(text) {
		return Value{}, invalid(KindFloat, text)
	}
	return Value{kind: KindFloat, text: text}, nil
}

// StringValue returns a string.
func StringValue(s string) Value { return Value{kind: KindString, text: s} }

// ParseTime returns a time, written as a date, a time of day, or both in TOML. It
// checks the form, but not that the date is in the calendar.
func ParseTime(text string) (Value, error) {
	if !isTime(text) {
		return Value{}, invalid(KindTime, text)
	}
	return Value{kind: KindTime, text: text}, nil
}

func invalid(k Kind, text string) error { return fmt.Errorf("registry: invalid %v %q", k, text) }

// ListValue returns a list.
func ListValue(items ...Value) Value {
	fields := make([]Field, len(items))
	for i, item := range items {
		fields[i].Value = item
	}
	return Value{kind: KindList, fields: fields}
}

// ObjectValue returns an object with fields in the given order.
func ObjectValue(fields ...Field) Value {
	return Value{kind: KindObject, fields: slices.Clone(fields)}
}

// Kind returns the kind of v.
func (v Value) Kind() Kind { return v.kind }

// Bool returns the value of a boolean. It returns false for any other kind.
func (v Value) Bool() bool { return v.kind == KindBool && v.text == "true" }

// Int64 returns the value of an integer, and whether v is an integer that fits in an
// int64.
func (v Value) Int64() (n int64, ok bool) {
	if v.kind != KindInteger {
		return 0, false
	}
	n, err := strconv.ParseInt(v.text, 10, 64)
	return n, err == nil
}

// Float64 returns the float64 nearest to an integer or floating-point number, and
// whether v is such a number and in the range of a float64.
func (v Value) Float64() (f float64, ok bool) {
	if v.kind != KindInteger && v.kind != KindFloat {
		return 0, false
	}
	f, err := strconv.ParseFloat(strings.TrimPrefix(v.text, "-"), 64)
	if strings.HasPrefix(v.text, "-") {
		f = -f // including -nan, which strconv does not parse
	}
	return f, err == nil
}

// Text returns the text of a scalar: a string itself, a number or time as it was
// written, "true" or "false". It is empty for null, a list or an object.
func (v Value) Text() string { return v.text }

// String returns the text of a scalar, and the JSON form of any other value.
func (v Value) String() string {
	switch v.kind {
	case KindNull, KindList, KindObject:
		return string(v.AppendJSON(nil))
	default:
		return v.text
	}
}

// Len returns the number of items of a list or of fields of an object.
func (v Value) Len() int { return len(v.fields) }

// Fields yields the fields of an object in order, or the items of a list with empty
// names.
func (v Value) Fields() iter.Seq2[string, Value] { return fieldSeq(v.fields) }

// Equal reports whether v and w have the same kind and content. The order of fields
// matters, and numbers are compared as they were written.
func (v Value) Equal(w Value) bool {
	return v.kind == w.kind && v.text == w.text && slices.EqualFunc(v.fields, w.fields, Field.equal)
}

// MarshalJSON returns the JSON form of v. Times, infinities and NaN, which JSON does
// not have, become strings.
func (v Value) MarshalJSON() ([]byte, error) { return v.AppendJSON(nil), nil }

// AppendJSON appends the result of [Value.MarshalJSON] to b.
func (v Value) AppendJSON(b []byte) []byte {
	switch v.kind {
	case KindNull:
		return append(b, "null"...)
	case KindBool, KindInteger:
		return append(b, v.text...)
	case KindFloat:
		if isSpecialFloat(v.text) {
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
			b = f.Value.AppendJSON(b)
		}
		return append(b, ']')
	case KindObject:
		b = append(b, '{')
		for i, f := range v.fields {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendJSONString(b, f.Name), ':')
			b = f.Value.AppendJSON(b)
		}
		return append(b, '}')
	}
	return b
}

const hexDigits = "0123456789abcdef"

// appendJSONString appends s as a JSON string. Unlike encoding/json it does not
// escape <, > and &. Invalid UTF-8 becomes U+FFFD.
func appendJSONString(b []byte, s string) []byte {
	b = append(b, '"')
	for s != "" {
		n := 0 // of bytes that stand for themselves
		for n < len(s) && s[n] < utf8.RuneSelf && s[n] >= 0x20 && s[n] != '"' && s[n] != '\\' && s[n] != 0x7f {
			n++
		}
		b, s = append(b, s[:n]...), s[n:]
		r, size := utf8.DecodeRuneInString(s)
		s = s[size:]
		switch {
		case size == 0:
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
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}

// cloneFields returns a deep copy of fields.
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
