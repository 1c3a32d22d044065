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
// diagnostics is an error. The diagnostics are in the order of their positions. Nothing
// returned refers to data.
func Parse(name string, data []byte, opts ...Option) ([]registry.Spec, Diagnostics) {
	p := &parser{name: name, opts: newOptions(opts)}
	specs := p.parse(data)
	p.found.sort()
	if p.found.Count(SeverityError) > 0 {
		return nil, p.found
	}
	return specs, p.found
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
	name   string
	opts   options
	text   []byte // the document in UTF-8
	loader *loader
	tree   *tree
	found  Diagnostics

	// topLevel holds the top-level keys other than datasets, in snake_case, for Convert.
	topLevel      []registry.Field
	keepsTopLevel bool

	lineAt, line int // the offset that lineOf counted to, and its line
}

func (p *parser) parse(data []byte) []registry.Spec {
	format := Format(p.name)
	if format == "" {
		p.reportDocument(SeverityError, RuleUnknownFormat, "file name must end in .toml, .json or .jsonc")
		return nil
	}
	if int64(len(data)) > p.opts.maxBytes {
		p.reportDocument(SeverityError, RuleTooLarge, fmt.Sprintf("exceeds the limit of %d bytes", p.opts.maxBytes))
		return nil
	}
	var fault *problem
	if p.text, fault = decodeText(data); fault == nil {
		p.loader = loaders.Get().(*loader)
		defer p.loader.release()
		p.tree, fault = p.loader.load(format, p.text)
	}
	if fault != nil {
		p.report(fault.at, SeverityError, fault.rule, "", fault.message)
		return nil
	}
	for _, fault := range p.tree.problems {
		p.report(fault.at, SeverityError, fault.rule, "", fault.message)
	}
	if len(p.tree.nodes) == 0 || p.tree.nodes[0].kind == registry.KindObject && p.tree.nodes[0].length == 0 {
		empty := `{"datasets": []}`
		if format == "toml" {
			empty = "datasets = []"
		}
		p.reportDocument(SeverityWarning, RuleEmptyDocument, "document is empty; write "+empty+" if it has no datasets")
		return nil
	}
	return p.datasets()
}
