package release

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/source"
)

// A Catalog is a set of valid documents. It is immutable.
type Catalog struct {
	documents []document // sorted by name
	snapshot  *registry.Snapshot
}

// A document is valid.
type document struct {
	entry
	data  []byte
	specs []registry.Spec // nil once they are in a snapshot
}

// NewCatalog returns the catalog of documents, whose data it retains. If any of them is
// invalid, the error is an [*InvalidError].
func NewCatalog(documents []source.Document, opts ...config.Option) (*Catalog, error) {
	parsed := make([]document, len(documents))
	found := make([]config.Diagnostics, len(documents))
	eachCore(len(documents), func(i int) {
		parsed[i], found[i] = parse(documents[i], opts)
	})
	for _, d := range found {
		if d.Err() != nil {
			return nil, &InvalidError{slices.Concat(found...)}
		}
	}
	return newCatalog(parsed)
}

// parse reads a document.
func parse(d source.Document, opts []config.Option) (document, config.Diagnostics) {
	if d.Err != nil {
		return document{}, config.Diagnostics{config.UnreadableDiagnostic(d.Name, d.Err)}
	}
	if err := checkName(d.Name); err != nil {
		return document{}, config.Diagnostics{config.UnreadableDiagnostic(d.Name, err)}
	}
	specs, found := config.Parse(d.Name, d.Data, opts...)
	for i := range found {
		if found[i].Rule == config.RuleEmptyDocument { // a watcher rejects it if it had datasets before
			found[i].Severity = config.SeverityError
		}
	}
	return document{entry{d.Name, refOf(d.Data), len(specs)}, d.Data, specs}, found
}

// newCatalog returns the catalog of parsed documents.
func newCatalog(documents []document) (*Catalog, error) {
	if len(documents) > maxDocuments {
		return nil, fmt.Errorf("%d documents, at most %d: %w", len(documents), maxDocuments, ErrLimit)
	}
	slices.SortFunc(documents, func(a, b document) int { return strings.Compare(a.Name, b.Name) })
	var change registry.Change
	for i := range documents {
		change.Put = append(change.Put, registry.Document{Name: documents[i].Name, Datasets: documents[i].specs})
		documents[i].specs = nil
	}
	r := registry.New()
	if _, err := r.Apply(change); err != nil {
		return nil, err
	}
	return &Catalog{documents, r.Snapshot()}, nil
}

// hashOfDocument returns the hash of a snapshot that has a document alone.
func hashOfDocument(d *document) (registry.Hash, error) {
	r := registry.New()
	_, err := r.Apply(registry.Change{Put: []registry.Document{{Name: d.Name, Datasets: d.specs}}})
	return r.Snapshot().Hash(), err
}

// Snapshot returns the datasets of the documents.
func (c *Catalog) Snapshot() *registry.Snapshot { return c.snapshot }

// Documents yields the name and the content of each document, in order. The content must
// not be modified.
func (c *Catalog) Documents() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for _, d := range c.documents {
			if !yield(d.Name, d.data) {
				return
			}
		}
	}
}

// describe returns the record of the catalog without what depends on who publishes it, and
// all of its blobs: those of its documents, and then those of its manifest.
func (c *Catalog) describe() (*Release, []blob, error) {
	r := &Release{Format: format, Catalog: c.snapshot.Hash(), Documents: len(c.documents)}
	entries := make([]entry, len(c.documents))
	var blobs []blob
	seen := make(map[Hash]bool)
	for i, d := range c.documents {
		entries[i] = d.entry
		r.Datasets += d.Datasets
		r.Bytes += d.Size
		if !seen[d.Hash] {
			seen[d.Hash] = true
			blobs = append(blobs, blob{ref: d.ref, content: d.data})
		}
	}
	parts, err := newManifest(entries)
	if err != nil {
		return nil, nil, err
	}
	r.Manifest = parts[len(parts)-1].ref
	return r, append(blobs, parts...), nil
}
