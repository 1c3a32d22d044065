package registry

import (
	"iter"
	"strings"
)

// A Snapshot is an immutable state of a [Registry]. Its methods are safe for use by
// several goroutines and take no locks. Take one snapshot per request and answer the
// whole request from it.
type Snapshot struct {
	generation uint64
	hash       Hash
	index      index
	documents  documents
	count      int           // datasets that readers see
	hidden     int           // definitions that a later document overrides
	superseded chan struct{} // closed when a later generation replaces this one
}

// Generation returns the number of changes of this registry up to this state. It says
// nothing about other registries or processes: use [Snapshot.Hash] to compare with them.
func (s *Snapshot) Generation() uint64 { return s.generation }

// Hash returns the hash of the content, which is the same on every machine.
func (s *Snapshot) Hash() Hash { return s.hash }

// Len returns the number of datasets.
func (s *Snapshot) Len() int { return s.count }

// Lookup returns the dataset with a key, and whether it exists. It does not allocate.
func (s *Snapshot) Lookup(shortName string, t DerivedScalarType) (Dataset, bool) {
	r := s.index.lookup(hashKey(hashString(shortName), t), shortName)
	switch {
	case r == nil && s.index.families == 0:
		return Dataset{}, false
	case r == nil || *r.typ != t || r.left != nil: // a family, or several definitions
		_, root := s.index.definitions(shortName, t)
		r = root.winner(t)
	}
	return Dataset{r}, r != nil
}

// Get is like [Snapshot.Lookup], but returns a [*NotFoundError], which lists the
// available datasets, if the dataset does not exist.
func (s *Snapshot) Get(shortName string, t DerivedScalarType) (Dataset, error) {
	d, ok := s.Lookup(shortName, t)
	if !ok {
		return Dataset{}, &NotFoundError{Key: Key{shortName, t}, Snapshot: s}
	}
	return d, nil
}

// Resolve returns the path of a dataset. A string that starts with "https://" is
// returned as it is. Any other string is a short name to look up; if no dataset has it,
// the error is a [*NotFoundError].
func (s *Snapshot) Resolve(dataset string, t DerivedScalarType) (string, error) {
	if strings.HasPrefix(dataset, "https://") {
		return dataset, nil
	}
	d, err := s.Get(dataset, t)
	return d.NeuronDatasetPath(), err
}

// ShortNameOf returns the short name of the first dataset with the given path, and
// whether there is one. It ignores a trailing slash. The search is linear.
func (s *Snapshot) ShortNameOf(path string) (string, bool) {
	path = strings.TrimSuffix(path, "/")
	for d := range s.All() {
		if strings.TrimSuffix(d.r.path(), "/") == path {
			return d.r.shortName(), true
		}
	}
	return "", false
}

// All yields every dataset, in order of documents by name and then of position in the
// document.
func (s *Snapshot) All() iter.Seq[Dataset] {
	return func(yield func(Dataset) bool) {
		for doc := range s.documents.all() {
			for _, r := range doc.records {
				if !s.visible(r) {
					continue
				}
				if !yield(Dataset{r}) {
					return
				}
			}
		}
	}
}

// Named yields every dataset of a short name, in the order of [Snapshot.All]. The cost
// depends on the number of definitions of that short name, and hardly on the size of
// the catalog or of any document.
func (s *Snapshot) Named(shortName string) iter.Seq[Dataset] {
	return func(yield func(Dataset) bool) {
		var winners []*record
		for _, root := range s.index.named(shortName) {
			winners = root.appendWinners(winners)
		}
		sortByPlace(s, winners, func(r *record) *record { return r })
		for _, r := range winners {
			if !yield(Dataset{r}) {
				return
			}
		}
	}
}

// Keys yields the key of every dataset, in the order of [Snapshot.All].
func (s *Snapshot) Keys() iter.Seq[Key] {
	return func(yield func(Key) bool) {
		for d := range s.All() {
			if !yield(d.Key()) {
				return
			}
		}
	}
}

// Documents yields the name of every document, in order, and the number of datasets
// that it defines.
func (s *Snapshot) Documents() iter.Seq2[string, int] {
	return func(yield func(string, int) bool) {
		for doc := range s.documents.all() {
			if !yield(doc.name(), len(doc.records)) {
				return
			}
		}
	}
}

// DocumentLen returns the number of datasets that a document defines, and whether the
// document exists.
func (s *Snapshot) DocumentLen(name string) (int, bool) {
	doc := s.documents.find(name)
	if doc == nil {
		return 0, false
	}
	return len(doc.records), true
}
