package config

import (
	"fmt"
	"path"
	"strings"

	"github.com/neurondex/neurondex/registry"
)

// Parse reads a document. The extension of name selects the format (see [Format]), and
// name is the File of every diagnostic.
//
// Parse returns the datasets in the order of the document, or none if one of the
// diagnostics is an error. The diagnostics are in the order of their positions, and limited
// as [Diagnostics.Limit] describes. Nothing returned refers to data.
func Parse(name string, data []byte, opts ...Option) ([]registry.Spec, Diagnostics) {
	return AppendParse(nil, name, data, opts...)
}

// AppendParse is like [Parse], but appends the datasets to specs and returns the extended slice.
// [registry.Registry.Apply] does not retain it, so a program can parse the next document into the
// same memory.
func AppendParse(specs []registry.Spec, name string, data []byte, opts ...Option) ([]registry.Spec, Diagnostics) {
	p := newParser(name, opts)
	p.specs = specs
	p.contain(func() { p.parse(data) })
	if p.found.count[SeverityError] > 0 {
		return specs, p.found.diagnostics()
	}
	return p.specs, p.found.diagnostics()
}

// Format returns the format that the extension of name stands for, in upper or lower case:
// "toml", "json", or "jsonc" for JSON with comments and trailing commas. It returns "" for
// any other name.
func Format(name string) string {
	switch f := strings.TrimPrefix(strings.ToLower(path.Ext(name)), "."); f {
	case "toml", "json", "jsonc":
		return f
	default:
		return ""
	}
}

// A parser reads one document.
type parser struct {
	opts   options
	format string
	text   []byte // the document in UTF-8
	loader *loader
	tree   *tree
	specs  []registry.Spec // the datasets are appended to it
	found  findings
	texts  strings.Builder // of the datasets read last: see [entry.gather]

	conversion *conversion // nil in Parse

	// visit is called for each dataset once its fields are found, for Locate. It may be nil.
	visit func(*entry)

	expected     int // number of datasets in the list or map that is read
	dataset      int // number of datasets read so far, with the current one
	lineAt, line int // the offset that lineOf counted to, and the newlines before it
}

func newParser(name string, opts []Option) *parser {
	p := &parser{found: findings{file: name}}
	p.opts.set(opts)
	return p
}

// contain calls work. If it panics, that is the only finding of the document: one document
// must not end a process that serves others.
func (p *parser) contain(work func()) {
	defer func() {
		if cause := recover(); cause != nil {
			p.found = findings{file: p.found.file}
			p.reportDocument(SeverityError, RuleInternal,
				"parsing failed unexpectedly; please report it: "+truncateTo(fmt.Sprint(cause), 200))
		}
	}()
	work()
}

// parse reads a document, and completes the positions of what it finds.
func (p *parser) parse(data []byte) {
	p.read(data)
	p.found.locate(p.text)
}

// read is parse without the positions.
func (p *parser) read(data []byte) {
	p.format = Format(p.found.file)
	if p.format == "" {
		p.reportDocument(SeverityError, RuleUnknownFormat, "file name must end in .toml, .json or .jsonc")
		return
	}
	var fault *problem
	if int64(len(data)) <= p.opts.maxBytes {
		p.text, fault = decodeText(data)
	}
	if int64(len(data)) > p.opts.maxBytes || len(p.text) > maxText {
		p.reportDocument(SeverityError, RuleTooLarge, fmt.Sprintf("exceeds the limit of %d bytes", p.opts.maxBytes))
		return
	}
	if fault != nil {
		p.reportProblem(fault, "")
		return
	}
	p.loader = loaders.Get().(*loader)
	p.tree, fault = p.loader.load(p.format, p.text, p.opts.maxValues())
	if fault != nil {
		p.reportProblem(explain(p.format, p.text, fault))
	} else {
		p.datasets()
		if p.conversion != nil && p.found.count[SeverityError] == 0 {
			p.conversion.encode()
		}
	}
	p.loader.release() // after a panic its state is unknown, and it is dropped
}

// reportProblem reports a fault that a codec found, and what was probably meant.
func (p *parser) reportProblem(fault *problem, suggestion string) {
	if d := p.report(fault.at, SeverityError, fault.rule); d != nil {
		d.Message, d.Suggestion = truncateTo(fault.message, 200), suggestion
	}
}

// reportEmpty reports a document that has no datasets and does not say so by an empty list or
// map. It may be incomplete.
func (p *parser) reportEmpty() {
	empty := `{"datasets": []}`
	if p.format == "toml" {
		empty = "datasets = []"
	}
	p.reportDocument(SeverityWarning, RuleEmptyDocument, "document has no datasets; if that is intended, write "+empty)
}
