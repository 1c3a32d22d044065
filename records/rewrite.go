package records

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/neurondex/neurondex/registry"
)

// maxRewriteDepth is the depth to which requests are nested in a body.
const maxRewriteDepth = 16

// Rewrite returns the body of a request to an activation server with the paths of registered
// datasets in place of their short names, in datasets and neuronDataset of each object that has
// a dst. The server itself knows only nine names. Everything else stays as it is, and so does a
// body that is not JSON.
func Rewrite(s *registry.Snapshot, body []byte) []byte {
	value := jsontext.Value(bytes.Clone(body))
	if !value.IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) {
		return body
	}
	out, changed := rewriteValue(s, value, 0)
	if !changed {
		return body
	}
	return out
}

// A member is a member of an object.
type member struct{ name, value jsontext.Value }

func rewriteValue(s *registry.Snapshot, v jsontext.Value, depth int) (jsontext.Value, bool) {
	kind := v.Kind()
	if depth > maxRewriteDepth || kind != '{' && kind != '[' {
		return v, false
	}
	d := jsontext.NewDecoder(bytes.NewReader(v), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	_, _ = d.ReadToken() // the value is valid
	var members []member
	var dst registry.DerivedScalarType
	for d.PeekKind() != '}' && d.PeekKind() != ']' {
		var m member
		if kind == '{' {
			m.name = readValue(d)
		}
		if m.value = readValue(d); text(m.name) == "dst" {
			dst = registry.DerivedScalarType(text(m.value))
		}
		members = append(members, m)
	}
	changed := false
	for i, m := range members {
		var c bool
		if name := text(m.name); dst != "" && (name == "datasets" || name == "neuronDataset") {
			members[i].value, c = rewriteNames(s, m.value, dst)
		} else {
			members[i].value, c = rewriteValue(s, m.value, depth+1)
		}
		changed = changed || c
	}
	if !changed {
		return v, false
	}
	out := jsontext.Value{byte(kind)}
	for i, m := range members {
		if i > 0 {
			out = append(out, ',')
		}
		if kind == '{' {
			out = append(append(out, m.name...), ':')
		}
		out = append(out, m.value...)
	}
	return append(out, byte(kind)+2), true // the closing bracket is two after the opening one
}

// rewriteNames rewrites a short name, or a list of them.
func rewriteNames(s *registry.Snapshot, v jsontext.Value, t registry.DerivedScalarType) (jsontext.Value, bool) {
	switch v.Kind() {
	case '"':
		if d, ok := s.Lookup(text(v), t); ok {
			return appendText(nil, d.NeuronDatasetPath()), true
		}
	case '[':
		d := jsontext.NewDecoder(bytes.NewReader(v), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
		_, _ = d.ReadToken()
		out, changed := jsontext.Value("["), false
		for d.PeekKind() != ']' {
			if len(out) > 1 {
				out = append(out, ',')
			}
			item := readValue(d)
			if item.Kind() == '"' {
				var c bool
				item, c = rewriteNames(s, item, t)
				changed = changed || c
			}
			out = append(out, item...)
		}
		return append(out, ']'), changed
	}
	return v, false
}

func readValue(d *jsontext.Decoder) jsontext.Value {
	v, _ := d.ReadValue() // what is read is valid
	return v.Clone()
}

// text returns the string that a value is, or "".
func text(v jsontext.Value) string {
	if v.Kind() != '"' {
		return ""
	}
	b, _ := jsontext.AppendUnquote(nil, v)
	return string(b)
}
