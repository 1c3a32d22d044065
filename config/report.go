package config

import (
	"bytes"
	"unicode/utf8"

	"github.com/neurondex/neurondex/registry"
)

// report adds a diagnostic at an offset of the document.
func (p *parser) report(at int, s Severity, r Rule, field, message string) {
	p.found = append(p.found, p.diagnostic(at, s, r, field, message))
}

// reportValue adds a diagnostic about the value of a node.
func (p *parser) reportValue(at int32, s Severity, r Rule, field, message string) {
	n := &p.tree.nodes[at]
	d := p.diagnostic(int(n.at), s, r, field, message)
	d.Value = truncate(string(p.tree.textOf(n)))
	p.found = append(p.found, d)
}

// reportDocument adds a diagnostic about the document as a whole.
func (p *parser) reportDocument(s Severity, r Rule, message string) {
	p.found = append(p.found, Diagnostic{Severity: s, Rule: r, File: p.name, Message: message})
}

func (p *parser) diagnostic(at int, s Severity, r Rule, field, message string) Diagnostic {
	start := bytes.LastIndexByte(p.text[:at], '\n') + 1
	return Diagnostic{
		Severity: s, Rule: r, File: p.name, Field: field, Message: message,
		Line: p.lineOf(at), Column: utf8.RuneCount(p.text[start:at]) + 1,
	}
}

// lineOf returns the line of an offset. Calls in the order of the document cost one pass
// over it in total.
func (p *parser) lineOf(at int) int {
	if at < p.lineAt || p.line == 0 {
		p.lineAt, p.line = 0, 1
	}
	p.line += bytes.Count(p.text[p.lineAt:at], []byte{'\n'})
	p.lineAt = at
	return p.line
}

// article returns the name of a kind with its article.
func article(k registry.Kind) string {
	switch k {
	case registry.KindNull:
		return "null"
	case registry.KindInteger, registry.KindObject:
		return "an " + k.String()
	default:
		return "a " + k.String()
	}
}

// truncate shortens a text that is too long for a diagnostic.
func truncate(s string) string {
	const limit = 80 // characters
	if len(s) <= limit || utf8.RuneCountInString(s) <= limit {
		return s
	}
	end := 0
	for range limit {
		_, n := utf8.DecodeRuneInString(s[end:])
		end += n
	}
	return s[:end] + "..."
}
