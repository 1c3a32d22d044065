package registry

import "fmt"

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
// are not the same in both.
func (u Update) Diff() Diff {
	var diff Diff
	if u.Before == u.After {
		return diff
	}
	var before, after []*document // the ones that differ, by name
	for pair := range pairs(&u.Before.documents, &u.After.documents) {
		if pair[0] != nil {
			before = append(before, pair[0])
		}
		if pair[1] != nil {
			after = append(after, pair[1])
		}
	}
	// A key can differ only if a definition of it does, and each such definition is
	// in a document that differs. A hidden one may also come to light from a
	// document that does not; it is then met at the one that hid it.
	seen := make(map[Key]bool)
	look := func(key Key, hash uint64) {
		if seen[key] {
			return
		}
		seen[key] = true
		b := u.Before.index.lookup(hash, key.ShortName, key.DerivedScalarType)
		a := u.After.index.lookup(hash, key.ShortName, key.DerivedScalarType)
		switch {
		case a == nil && b == nil:
		case b == nil:
			diff.Added = append(diff.Added, Dataset{a})
		case a == nil:
			diff.Removed = append(diff.Removed, Dataset{b})
		case !a.equal(b):
			diff.Updated = append(diff.Updated, Changed{Dataset{b}, Dataset{a}})
		}
	}
	for _, docs := range [][]*document{after, before} {
		for _, doc := range docs {
			for _, r := range doc.records {
				look(r.key(), r.hash)
			}
		}
	}
	return diff
}

// pairs yields, for each name at which two lists differ, the document of each; nil
// for none. Chunks that the lists share are passed over whole.
func pairs(before, after *documents) func(func([2]*document) bool) {
	return func(yield func([2]*document) bool) {
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
			if db != da && !yield([2]*document{db, da}) {
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
