package registry

import (
	"fmt"
	"iter"
)

// A Diff is the difference between two snapshots as readers see them: definitions that
// are hidden in both are ignored. Each list is in the order of [Snapshot.All], Removed in
// that of the earlier snapshot.
type Diff struct {
	Added   []Dataset
	Updated []Changed
	Removed []Dataset
}

// A Changed is a dataset with a new content.
type Changed struct {
	Before, After Dataset
}

// IsEmpty reports whether there is no difference.
func (d Diff) IsEmpty() bool { return len(d.Added) == 0 && len(d.Updated) == 0 && len(d.Removed) == 0 }

// String returns the length of each list, as in "1 added, 0 updated, 2 removed".
func (d Diff) String() string {
	return fmt.Sprintf("%d added, %d updated, %d removed", len(d.Added), len(d.Updated), len(d.Removed))
}

// Diff returns the difference between the two snapshots. It compares only documents that
// differ, and in them only datasets that differ.
func (u Update) Diff() Diff {
	var gone, come []*record
	if u.Before != u.After {
		for before, after := range pairs(&u.Before.documents, &u.After.documents) {
			g, c, _ := replaced(before, after)
			gone, come = append(gone, g...), append(come, c...)
		}
	}
	// Readers get another definition of a key only if it is new or if the one that hid it
	// is gone. So each key counts for at most one record.
	var diff Diff
	for _, r := range come {
		b, a := u.Before.winner(r), u.After.winner(r)
		switch {
		case a.origin != r.origin:
		case b == nil:
			diff.Added = append(diff.Added, Dataset{a})
		case !a.equal(b) && !u.Before.has(a):
			diff.Updated = append(diff.Updated, Changed{Dataset{b}, Dataset{a}})
		}
	}
	inOrder := len(diff.Updated)
	for _, r := range gone {
		b, a := u.Before.winner(r), u.After.winner(r)
		switch {
		case b.origin != r.origin:
		case a == nil:
			diff.Removed = append(diff.Removed, Dataset{b})
		case !a.equal(b) && u.Before.has(a): // in another document, so out of order
			diff.Updated = append(diff.Updated, Changed{Dataset{b}, Dataset{a}})
		}
	}
	if len(diff.Updated) > inOrder {
		sortByPlace(u.After, diff.Updated, func(c Changed) *record { return c.After.r })
	}
	return diff
}

// has reports whether s has the definition q, visible or hidden.
func (s *Snapshot) has(q *record) bool {
	r := s.definitions(q).find(*q.typ, q.origin.document)
	return r != nil && r.origin == q.origin && r.equal(q)
}

// pairs yields the documents of each name that differ between two lists, nil for a
// document that does not exist. It skips chunks that the lists share.
func pairs(before, after *documents) iter.Seq2[*document, *document] {
	return func(yield func(before, after *document) bool) {
		b, a := cursor{list: before}, cursor{list: after}
		for {
			if b.atSharedChunk(&a) {
				b.chunk, a.chunk = b.chunk+1, a.chunk+1
				continue
			}
			db, da := b.get(), a.get()
			switch {
			case db == nil && da == nil:
				return
			case db == da: // the usual case, which need not read the names
				b.next()
				a.next()
				continue
			case da == nil || db != nil && db.name() < da.name():
				b.next()
				da = nil
			case db == nil || da.name() < db.name():
				a.next()
				db = nil
			default:
				b.next()
				a.next()
			}
			if !yield(db, da) {
				return
			}
		}
	}
}

// A cursor is a position in a list of documents.
type cursor struct {
	list     *documents
	chunk, i int
}

func (c *cursor) get() *document {
	if c.chunk == len(c.list.chunks) {
		return nil
	}
	return c.list.chunks[c.chunk][c.i]
}

func (c *cursor) next() {
	if c.i++; c.i == len(c.list.chunks[c.chunk]) {
		c.chunk, c.i = c.chunk+1, 0
	}
}

// atSharedChunk reports whether both cursors are at the beginning of the same chunk.
func (c *cursor) atSharedChunk(d *cursor) bool {
	return c.i == 0 && d.i == 0 && c.chunk < len(c.list.chunks) && d.chunk < len(d.list.chunks) &&
		&c.list.chunks[c.chunk][0] == &d.list.chunks[d.chunk][0]
}
