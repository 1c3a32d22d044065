package config

import (
	"bytes"
	"fmt"

	"github.com/neurondex/neurondex/registry"
)

// tomlDocument writes a document in TOML.
func (e *encoder) tomlDocument(specs []registry.Spec) {
	c, list := e.comments, e.list()
	e.above(c.before[0], "")
	if list > 0 {
		e.above(c.open[0], "")
	}
	for _, m := range e.topLevel() {
		e.tomlMember("", m)
	}
	if len(specs) == 0 {
		e.above(c.before[list], "")
		e.above(c.open[list], "")
		e.b = append(e.b, "datasets = []"...)
		e.endLine("", c.behind[list])
	}
	if e.format == "toml" && list != nowhere {
		e.below(c.last[0], "") // the end of the top level, not of the document
	}
	for i := range specs {
		e.blankLine()
		at := e.conversion.datasets[i]
		if i == 0 {
			e.above(c.before[list], "")
			e.above(c.open[list], "")
		}
		e.above(c.before[at], "")
		e.b = append(e.b, "[[datasets]]"...)
		e.endLine("", c.open[at])
		for _, m := range e.fieldsOf(&specs[i], at, (&valuePath{name: datasetsKey}).element(i)) {
			e.tomlMember("", m)
		}
		e.below(c.last[at], "")
		e.below(c.behind[at], "")
	}
	end := len(e.b)
	e.blankLine()
	footer := len(e.b)
	for _, which := range [][]int{c.last[list], c.behind[list], c.last[0], c.behind[0], c.last[document]} {
		e.below(which, "")
	}
	if len(e.b) == footer {
		e.b = e.b[:end]
	}
}

// blankLine writes a blank line, except at the start of the document and after another one.
func (e *encoder) blankLine() {
	if len(e.b) > 0 && !bytes.HasSuffix(e.b, []byte("\n\n")) {
		e.b = append(e.b, '\n')
	}
}

// tomlMember writes a key and its value. The prefix is that of a dotted key: an object with
// comments inside is written as dotted keys, and a list with comments inside on several lines:
// each comment needs a line of its own.
func (e *encoder) tomlMember(prefix string, m member) {
	c, key := e.comments, prefix+tomlKey(m.name)
	e.above(c.before[m.at], "")
	inside := c.inside[m.at]
	if inside && m.value.Kind() == registry.KindObject && m.value.Len() > 0 {
		e.above(c.open[m.at], "")
		for _, child := range e.members(m) {
			e.tomlMember(key+".", child)
		}
	} else {
		e.b = append(append(e.b, key...), " = "...)
		if inside && m.value.Kind() == registry.KindList {
			e.tomlLines(m)
		} else {
			e.tomlValue(m)
		}
		e.endLine("", c.open[m.at], c.behind[m.at])
	}
	e.afterAll(m.at)
}

// afterAll writes the comments at the end of an object and of the objects in it.
func (e *encoder) afterAll(at int32) {
	if at < 0 || len(e.comments.last) == 0 || e.tree.nodes[at].kind != registry.KindObject {
		return
	}
	for child := range e.tree.children(at) {
		e.afterAll(child)
	}
	e.below(e.comments.last[at], "")
	e.below(e.comments.behind[at], "")
}

// tomlLines writes a list with one item on a line.
func (e *encoder) tomlLines(m member) {
	c := e.comments
	e.b = append(e.b, '[')
	e.endLine("  ", c.open[m.at])
	for _, item := range e.members(m) {
		e.above(c.before[item.at], "  ")
		e.b = append(e.b, "  "...)
		e.tomlValue(item)
		e.b = append(e.b, ',')
		e.endLine("  ", c.behind[item.at])
	}
	e.below(c.last[m.at], "  ")
	e.b = append(e.b, ']')
}

// tomlKey returns a key, quoted if it is not a bare key.
func tomlKey(name string) string {
	bare := name != ""
	for i := range len(name) {
		c := name[i]
		bare = bare && ('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-')
	}
	if bare {
		return name
	}
	return string(appendTOMLString(nil, name))
}

// appendTOMLString appends a basic string.
func appendTOMLString(b []byte, s string) []byte {
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
			b = fmt.Appendf(b, `\u%04x`, r)
		default:
			b = append(b, string(r)...)
		}
	}
	return append(b, '"')
}

// tomlValue writes a value in one line.
func (e *encoder) tomlValue(m member) {
	switch v := m.value; v.Kind() {
	case registry.KindNull:
		e.fail(m, "TOML has no null; remove the field or keep the file in JSON")
	case registry.KindString:
		e.b = appendTOMLString(e.b, v.Text())
	case registry.KindInteger:
		if _, ok := v.Int64(); !ok {
			e.fail(m, "TOML integers have 64 bits; use a string or keep the file in JSON")
		}
		e.b = append(e.b, v.Text()...)
	case registry.KindFloat:
		if _, ok := v.Float64(); !ok {
			e.fail(m, "TOML floats have 64 bits; use a string or keep the file in JSON")
		}
		e.b = append(e.b, v.Text()...)
	case registry.KindBool, registry.KindTime:
		e.b = append(e.b, v.Text()...)
	case registry.KindList:
		e.b = append(e.b, '[')
		for i, item := range e.members(m) {
			if i > 0 {
				e.b = append(e.b, ", "...)
			}
			e.tomlValue(item)
		}
		e.b = append(e.b, ']')
	case registry.KindObject:
		open := "{ "
		for _, field := range e.members(m) {
			e.b = append(e.b, open...)
			open = ", "
			e.b = append(append(e.b, tomlKey(field.name)...), " = "...)
			e.tomlValue(field)
		}
		if v.Len() == 0 {
			e.b = append(e.b, "{}"...)
		} else {
			e.b = append(e.b, " }"...)
		}
	}
}
