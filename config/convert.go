package config

import (
	"errors"
	"fmt"
	"slices"

	"github.com/neurondex/neurondex/registry"
)

// ErrNotRepresentable is the error of [Convert] for a value that the target format cannot
// represent, such as null in TOML. Use it with [errors.Is].
var ErrNotRepresentable = errors.New("value cannot be represented")

// ErrCommentLost is the error of [Convert] for a comment that the result cannot have. Use it
// with [errors.Is].
var ErrCommentLost = errors.New("comment cannot be kept")

// WithCommentsLost makes [Convert] drop the comments that it cannot keep.
func WithCommentsLost() Option { return func(o *options) { o.commentsLost = true } }

// Convert reads a document as [Parse] does and returns it in the current form: a list of
// datasets under the key datasets, each with its required fields first, named in snake_case
// in TOML and in camelCase in JSON. The format to is "toml", "json" or "jsonc". Converting the
// result again does not change it.
//
// Nothing is lost. A comment stays with what it is before or behind of. TOML and JSON with
// comments have comments at keys, tables and the items of lists, JSON has none.
//
// Convert returns an [*InvalidError] if one of the diagnostics is an error. Its error for what
// the format cannot represent names all of it, each with its line, and wraps
// [ErrNotRepresentable] or [ErrCommentLost]. It returns the diagnostics in every case.
func Convert(name string, data []byte, to string, opts ...Option) ([]byte, Diagnostics, error) {
	p := newParser(name, opts)
	p.conversion = new(conversion)
	p.visit = func(e *entry) { p.conversion.datasets = append(p.conversion.datasets, e.at) }
	var out []byte
	var failed error
	p.contain(func() {
		p.conversion.encode = func() { out, failed = p.encode(to) }
		p.parse(data)
	})
	found := p.found.diagnostics()
	if err := found.Err(); err != nil {
		return nil, found, err
	}
	return out, found, failed
}

// A conversion is what a parser notes for Convert.
type conversion struct {
	topLevel []int32 // nodes of the top-level keys other than datasets
	datasets []int32 // nodes of the datasets
	encode   func()  // called while the tree is valid
}

// encode returns the document that is read in a format.
func (p *parser) encode(to string) ([]byte, error) {
	e := encoder{parser: p, to: to, lost: findings{file: p.found.file}}
	e.comments = findComments(p.format, to, p.text, p.tree)
	for _, at := range p.conversion.topLevel {
		e.comments.markInside(p.tree, at, 0)
	}
	for _, dataset := range p.conversion.datasets {
		for at := range p.tree.children(dataset) {
			e.comments.markInside(p.tree, at, 0)
		}
	}
	switch to {
	case "toml":
		e.tomlDocument(p.specs)
	case "json", "jsonc":
		e.jsonDocument(p.specs)
	default:
		return nil, fmt.Errorf("config: cannot convert to format %q", to)
	}
	if err := e.losses(); err != nil {
		return nil, err
	}
	return e.b, nil
}

// An encoder writes a document.
type encoder struct {
	*parser
	to       string // the format
	comments *comments
	b        []byte
	lost     findings // values as errors, comments as warnings
}

// fail records that a value cannot be represented.
func (e *encoder) fail(m member, why string) {
	if d := e.lost.add(int(e.tree.nodes[max(m.at, 0)].at), SeverityError, ""); d != nil {
		d.Field, d.Message = printable(m.path.String()), why
	}
}

// losses returns the error for what is lost, or nil.
func (e *encoder) losses() error {
	why := "what it belongs to has no line of its own, or is left out"
	if e.to == "json" {
		why = "JSON has no comments; use jsonc"
	}
	for _, c := range e.comments.all {
		if c.kept || e.opts.commentsLost {
			continue
		}
		if d := e.lost.add(c.at, SeverityWarning, ""); d != nil {
			d.Message = why
		}
	}
	e.lost.locate(e.text)
	var all []error
	for _, f := range e.lost.kept {
		if d := f.diagnostic; d.Severity == SeverityError {
			all = append(all, fmt.Errorf("%s:%d:%d: %s: %w: %s", d.File, d.Line, d.Column, d.Field, ErrNotRepresentable, d.Message))
		} else {
			all = append(all, fmt.Errorf("%s:%d:%d: %w: %s", d.File, d.Line, d.Column, ErrCommentLost, d.Message))
		}
	}
	for severity, what := range map[Severity]string{SeverityError: "values", SeverityWarning: "comments"} {
		if more := e.lost.count[severity] - MaxDiagnostics; more > 0 {
			all = append(all, fmt.Errorf("%s: and %d more %s", e.lost.file, more, what))
		}
	}
	return errors.Join(all...)
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

// A member is a key of an object or an item of a list, with its value and node.
type member struct {
	name  string
	value registry.Value
	at    int32 // nowhere if it has no node
	path  *valuePath
}

// members returns the fields of an object or the items of a list.
func (e *encoder) members(m member) []member {
	out := make([]member, 0, m.value.Len())
	at := nowhere
	if m.at >= 0 && e.tree.nodes[m.at].first != 0 {
		at = e.tree.nodes[m.at].first
	}
	for name, v := range m.value.Fields() {
		path := m.path.field(name)
		if m.value.Kind() == registry.KindList {
			path = m.path.element(len(out))
		}
		out = append(out, member{name, v, at, path})
		if at >= 0 {
			at = e.tree.nodes[at].next
		}
		if at == 0 {
			at = nowhere // of the key in the other spelling
		}
	}
	return out
}

// topLevel returns the top-level keys other than datasets. A list that is given in both
// spellings is one.
func (e *encoder) topLevel() []member {
	out := make([]member, 0, len(e.conversion.topLevel))
	for _, at := range e.conversion.topLevel {
		name, value, isAgain := string(e.tree.key(&e.tree.nodes[at])), e.tree.value(at), false
		for snake, camel := range camelEnvelope {
			if name != snake && name != camel {
				continue
			}
			if name = camel; e.to == "toml" {
				name = snake
			}
			i := slices.IndexFunc(out, func(m member) bool { return m.name == name })
			if isAgain = i >= 0; isAgain {
				out[i].value = joined(out[i].value, value)
			}
			break
		}
		if !isAgain {
			out = append(out, member{name, value, at, &valuePath{name: name}})
		}
	}
	return out
}

// joined returns the items of two lists, or the first value if it is not a list.
func joined(a, b registry.Value) registry.Value {
	if a.Kind() != registry.KindList {
		return a
	}
	var items []registry.Value
	for _, list := range []registry.Value{a, b} {
		for _, item := range list.Fields() {
			items = append(items, item)
		}
	}
	return registry.ListValue(items...)
}

// list returns the node of the list or map of datasets, or nowhere if the document is one
// dataset.
func (e *encoder) list() int32 {
	switch {
	case len(e.tree.nodes) == 0, len(e.conversion.datasets) == 1 && e.conversion.datasets[0] == 0:
		return nowhere
	case e.tree.nodes[0].kind == registry.KindList:
		return 0
	}
	return e.tree.childOf(0, []byte(datasetsKey)) // or 0
}

// fieldsOf returns the fields of a dataset that are not empty, known fields first.
func (e *encoder) fieldsOf(s *registry.Spec, at int32, path *valuePath) []member {
	var given [len(fields)]int32
	var extra []int32
	for c := range e.tree.children(at) {
		n := &e.tree.nodes[c]
		switch f := fieldOf(n); {
		case f == nil && (at != 0 || !isEnvelope(e.tree.key(n))):
			extra = append(extra, c)
		case f != nil && (given[f.place] == 0 || string(e.tree.key(n)) == f.camel):
			given[f.place] = c
		}
	}
	out := make([]member, 0, requiredFields+len(s.Extra))
	for i := range fields {
		f := &fields[i]
		if v := f.value(s); v.Kind() != registry.KindNull {
			name := f.camel
			if e.to == "toml" {
				name = f.snake
			}
			out = append(out, member{name, v, given[i], path.field(name)})
			if given[i] == 0 {
				out[len(out)-1].at = nowhere // part of the dataset's key
			}
		}
	}
	for i, f := range s.Extra {
		out = append(out, member{f.Name, f.Value, extra[i], path.field(f.Name)})
	}
	return out
}

// value returns the value of a field of a dataset, or null if it is empty.
func (f *field) value(s *registry.Spec) registry.Value {
	switch {
	case f.text != nil:
		if text := *f.text(s); text != "" {
			return registry.StringValue(text)
		}
	case f.number != nil:
		if n := *f.number(s); n != 0 {
			return registry.IntegerValue(int64(n))
		}
	case f.flag != nil:
		if *f.flag(s) {
			return registry.BoolValue(true)
		}
	case f.list != nil:
		if items := *f.list(s); len(items) > 0 {
			return stringList(items)
		}
	}
	return registry.Value{}
}

func stringList(items []string) registry.Value {
	values := make([]registry.Value, len(items))
	for i, item := range items {
		values[i] = registry.StringValue(item)
	}
	return registry.ListValue(values...)
}
