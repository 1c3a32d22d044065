package config

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/registry/viewer"
)

// Lint returns what is to be said about documents together that cannot be said of one
// alone: datasets that override those of another document, and replaced_by where there
// is nothing to replace by. Names in the diagnostics are those of the documents.
func Lint(docs []registry.Document) Diagnostics {
	docs = slices.Clone(docs)
	slices.SortStableFunc(docs, func(a, b registry.Document) int { return cmp.Compare(a.Name, b.Name) })
	type definition struct {
		document string
		line     int
	}
	defined := make(map[registry.Key]definition)
	deprecated := make(map[string]bool) // short names: true if all their datasets are
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
				found = append(found, Diagnostic{Severity: SeverityWarning, Rule: r, File: doc.Name, Line: s.Line, Column: 1, Field: field, Value: cut(value), Message: message})
			}
			if other, ok := defined[s.Key()]; ok && other.document != doc.Name {
				warn(RuleOverridesOther, "", s.Key().String(), fmt.Sprintf("dataset %v overrides the one of %s:%d", s.Key(), other.document, other.line))
			}
			defined[s.Key()] = definition{doc.Name, s.Line}
			if s.ReplacedBy == "" {
				continue
			}
			switch gone, ok := deprecated[s.ReplacedBy]; {
			case !ok:
				warn(RuleReplacedByMissing, "replaced_by", s.ReplacedBy, fmt.Sprintf("dataset %v is replaced by %q, which there is not", s.Key(), cut(s.ReplacedBy)))
			case gone:
				warn(RuleDeprecatedInUse, "replaced_by", s.ReplacedBy, fmt.Sprintf("dataset %v is replaced by %q, which is deprecated itself", s.Key(), cut(s.ReplacedBy)))
			}
		}
	}
	return found
}

// LintViewer returns what the public neuron viewer cannot show: its home page goes blank
// on a single dataset of a type that it does not know.
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
				Field: field, Value: cut(s.Key().String()), Message: fmt.Sprintf("the neuron viewer cannot show %v: %s", s.Key(), fault)})
		}
	}
	return found
}
