package config

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/neurondex/neurondex/registry"
)

// ErrNotRepresentable is what an error of [Convert] is where the format asked for cannot
// hold a value, for [errors.Is].
var ErrNotRepresentable = errors.New("cannot be represented")

// Convert reads a document in any of the forms that [Parse] takes and returns it in
// today's form: a list of datasets under the key datasets, the four required fields
// first, named in snake_case in TOML and in camelCase in JSON. Nothing that the document
// says is lost, comments excepted: see [CountComments]. Converting the result changes
// nothing more.
//
// To is "toml" or "json". If one of the diagnostics is an error there is no result; that
// the format cannot hold a value is an [ErrNotRepresentable].
func Convert(name string, data []byte, to string, opts ...Option) ([]byte, Diagnostics, error) {
	p := &parser{name: name, opts: newOptions(opts)}
	p.envelopeKept = true
	specs := p.parse(data)
	p.found.sort()
	if err := p.found.Err(); err != nil {
		return nil, p.found, err
	}
	e := encoder{toml: to == "toml"}
	switch to {
	case "toml":
		e.tomlDocument(p.beside, specs)
	case "json":
		e.jsonDocument(p.beside, specs)
	default:
		return nil, p.found, fmt.Errorf("config: cannot convert to format %q", to)
	}
	if e.err != nil {
		return nil, p.found, fmt.Errorf("%s: %w", name, e.err)
	}
	return e.b, p.found, nil
}

// An encoder writes a document. The first value that it cannot write ends it.
type encoder struct {
	toml bool
	b    []byte
	err  error
}

func (e *encoder) fail(path, why string) {
	if e.err == nil {
		e.err = fmt.Errorf("%s: %s: %w", printable(path), why, ErrNotRepresentable)
	}
}

// fieldsOf returns what a dataset says as named values, known fields first.
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
				v = registry.IntegerValue(strconv.Itoa(n))
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
