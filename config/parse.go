package config

import (
	"fmt"
	"path"
	"strings"

	"github.com/neurondex/neurondex/registry"
)

// Parse reads a document. Its name says the format, by .toml, .json or .jsonc at the
// end, and stands in the diagnostics. If one of them is an error there are no datasets:
// a document is taken whole or not at all. Nothing that is returned refers to data.
func Parse(name string, data []byte, opts ...Option) ([]registry.Spec, Diagnostics) {
	p := &parser{name: name, opts: newOptions(opts)}
	specs := p.parse(data)
	p.found.sort()
	if p.found.Count(SeverityError) > 0 {
		return nil, p.found
	}
	return specs, p.found
}

// A parser makes datasets of the tree of one document.
type parser struct {
	name   string
	opts   options
	text   []byte // of the document
	loader *loader
	tree   *tree
	found  Diagnostics

	// What the document says beside its datasets, by today's names, if it is to be kept.
	beside       []registry.Field
	envelopeKept bool

	lineAt, line int // the line of an offset; lines are counted forward from there
}

func (p *parser) parse(data []byte) []registry.Spec {
	format := Format(p.name)
	if format == "" {
		p.whole(SeverityError, RuleUnknownFormat, "a dataset file's name ends in .toml, .json or .jsonc")
		return nil
	}
	if int64(len(data)) > p.opts.maxBytes {
		p.whole(SeverityError, RuleTooLarge, fmt.Sprintf("larger than %d bytes", p.opts.maxBytes))
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
		p.whole(SeverityWarning, RuleEmptyDocument, "nothing in it; if no datasets are meant, say so by "+empty)
		return nil
	}
	return p.datasets()
}

// Format returns the format that a document's name stands for: "toml", "json", or
// "jsonc" for JSON with comments and trailing commas; empty for any other name.
func Format(name string) string {
	switch f := strings.TrimPrefix(strings.ToLower(path.Ext(name)), "."); f {
	case "toml", "json", "jsonc":
		return f
	default:
		return ""
	}
}
