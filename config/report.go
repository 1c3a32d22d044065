package config

import (
	"bytes"
	"cmp"
	"slices"
	"unicode/utf8"

	"github.com/neurondex/neurondex/registry"
)

// findings collects the diagnostics of one document. It keeps the first [MaxDiagnostics] of
// each severity and counts the others, so that a document in which everything is wrong
// costs no more than a good one.
type findings struct {
	file   string
	kept   []finding
	count  [SeverityHint + 1]int
	topics map[topic]*occurrence
}

// A topic is a rule and what it is applied to, such as the name of a field. A document has one
// finding of a topic, however many of its datasets it is about.
type topic struct {
	rule Rule
	name string
}

// An occurrence of a topic is its finding and the last dataset that it was found in.
type occurrence struct {
	finding int // in kept
	dataset int
}

// A finding is a diagnostic whose position is still an offset of the document.
type finding struct {
	at         int // noPosition if the finding is about the whole document
	diagnostic Diagnostic
}

const noPosition = -1

// add returns a new diagnostic for the caller to complete, or nil if it is only counted. The
// pointer is valid until the next call.
func (f *findings) add(at int, s Severity, r Rule) *Diagnostic {
	if f.count[s]++; f.count[s] > MaxDiagnostics {
		return nil
	}
	f.kept = append(f.kept, finding{at, Diagnostic{File: f.file, Severity: s, Rule: r}})
	return &f.kept[len(f.kept)-1].diagnostic
}

// addOnce is add for a finding about a dataset that others may share. It returns a diagnostic
// for the first dataset that has the topic. Beyond [MaxDiagnostics] every finding counts, so that
// the number of topics is bounded.
func (f *findings) addOnce(dataset, at int, s Severity, r Rule, name string) *Diagnostic {
	t := topic{r, name}
	if known := f.topics[t]; known != nil {
		if known.dataset != dataset {
			known.dataset = dataset
			d := &f.kept[known.finding].diagnostic
			d.Datasets = max(d.Datasets, 1) + 1
		}
		return nil
	}
	d := f.add(at, s, r)
	if d != nil {
		if f.topics == nil {
			f.topics = make(map[topic]*occurrence)
		}
		f.topics[t] = &occurrence{len(f.kept) - 1, dataset}
	}
	return d
}

// locate orders the findings by offset and sets their lines and columns, in one pass over the
// document.
func (f *findings) locate(text []byte) {
	slices.SortStableFunc(f.kept, func(a, b finding) int { return cmp.Compare(a.at, b.at) })
	c := cursor{text: text, line: 1, column: 1}
	for i := range f.kept {
		if f.kept[i].at != noPosition {
			c.moveTo(f.kept[i].at)
			f.kept[i].diagnostic.Line, f.kept[i].diagnostic.Column = c.line, c.column
		}
	}
}

// A cursor counts the lines and columns of a document.
type cursor struct {
	text         []byte
	at           int
	line, column int // of at, starting at 1
}

// moveTo moves to an offset that is not before the current one.
func (c *cursor) moveTo(at int) {
	passed := c.text[c.at:at]
	if newlines := bytes.Count(passed, []byte{'\n'}); newlines > 0 {
		c.line, c.column = c.line+newlines, 1
		passed = passed[bytes.LastIndexByte(passed, '\n')+1:]
	}
	c.column += utf8.RuneCount(passed)
	c.at = at
}

// diagnostics returns the diagnostics in the order of findings, limited to [MaxDiagnostics].
func (f *findings) diagnostics() Diagnostics {
	if len(f.kept) == 0 {
		return nil
	}
	out := make(Diagnostics, 0, len(f.kept)+len(f.count))
	for i := range f.kept {
		out = append(out, f.kept[i].diagnostic)
	}
	for s, n := range f.count {
		if n > MaxDiagnostics {
			out = append(out, moreProblems(f.file, Severity(s), n-MaxDiagnostics))
		}
	}
	return out.Limit()
}

// report adds a diagnostic at an offset of the document. See [findings.add].
func (p *parser) report(at int, s Severity, r Rule) *Diagnostic { return p.found.add(at, s, r) }

// reportValue adds a diagnostic about the value of a node.
func (p *parser) reportValue(at int32, s Severity, r Rule) *Diagnostic {
	n := &p.tree.nodes[at]
	d := p.report(int(n.at), s, r)
	if d != nil {
		d.Value = truncate(string(p.tree.textOf(n)))
	}
	return d
}

// reportOnce adds a diagnostic about the dataset being read. See [findings.addOnce].
func (p *parser) reportOnce(at int, s Severity, r Rule, name string) *Diagnostic {
	return p.found.addOnce(p.dataset, at, s, r, name)
}

// reportLegacy adds a diagnostic about the legacy form of a value in the dataset being read.
func (p *parser) reportLegacy(at int32, name string) *Diagnostic {
	n := &p.tree.nodes[at]
	d := p.reportOnce(int(n.at), SeverityWarning, RuleLegacyForm, name)
	if d != nil {
		d.Value = truncate(string(p.tree.textOf(n)))
	}
	return d
}

// reportDocument adds a diagnostic about the document as a whole.
func (p *parser) reportDocument(s Severity, r Rule, message string) {
	if d := p.report(noPosition, s, r); d != nil {
		d.Message = message
	}
}

// lineOf returns the line of an offset. Offsets must not decrease from call to call, so that
// all calls together cost one pass over the document.
func (p *parser) lineOf(at int) int {
	if at > p.lineAt {
		p.line += bytes.Count(p.text[p.lineAt:at], []byte{'\n'})
		p.lineAt = at
	}
	return p.line + 1
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

// truncate shortens a text of the document that is too long for a diagnostic.
func truncate(s string) string { return truncateTo(s, 80) }

// keyText returns the text of a key for a message.
func keyText(k registry.Key) string { return truncateTo(k.String(), 200) }

// truncateTo shortens a text to a number of characters.
func truncateTo(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	end := 0
	for range limit {
		_, n := utf8.DecodeRuneInString(s[end:])
		end += n
	}
	if end == len(s) {
		return s
	}
	return s[:end] + "..."
}
