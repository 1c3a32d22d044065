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
// dataset. The File of a diagnostic is the name of its document. The order of docs does not
// matter.
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
	var found Diagnostics
	for _, doc := range docs {
		for i := range doc.Datasets {
			s := &doc.Datasets[i]
			warn := func(r Rule, field, value, message string) {
				found = append(found, Diagnostic{Severity: SeverityWarning, Rule: r, File: doc.Name, Line: s.Line, Column: 1, Field: field, Value: truncate(value), Message: message})
			}
			if other, ok := defined[s.Key()]; ok && other.document != doc.Name {
				warn(RuleOverridesOther, "", s.Key().String(), fmt.Sprintf("dataset %v overrides the definition in %s:%d", s.Key(), other.document, other.line))
			}
			defined[s.Key()] = definition{doc.Name, s.Line}
			if s.ReplacedBy == "" {
				continue
			}
			switch gone, ok := deprecated[s.ReplacedBy]; {
			case !ok:
				warn(RuleReplacedByMissing, "replaced_by", s.ReplacedBy, fmt.Sprintf("no dataset %q", truncate(s.ReplacedBy)))
			case gone:
				warn(RuleDeprecatedInUse, "replaced_by", s.ReplacedBy, fmt.Sprintf("dataset %q is itself deprecated", truncate(s.ReplacedBy)))
			}
		}
	}
	return found
}

// LintViewer warns about datasets that the public neuron viewer cannot show. A single dataset
// of a type that the viewer does not know leaves its home page blank.
func LintViewer(docs []registry.Document) Diagnostics {
	var found Diagnostics
	for _, doc := range docs {
		for i := range doc.Datasets {
			s := &doc.Datasets[i]
			field, fault := viewer.Fault(s.Key())
			if fault == "" {
				continue
			}
			found = append(found, Diagnostic{Severity: SeverityWarning, Rule: RuleViewerCannotShow, File: doc.Name, Line: s.Line, Column: 1,
				Field: field, Value: truncate(s.Key().String()), Message: fmt.Sprintf("the neuron viewer cannot show %v: %s", s.Key(), fault)})
		}
	}
	return found
}
