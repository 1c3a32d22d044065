package config

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/registry/viewer"
)

// Lint checks documents that are used together. It warns about datasets that override a
// dataset of another document, and about a replaced_by that names a missing or deprecated
// dataset. The File of a diagnostic is the name of its document. The diagnostics of each
// document are limited as [Diagnostics.Limit] describes. The order of docs does not matter.
func Lint(docs []registry.Document) Diagnostics {
	docs = slices.Clone(docs)
	slices.SortStableFunc(docs, func(a, b registry.Document) int { return cmp.Compare(a.Name, b.Name) })
	type definition struct {
		document string
		line     int
	}
	defined := make(map[registry.Key]definition)
	deprecated := make(map[string]bool) // by short name: whether all its datasets are deprecated
	for _, doc := range docs {
		for i := range doc.Datasets {
			s := &doc.Datasets[i]
			all, known := deprecated[s.ShortName]
			deprecated[s.ShortName] = s.Deprecated && (all || !known)
		}
	}
	var all Diagnostics
	for _, doc := range docs {
		found := findings{file: doc.Name}
		for i := range doc.Datasets {
			s := &doc.Datasets[i]
			if other, ok := defined[s.Key()]; ok && other.document != doc.Name {
				if d := found.addDataset(s, RuleOverridesOther); d != nil {
					d.Value = truncate(s.Key().String())
					d.Message = fmt.Sprintf("dataset %s overrides the definition in %s:%d", keyText(s.Key()), other.document, other.line)
				}
			}
			defined[s.Key()] = definition{doc.Name, s.Line}
			if s.ReplacedBy == "" {
				continue
			}
			switch gone, ok := deprecated[s.ReplacedBy]; {
			case !ok:
				if d := found.addDataset(s, RuleReplacedByMissing); d != nil {
					d.Field, d.Value = "replaced_by", truncate(s.ReplacedBy)
					d.Message = fmt.Sprintf("no dataset %q", d.Value)
				}
			case gone:
				if d := found.addDataset(s, RuleDeprecatedInUse); d != nil {
					d.Field, d.Value = "replaced_by", truncate(s.ReplacedBy)
					d.Message = fmt.Sprintf("dataset %q is itself deprecated", d.Value)
				}
			}
		}
		all = append(all, found.diagnostics()...)
	}
	return all
}

// LintViewer warns about datasets that the public neuron viewer cannot show. A single dataset
// of a type that the viewer does not know leaves its home page blank. The diagnostics of each
// document are limited as [Diagnostics.Limit] describes.
func LintViewer(docs []registry.Document) Diagnostics {
	var all Diagnostics
	for _, doc := range docs {
		found := findings{file: doc.Name}
		for i := range doc.Datasets {
			s := &doc.Datasets[i]
			field, fault := viewer.Fault(s.Key())
			if fault == "" {
				continue
			}
			if d := found.addDataset(s, RuleViewerCannotShow); d != nil {
				d.Field, d.Value = field, truncate(s.Key().String())
				d.Message = fmt.Sprintf("the neuron viewer cannot show %s: %s", keyText(s.Key()), fault)
			}
		}
		all = append(all, found.diagnostics()...)
	}
	return all
}

// addDataset adds a warning about a dataset. See [findings.add].
func (f *findings) addDataset(s *registry.Spec, r Rule) *Diagnostic {
	d := f.add(noPosition, SeverityWarning, r)
	if d != nil {
		d.Line, d.Column = s.Line, 1
	}
	return d
}
