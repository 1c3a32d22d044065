package config

import (
	"fmt"

	"github.com/neurondex/neurondex/registry"
)

// tomlDocument writes a document in TOML.
func (e *encoder) tomlDocument(topLevel []registry.Field, specs []registry.Spec) {
	for _, f := range topLevel {
		e.tomlField(f.Name, f.Value, &valuePath{name: f.Name})
	}
	if len(specs) == 0 {
		e.b = append(e.b, "datasets = []\n"...)
	}
	root := &valuePath{name: datasetsKey}
	for i := range specs {
		if len(e.b) > 0 {
			e.b = append(e.b, '\n')
		}
		e.b = append(e.b, "[[datasets]]\n"...)
		at := root.element(i)
		for _, f := range e.fieldsOf(&specs[i]) {
			e.tomlField(f.Name, f.Value, at.field(f.Name))
		}
	}
}

func (e *encoder) tomlField(name string, v registry.Value, at *valuePath) {
	e.tomlKey(name)
	e.b = append(e.b, " = "...)
	e.tomlValue(v, at)
	e.b = append(e.b, '\n')
}

// tomlKey writes a key, quoted if it is not a bare key.
func (e *encoder) tomlKey(name string) {
	bare := name != ""
	for i := range len(name) {
		c := name[i]
		bare = bare && ('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-')
	}
	if bare {
		e.b = append(e.b, name...)
	} else {
		e.tomlString(name)
	}
}

// tomlString writes a basic string.
func (e *encoder) tomlString(s string) {
	e.b = append(e.b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			e.b = append(e.b, '\\', byte(r))
		case r == '\n':
			e.b = append(e.b, `\n`...)
		case r == '\t':
			e.b = append(e.b, `\t`...)
		case r == '\r':
			e.b = append(e.b, `\r`...)
		case r < 0x20 || r == 0x7f:
			e.b = fmt.Appendf(e.b, `\u%04x`, r)
		default:
			e.b = append(e.b, string(r)...)
		}
	}
	e.b = append(e.b, '"')
}

// tomlValue writes a value. Its path is for errors.
func (e *encoder) tomlValue(v registry.Value, at *valuePath) {
	switch v.Kind() {
	case registry.KindNull:
		e.fail(at, "TOML has no null; remove the field or keep the file in JSON")
	case registry.KindString:
		e.tomlString(v.Text())
	case registry.KindInteger:
		if _, ok := v.Int64(); !ok {
			e.fail(at, "TOML integers have 64 bits; use a string or keep the file in JSON")
		}
		e.b = append(e.b, v.Text()...)
	case registry.KindFloat:
		if _, ok := v.Float64(); !ok {
			e.fail(at, "TOML floats have 64 bits; use a string or keep the file in JSON")
		}
		e.b = append(e.b, v.Text()...)
	case registry.KindBool, registry.KindTime:
		e.b = append(e.b, v.Text()...)
	case registry.KindList:
		e.b = append(e.b, '[')
		i := 0
		for _, item := range v.Fields() {
			if i > 0 {
				e.b = append(e.b, ", "...)
			}
			e.tomlValue(item, at.element(i))
			i++
		}
		e.b = append(e.b, ']')
	case registry.KindObject:
		open := "{ "
		for name, field := range v.Fields() {
			e.b = append(e.b, open...)
			open = ", "
			e.tomlKey(name)
			e.b = append(e.b, " = "...)
			e.tomlValue(field, at.field(name))
		}
		if v.Len() == 0 {
			e.b = append(e.b, "{}"...)
		} else {
			e.b = append(e.b, " }"...)
		}
	}
}
