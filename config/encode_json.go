package config

import (
	"strings"

	"github.com/neurondex/neurondex/registry"
)

// jsonDocument writes a document in JSON.
func (e *encoder) jsonDocument(specs []registry.Spec) {
	c, list := e.comments, e.list()
	e.above(c.before[0], "")
	e.b = append(e.b, '{')
	if list > 0 {
		e.endLine("  ", c.open[0])
	} else {
		e.endLine("  ")
	}
	for _, m := range e.topLevel() {
		e.jsonMember(m, "  ", true)
	}
	e.above(c.before[list], "  ")
	e.b = append(e.b, `  "datasets": [`...)
	if len(specs) > 0 || len(c.open[list])+len(c.last[list]) > 0 {
		e.endLine("    ", c.open[list])
	}
	for i := range specs {
		at := e.conversion.datasets[i]
		e.above(c.before[at], "    ")
		e.b = append(e.b, "    {"...)
		e.endLine("      ", c.open[at])
		members := e.fieldsOf(&specs[i], at, (&valuePath{name: datasetsKey}).element(i))
		for k, m := range members {
			e.jsonMember(m, "      ", k < len(members)-1)
		}
		e.below(c.last[at], "      ")
		e.b = append(e.b, "    }"...)
		if i < len(specs)-1 {
			e.b = append(e.b, ',')
		}
		if at == 0 {
			e.endLine("    ")
		} else {
			e.endLine("    ", c.behind[at])
		}
	}
	e.below(c.last[list], "    ")
	if e.b[len(e.b)-1] == '\n' {
		e.b = append(e.b, "  "...)
	}
	e.b = append(e.b, ']')
	if list > 0 {
		e.endLine("  ", c.behind[list])
	} else {
		e.endLine("  ")
	}
	e.below(c.last[0], "  ")
	e.b = append(e.b, '}')
	e.endLine("", c.behind[0])
	e.below(c.last[document], "")
}

// jsonMember writes a key and its value, or an item of a list, in lines of its own.
func (e *encoder) jsonMember(m member, indent string, comma bool) {
	c := e.comments
	e.above(c.before[m.at], indent)
	e.b = append(e.b, indent...)
	if !m.path.list {
		e.b = append(registry.StringValue(m.name).AppendJSON(e.b), ": "...)
	}
	e.jsonValue(m, indent)
	if comma {
		e.b = append(e.b, ',')
	}
	e.endLine(indent, c.behind[m.at])
}

func (e *encoder) jsonValue(m member, indent string) {
	brackets := "{}"
	switch m.value.Kind() {
	case registry.KindTime:
		e.fail(m, "JSON has no dates and times; use a string or keep the file in TOML")
		return
	case registry.KindFloat:
		if text := m.value.Text(); strings.HasSuffix(text, "inf") || strings.HasSuffix(text, "nan") {
			e.fail(m, "JSON has no "+text+"; use a string or keep the file in TOML")
			return
		}
		e.b = m.value.AppendJSON(e.b)
		return
	case registry.KindList:
		brackets = "[]"
	case registry.KindObject:
	default:
		e.b = m.value.AppendJSON(e.b)
		return
	}
	c, inner := e.comments, indent+"  "
	if m.value.Len() == 0 && len(c.open[m.at])+len(c.last[m.at]) == 0 {
		e.b = append(e.b, brackets...)
		return
	}
	e.b = append(e.b, brackets[0])
	e.endLine(inner, c.open[m.at])
	members := e.members(m)
	for i, child := range members {
		e.jsonMember(child, inner, i < len(members)-1)
	}
	e.below(c.last[m.at], inner)
	e.b = append(append(e.b, indent...), brackets[1])
}
