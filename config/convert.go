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
	p := newParser(name, opts)
	p.keepsTopLevel = true
	e := encoder{name: name, toml: to == "toml"}
	p.contain(func() {
		specs := p.parse(data)
		switch {
		case p.found.count[SeverityError] > 0:
		case to == "toml":
			e.tomlDocument(p.topLevel, specs)
		case to == "json":
			e.jsonDocument(p.topLevel, specs)
		default:
			e.err = fmt.Errorf("config: cannot convert to format %q", to)
		}
	})
	found := p.found.diagnostics()
	if err := found.Err(); err != nil {
		return nil, found, err
	}
	if e.err != nil {
		return nil, found, e.err
	}
	return e.b, found, nil
}

// An encoder writes a document. Its first error is kept in err.
type encoder struct {
	name string // of the document, for errors
	toml bool
	b    []byte
	err  error
}

// fail records that the value at a path cannot be represented.
func (e *encoder) fail(at *valuePath, why string) {
	if e.err == nil {
		e.err = fmt.Errorf("%s: %s: %w: %s", e.name, printable(at.String()), ErrNotRepresentable, why)
	}
}

// A valuePath is the path to a value of the document. Its text is built only for an error: keys
// may be long, and values many.
type valuePath struct {
	parent *valuePath
	name   string // in an object
	index  int    // in a list
	list   bool   // whether the value is in a list
}

// String returns the path, such as datasets[2].tags[0].
func (p *valuePath) String() string {
	before := ""
	if p.parent != nil {
		before = p.parent.String()
	}
	switch {
	case p.list:
		return element(before, p.index)
	case p.parent == nil:
		return truncate(p.name)
	default:
		return before + "." + truncate(p.name)
	}
}

func (p *valuePath) field(name string) *valuePath { return &valuePath{parent: p, name: name} }
func (p *valuePath) element(i int) *valuePath     { return &valuePath{parent: p, index: i, list: true} }

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
