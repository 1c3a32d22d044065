package registry

import "iter"

// A Place is where a dataset is defined.
type Place struct {
	Document string `json:"document"`
	Line     int    `json:"line,omitempty"` // from 1; 0 if unknown
}

// An Override is a definition that is hidden because a later document defines the
// same key. It is visible again once that definition is removed.
type Override struct {
	Key    Key   `json:"key"`
	Hidden Place `json:"hidden"`
	By     Place `json:"by"`
}

// Overrides yields every definition that is hidden, in order. It costs nothing
// where nothing is.
func (s *Snapshot) Overrides() iter.Seq[Override] {
	return func(yield func(Override) bool) {
		if s.hidden == 0 {
			return
		}
		for doc := range s.documents.all() {
			for i, r := range doc.records {
				if s.visible(r) {
					continue
				}
				if !yield(Override{r.key(), Place{doc.name(), doc.line(i)}, s.place(s.winner(r))}) {
					return
				}
			}
		}
	}
}

func (s *Snapshot) place(r *record) Place {
	doc := s.documents.find(r.origin.document)
	for i, q := range doc.records {
		if q.key() == r.key() {
			return Place{doc.name(), doc.line(i)}
		}
	}
	return Place{Document: doc.name()}
}

// without returns the definitions of a key from top down, less that of one
// document. Records are copied, never changed.
func (r *record) without(o *origin) *record {
	switch {
	case r == nil:
		return nil
	case r.origin == o:
		return r.under
	}
	return r.above(r.under.without(o))
}

// over returns the definitions of a key from r down, with q put where its document
// belongs.
func (r *record) over(q *record) *record {
	if r == nil || r.origin.document < q.origin.document {
		return q.above(r)
	}
	return r.above(r.under.over(q))
}

// above returns r as it lies over another definition.
func (r *record) above(under *record) *record {
	if r.under == under {
		return r
	}
	c := *r
	c.under = under
	return &c
}
