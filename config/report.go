package config

import (
	"bytes"
	"unicode/utf8"

	"github.com/neurondex/neurondex/registry"
)

func (p *parser) report(at int, s Severity, r Rule, field, message string) {
	p.found = append(p.found, p.diagnostic(at, s, r, field, message))
}

// reportValue reports what is wrong with the value of a node.
func (p *parser) reportValue(at int32, s Severity, r Rule, field, message string) {
	n := &p.tree.nodes[at]
	d := p.diagnostic(int(n.at), s, r, field, message)
	d.Value = cut(string(p.tree.textOf(n)))
	p.found = append(p.found, d)
}

func (p *parser) whole(s Severity, r Rule, message string) {
	p.found = append(p.found, Diagnostic{Severity: s, Rule: r, File: p.name, Message: message})
}

func (p *parser) diagnostic(at int, s Severity, r Rule, field, message string) Diagnostic {
	start := bytes.LastIndexByte(p.text[:at], '\n') + 1
	return Diagnostic{
		Severity: s, Rule: r, File: p.name, Field: field, Message: message,
		Line: p.lineOf(at), Column: utf8.RuneCount(p.text[start:at]) + 1,
	}
}

// lineOf returns the line of an offset. Asking in the order of the document costs one
// pass over it in all.
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

// cut cuts a text that is too long to read.
func cut(s string) string {
	const most = 80
	if len(s) <= most || utf8.RuneCountInString(s) <= most {
		return s
	}
	end := 0
	for range most {
		_, n := utf8.DecodeRuneInString(s[end:])
		end += n
	}
	return s[:end] + "..."
}
