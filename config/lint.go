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
// dataset. The File of a diagnostic is the name of its document. Its position is that of the
// dataset; [Locate] finds that of the field. The diagnostics of each document are limited as
// [Diagnostics.Limit] describes. The order of docs does not matter.
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
				if d := found.addDataset(doc, i, shortNamePlace, RuleOverridesOther); d != nil {
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
				if d := found.addDataset(doc, i, replacedByPlace, RuleReplacedByMissing); d != nil {
					d.Value = truncate(s.ReplacedBy)
					d.Message = fmt.Sprintf("no dataset %q", d.Value)
				}
			case gone:
				if d := found.addDataset(doc, i, replacedByPlace, RuleDeprecatedInUse); d != nil {
					d.Value = truncate(s.ReplacedBy)
					d.Message = fmt.Sprintf("dataset %q is itself deprecated", d.Value)
				}
			}
		}
		all = append(all, found.diagnostics()...)
	}
	return all
}

// LintViewer warns about datasets that the public neuron viewer cannot show. A single dataset
// of a type that the viewer does not know leaves its home page blank. The diagnostics have the
// positions and limits of those of [Lint].
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
			if d := found.addDataset(doc, i, fieldByName[field].place, RuleViewerCannotShow); d != nil {
				d.Value = truncate(s.Key().String())
				d.Message = fmt.Sprintf("the neuron viewer cannot show %s: %s", keyText(s.Key()), fault)
			}
		}
		all = append(all, found.diagnostics()...)
	}
	return all
}

// addDataset adds a warning about a field of the i-th dataset of a document. See [findings.add].
func (f *findings) addDataset(doc registry.Document, i, field int, r Rule) *Diagnostic {
	d := f.add(noPosition, SeverityWarning, r)
	if d != nil {
		*d = DatasetDiagnostic(doc, i, fields[field].snake, SeverityWarning, r)
	}
	return d
}

// DatasetDiagnostic returns a diagnostic about a field of the i-th dataset of a document, such as
// "neuron_dataset_path", for the caller to complete. Its position is that of the dataset; [Locate]
// finds that of the field.
func DatasetDiagnostic(doc registry.Document, i int, field string, s Severity, r Rule) Diagnostic {
	d := Diagnostic{File: doc.Name, Severity: s, Field: field, Rule: r, dataset: i + 1}
	if line := doc.Datasets[i].Line; line > 0 {
		d.Line, d.Column = line, 1
	}
	return d
}

// Locate sets the position and the path of the field of each diagnostic that [Lint], [LintViewer]
// or [DatasetDiagnostic] returned about a document, whose content is data. It changes no other
// diagnostic. The extension of name selects the format, as for [Parse].
func Locate(name string, data []byte, found Diagnostics, opts ...Option) {
	about := make(map[int][]*Diagnostic) // by the number of the dataset
	for i := range found {
		if d := &found[i]; d.dataset > 0 {
			about[d.dataset] = append(about[d.dataset], d)
		}
	}
	type place struct {
		at int
		d  *Diagnostic
	}
	var places []place
	p := newParser(name, opts)
	p.visit = func(e *entry) {
		for _, d := range about[p.dataset] {
			if f := fieldByName[d.Field]; f != nil {
				var at int
				at, d.Field = e.placeOf(f)
				places = append(places, place{at, d})
			}
		}
	}
	p.contain(func() { p.read(data) })
	slices.SortFunc(places, func(a, b place) int { return cmp.Compare(a.at, b.at) })
	c := cursor{text: p.text, line: 1, column: 1}
	for _, l := range places {
		c.moveTo(l.at)
		l.d.Line, l.d.Column = c.line, c.column
	}
}
