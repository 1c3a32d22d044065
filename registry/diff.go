package registry

import (
	"fmt"
	"iter"
)

// A Diff says what is different between two snapshots, for readers: a definition
// that is hidden in both does not count. Each list is in the order of
// [Snapshot.All]; that of Removed in the order of the snapshot before.
type Diff struct {
	Added   []Dataset
	Updated []Changed
	Removed []Dataset
}

// A Changed is a dataset that says something else than before.
type Changed struct {
	Before, After Dataset
}

// IsEmpty reports whether nothing is different.
func (d Diff) IsEmpty() bool { return len(d.Added) == 0 && len(d.Updated) == 0 && len(d.Removed) == 0 }

// String counts what is different, as in "1 added, 0 updated, 2 removed".
func (d Diff) String() string {
	return fmt.Sprintf("%d added, %d updated, %d removed", len(d.Added), len(d.Updated), len(d.Removed))
}

// Diff returns what is different after the update. It looks only at documents that
// are not the same in both, and in them only at datasets that are not.
func (u Update) Diff() Diff {
	var gone, come []*record
	if u.Before != u.After {
		for before, after := range pairs(&u.Before.documents, &u.After.documents) {
			g, c := replaced(before, after)
			gone, come = append(gone, g...), append(come, c...)
		}
	}
	// What readers get for a key is another definition only if that came, or if the
	// one that hid it went. So each key counts at one record at most.
	var diff Diff
	for _, r := range come {
		b, a := u.Before.winner(r), u.After.winner(r)
		switch {
		case a.origin != r.origin:
		case b == nil:
			diff.Added = append(diff.Added, Dataset{a})
		case !a.equal(b) && !u.Before.hides(b, a):
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
		case !a.equal(b) && u.Before.hides(b, a): // which stands elsewhere, so the order is lost
			diff.Updated = append(diff.Updated, Changed{Dataset{b}, Dataset{a}})
		}
	}
	if len(diff.Updated) > inOrder {
		sortByPlace(u.After, diff.Updated, func(c Changed) *record { return c.After.r })
	}
	return diff
}

// hides reports whether s has, hidden by the winner, the definition q of the same key.
func (s *Snapshot) hides(winner, q *record) bool {
	r := s.definitions(q).find(*q.typ, q.origin.document)
	return r != nil && r.origin == q.origin && r.origin != winner.origin && r.equal(q)
}

// pairs yields, for each name at which two lists differ, the document of each; nil
// for none. Chunks that the lists share are passed over whole.
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
			case db == da: // most often, and then their names need not be read
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

// atSharedChunk reports whether both cursors stand at the beginning of one and the
// same chunk.
func (c *cursor) atSharedChunk(d *cursor) bool {
	return c.i == 0 && d.i == 0 && c.chunk < len(c.list.chunks) && d.chunk < len(d.list.chunks) &&
		&c.list.chunks[c.chunk][0] == &d.list.chunks[d.chunk][0]
}
