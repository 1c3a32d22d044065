package registry

import (
	"cmp"
	"iter"
	"slices"
	"strings"
)

// The definitions of a key form a persistent binary search tree. A family, which has all
// types of a short name, is such a tree, too. It is ordered by type and then by document,
// the last document first, so the definition that readers get for a key is the first one
// of its type and hides the others. Nearly every tree is a single record.
//
// The tree is a treap: a heap by priorities that are hashes. Its shape depends only on
// its content, and its depth is logarithmic for any order of changes. A change copies
// the records on the path to the root.

// compareTypes orders types by length first, which is quicker than by text alone.
func compareTypes(a, b DerivedScalarType) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(string(a), string(b))
}

// compare orders records by type, then by document in reverse.
func (r *record) compare(typ DerivedScalarType, document string) int {
	if c := compareTypes(*r.typ, typ); c != 0 {
		return c
	}
	return strings.Compare(document, r.origin.document)
}

func (r *record) priority() uint64 { return hashPair(r.origin.document, *r.typ) }

// top returns the definition of a type that is nearest to the root of the tree r, or
// nil. It is the winner if the type has no other.
func (r *record) top(typ DerivedScalarType) *record {
	for r != nil {
		t := *r.typ
		if t == typ {
			return r
		}
		if compareTypes(t, typ) > 0 {
			r = r.left
		} else {
			r = r.right
		}
	}
	return nil
}

// winner returns the definition in the tree r that readers get for a type, or nil.
func (r *record) winner(typ DerivedScalarType) *record {
	first := r.top(typ)
	if first == nil {
		return nil
	}
	for before := first.left.top(typ); before != nil; before = before.left.top(typ) {
		first = before
	}
	return first
}

// find returns the definition in the tree r of a type in a document, or nil.
func (r *record) find(typ DerivedScalarType, document string) *record {
	for r != nil {
		switch c := r.compare(typ, document); {
		case c == 0:
			return r
		case c > 0:
			r = r.left
		default:
			r = r.right
		}
	}
	return nil
}

// insert returns the tree r with q, a record without children, added.
func (r *record) insert(q *record) *record {
	switch {
	case r == nil:
		return q
	case q.priority() > r.priority():
		before, after := r.split(q)
		return q.with(before, after)
	case r.compare(*q.typ, q.origin.document) > 0:
		return r.with(r.left.insert(q), r.right)
	default:
		return r.with(r.left, r.right.insert(q))
	}
}

// remove returns the tree r without the definition of a type in a document, which must
// exist.
func (r *record) remove(typ DerivedScalarType, document string) *record {
	switch c := r.compare(typ, document); {
	case c == 0:
		return join(r.left, r.right)
	case c > 0:
		return r.with(r.left.remove(typ, document), r.right)
	default:
		return r.with(r.left, r.right.remove(typ, document))
	}
}

// split returns the parts of the tree r before and after q.
func (r *record) split(q *record) (before, after *record) {
	if r == nil {
		return nil, nil
	}
	if r.compare(*q.typ, q.origin.document) > 0 {
		before, after = r.left.split(q)
		return before, r.with(after, r.right)
	}
	before, after = r.right.split(q)
	return r.with(r.left, before), after
}

// join returns the tree of two trees, of which all of r comes before all of q.
func join(r, q *record) *record {
	switch {
	case r == nil:
		return q
	case q == nil:
		return r
	case r.priority() > q.priority():
		return r.with(r.left, join(r.right, q))
	default:
		return q.with(join(r, q.left), q.right)
	}
}

// with returns r with the given children.
func (r *record) with(left, right *record) *record {
	if r.left == left && r.right == right {
		return r
	}
	c := *r
	c.left, c.right = left, right
	return &c
}

// each calls visit for every definition in the tree r, in order.
func (r *record) each(visit func(*record)) {
	if r == nil {
		return
	}
	r.left.each(visit)
	visit(r)
	r.right.each(visit)
}

// eachOf is like each, for the definitions of one type and while visit returns true.
func (r *record) eachOf(typ DerivedScalarType, visit func(*record) bool) bool {
	switch {
	case r == nil:
		return true
	case *r.typ == typ:
		return r.left.eachOf(typ, visit) && visit(r) && r.right.eachOf(typ, visit)
	case compareTypes(*r.typ, typ) > 0:
		return r.left.eachOf(typ, visit)
	default:
		return r.right.eachOf(typ, visit)
	}
}

// appendWinners appends the definitions in the tree r that readers get.
func (r *record) appendWinners(winners []*record) []*record {
	var last *record
	r.each(func(q *record) {
		if last == nil || *last.typ != *q.typ {
			winners = append(winners, q)
		}
		last = q
	})
	return winners
}

// definitions returns a tree that has all definitions of the key of r.
func (s *Snapshot) definitions(r *record) *record {
	_, root := s.index.definitions(r.shortName(), *r.typ)
	return root
}

// winner returns what readers get for the key of r, or nil.
func (s *Snapshot) winner(r *record) *record { return s.definitions(r).winner(*r.typ) }

// visible reports whether r, a record of s, is what readers get for its key.
func (s *Snapshot) visible(r *record) bool {
	return s.hidden == 0 || s.winner(r).origin == r.origin
}

// A Place is where a dataset is defined.
type Place struct {
	Document string `json:"document"`
	Line     int    `json:"line,omitempty"` // from 1; 0 if unknown
}

// An Override is a definition that is hidden because a later document defines the
// same key. It becomes visible again when that definition is removed.
type Override struct {
	Key    Key   `json:"key"`
	Hidden Place `json:"hidden"`
	By     Place `json:"by"`
}

// Overrides yields every hidden definition, in order of documents and lines. It
// costs nothing if there are none.
func (s *Snapshot) Overrides() iter.Seq[Override] {
	return func(yield func(Override) bool) {
		if s.hidden == 0 {
			return
		}
		for doc := range s.documents.all() {
			for i, r := range doc.records {
				winner := s.winner(r)
				if winner.origin == r.origin {
					continue
				}
				if !yield(Override{r.key(), Place{doc.name(), doc.line(i)}, s.place(winner)}) {
					return
				}
			}
		}
	}
}

func (s *Snapshot) place(r *record) Place {
	doc := s.documents.find(r.origin.document)
	return Place{doc.name(), doc.line(doc.position(r))}
}

// Overrides yields every definition that is hidden after the update by a document that
// did not hide it before, in no particular order. Like Diff, it compares only
// documents that differ.
func (u Update) Overrides() iter.Seq[Override] {
	return func(yield func(Override) bool) {
		seen := make(map[Key]bool)
		for before, after := range pairs(&u.Before.documents, &u.After.documents) {
			gone, come, _ := replaced(before, after)
			for _, r := range slices.Concat(gone, come) {
				now := u.After.definitions(r)
				top := now.winner(*r.typ)
				if top == nil || seen[r.key()] {
					continue
				}
				seen[r.key()] = true
				was := u.Before.definitions(r)
				oldTop := was.winner(*r.typ)
				// Documents are compared by name: one that was removed and added again
				// has another origin.
				sameTop := oldTop != nil && *oldTop.origin == *top.origin
				more := now.eachOf(*r.typ, func(q *record) bool {
					if q == top || sameTop && was.find(*q.typ, q.origin.document) != nil {
						return true
					}
					return yield(Override{r.key(), u.After.place(q), u.After.place(top)})
				})
				if !more {
					return
				}
			}
		}
	}
}

// sortByPlace sorts items into the order of [Snapshot.All] by the records of s that
// they belong to. It needs positions only in documents that have several of them.
func sortByPlace[T any](s *Snapshot, items []T, recordOf func(T) *record) {
	documentOf := func(item T) string { return recordOf(item).origin.document }
	slices.SortFunc(items, func(a, b T) int { return strings.Compare(documentOf(a), documentOf(b)) })
	for len(items) > 0 {
		name, n := documentOf(items[0]), 1
		for n < len(items) && documentOf(items[n]) == name {
			n++
		}
		if n > 1 {
			sortByPosition(s.documents.find(name), items[:n], recordOf)
		}
		items = items[n:]
	}
}

func sortByPosition[T any](d *document, items []T, recordOf func(T) *record) {
	type placed struct {
		position int
		item     T
	}
	all := make([]placed, len(items))
	for i, item := range items {
		all[i] = placed{d.position(recordOf(item)), item}
	}
	slices.SortFunc(all, func(a, b placed) int { return cmp.Compare(a.position, b.position) })
	for i := range all {
		items[i] = all[i].item
	}
}
