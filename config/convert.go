package config

import (
	"errors"
	"fmt"

	"github.com/neurondex/neurondex/registry"
)

// ErrNotRepresentable is the error of [Convert] for a value that the target format cannot
// represent, such as null in TOML. Use it with [errors.Is].
var ErrNotRepresentable = errors.New("value cannot be represented")

// Convert reads a document as [Parse] does and returns it in the current form: a list of
// datasets under the key datasets, each with its required fields first, named in snake_case
// in TOML and in camelCase in JSON. The format to is "toml" or "json". Nothing but comments
// is lost (see [CountComments]), and converting the result again does not change it.
//
// Convert returns an [*InvalidError] if one of the diagnostics is an error, and an error that
// wraps [ErrNotRepresentable] if the format cannot represent a value. It returns the
// diagnostics in every case.
func Convert(name string, data []byte, to string, opts ...Option) ([]byte, Diagnostics, error) {
	p := &parser{name: name, opts: newOptions(opts)}
	p.keepsTopLevel = true
	specs := p.parse(data)
	p.found.sort()
	if err := p.found.Err(); err != nil {
		return nil, p.found, err
	}
	e := encoder{toml: to == "toml"}
	switch to {
	case "toml":
		e.tomlDocument(p.topLevel, specs)
	case "json":
		e.jsonDocument(p.topLevel, specs)
	default:
		return nil, p.found, fmt.Errorf("config: cannot convert to format %q", to)
	}
	if e.err != nil {
		return nil, p.found, fmt.Errorf("%s: %w", name, e.err)
	}
	return e.b, p.found, nil
}

// An encoder writes a document. Its first error is kept in err.
type encoder struct {
	toml bool
	b    []byte
	err  error
}

// fail records that the value at a path cannot be represented.
func (e *encoder) fail(path, why string) {
	if e.err == nil {
		e.err = fmt.Errorf("%s: %w: %s", printable(path), ErrNotRepresentable, why)
	}
}

// fieldsOf returns the fields of a dataset that are not empty, known fields first.
func (e *encoder) fieldsOf(s *registry.Spec) []registry.Field {
	out := make([]registry.Field, 0, requiredFields+len(s.Extra))
	for i := range fields {
		f := &fields[i]
		name := f.camel
		if e.toml {
			name = f.snake
		}
		var v registry.Value
		switch {
		case f.text != nil:
			if text := *f.text(s); text != "" {
				v = registry.StringValue(text)
			}
		case f.number != nil:
			if n := *f.number(s); n != 0 {
				v = registry.IntegerValue(int64(n))
			}
		case f.flag != nil:
			if *f.flag(s) {
				v = registry.BoolValue(true)
			}
		case f.list != nil:
			if items := *f.list(s); len(items) > 0 {
				v = stringList(items)
			}
		}
		if v.Kind() != registry.KindNull {
			out = append(out, registry.Field{Name: name, Value: v})
		}
	}
	return append(out, s.Extra...)
}

func stringList(items []string) registry.Value {
	values := make([]registry.Value, len(items))
	for i, item := range items {
		values[i] = registry.StringValue(item)
	}
	return registry.ListValue(values...)
}
