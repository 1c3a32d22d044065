package watcher

import (
	"crypto/sha256"
	"errors"
	"runtime"
	"slices"
	"sync"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/internal/parallel"
	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/source"
)

// A parsed is what a document holds.
type parsed struct {
	sum         [sha256.Size]byte // of its content, or of the reason why it has none
	isSame      bool              // as the last time: the rest is not set
	notDocument bool              // see source.ErrNotDocument
	datasets    []registry.Spec
	diagnostics config.Diagnostics
}

// parse parses documents, on all cores, except for those that have the same content as
// before.
func (w *Watcher) parse(docs []source.Document) []parsed {
	out, snapshot := make([]parsed, len(docs)), w.registry.Snapshot()
	parallel.For(len(docs), runtime.GOMAXPROCS(0), func(i int) {
		doc, p := &docs[i], &out[i]
		if doc.Err != nil {
			p.sum = sha256.Sum256([]byte(doc.Err.Error()))
		} else {
			p.sum = sha256.Sum256(doc.Data)
		}
		known := w.documents[doc.Name]
		switch {
		case known != nil && known.sum == p.sum:
			p.isSame = true
		case doc.Err != nil:
			p.diagnostics, p.notDocument = config.Diagnostics{unreadable(doc)}, errors.Is(doc.Err, source.ErrNotDocument)
		default:
			p.datasets, p.diagnostics = config.AppendParse(newSpecs(), doc.Name, doc.Data, w.options.parsing...)
			if isEmpty(p.diagnostics) && hasDatasets(snapshot, doc.Name) {
				p.diagnostics = config.Diagnostics{emptied(doc.Name)}
			}
		}
		doc.Data = nil // it may be large, and is not needed any more
	})
	return out
}

// specs pools the memory that documents are parsed into.
var specs sync.Pool

// maxReused bounds the datasets whose memory one change leaves for the next.
const maxReused = 4096

// newSpecs returns an empty slice, which may have capacity.
func newSpecs() []registry.Spec {
	if s, ok := specs.Get().(*[]registry.Spec); ok {
		return *s
	}
	return nil
}

// release makes the memory of documents that are no longer needed available to newSpecs.
func release(docs []registry.Document) {
	left := maxReused
	for _, doc := range docs {
		if left -= cap(doc.Datasets); left < 0 {
			return
		}
		clear(doc.Datasets)
		s := doc.Datasets[:0]
		specs.Put(&s)
	}
}

func unreadable(doc *source.Document) config.Diagnostic {
	d := config.UnreadableDiagnostic(doc.Name, doc.Err)
	switch {
	case errors.Is(doc.Err, source.ErrTooLarge):
		d.Rule, d.Message = config.RuleTooLarge, doc.Err.Error()
	case errors.Is(doc.Err, source.ErrNotDocument):
		d = config.UnlistedDiagnostic(doc.Name, doc.Err)
	}
	return d
}

// isEmpty reports whether a document has no datasets and does not say so by an empty list.
func isEmpty(found config.Diagnostics) bool {
	return slices.ContainsFunc(found, func(d config.Diagnostic) bool { return d.Rule == config.RuleEmptyDocument })
}

// emptied returns the diagnostic of a document that had datasets and is empty now. Far more
// often than not it is partly written.
func emptied(name string) config.Diagnostic {
	return config.Diagnostic{Severity: config.SeverityError, Rule: config.RuleEmptyDocument, File: name,
		Message: "is empty, but had datasets; to remove them, delete it or write an empty list"}
}
