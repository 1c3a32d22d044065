package registry

import (
	"crypto/sha256"
	"iter"
	"slices"
	"sort"
	"strings"
)

// A document is one version of what a named document defines. It does not change
// once a snapshot holds it.
type document struct {
	origin  *origin
	records []*record
	lines   []int // of each record; nil where none is known
	hash    [sha256.Size]byte
}

func (d *document) name() string { return d.origin.document }

// seal computes the hash of d's name and content; lines are no part of it.
func (d *document) seal(scratch []byte) []byte {
	b := appendSized(scratch[:0], d.name())
	for _, r := range d.records {
		b = r.appendContent(b)
	}
	d.hash = sha256.Sum256(b)
	return b
}

// same reports whether d and e, which may be nil, are the same to the line.
func (d *document) same(e *document) bool {
	if d == nil || e == nil {
		return d == e
	}
	return d.hash == e.hash && slices.Equal(d.lines, e.lines)
}

// line returns the line of the i-th record, 0 if it is not known.
func (d *document) line(i int) int {
	if d.lines == nil {
		return 0
	}
	return d.lines[i]
}

// documents is the persistent list of all documents, ordered by name, in chunks
// that are shared between one snapshot and the next. No chunk is empty.
type documents struct {
	chunks [][]*document
	count  int
}

const chunkLimit = 256

func (l *documents) all() iter.Seq[*document] {
	return func(yield func(*document) bool) {
		for _, c := range l.chunks {
			for _, d := range c {
				if !yield(d) {
					return
				}
			}
		}
	}
}

// find returns the document of a name, nil if there is none.
func (l *documents) find(name string) *document {
	c := sort.Search(len(l.chunks), func(i int) bool { return l.chunks[i][len(l.chunks[i])-1].name() >= name })
	if c == len(l.chunks) {
		return nil
	}
	i, found := slices.BinarySearchFunc(l.chunks[c], name, compareName)
	if !found {
		return nil
	}
	return l.chunks[c][i]
}

func compareName(d *document, name string) int { return strings.Compare(d.name(), name) }

// A documentEdit sets the document of a name; to nil, to remove it.
type documentEdit struct {
	name string
	to   *document
}

// with returns the list with edits, ordered by name, applied. Chunks that no edit
// falls into are shared.
func (l *documents) with(edits []documentEdit) documents {
	var out documents
	emit := func(c []*document) {
		out.count += len(c)
		for len(c) > chunkLimit {
			half := min(len(c)/2, chunkLimit)
			out.chunks, c = append(out.chunks, c[:half:half]), c[half:]
		}
		if len(c) > 0 {
			out.chunks = append(out.chunks, c)
		}
	}
	for i, c := range l.chunks {
		n := len(edits)
		if i < len(l.chunks)-1 { // the last chunk takes all that comes after it, too
			next := l.chunks[i+1][0].name()
			n = sort.Search(len(edits), func(i int) bool { return edits[i].name >= next })
		}
		if n == 0 {
			out.count += len(c)
			out.chunks = append(out.chunks, c)
			continue
		}
		emit(merge(c, edits[:n]))
		edits = edits[n:]
	}
	if len(l.chunks) == 0 {
		emit(merge(nil, edits))
	}
	return out
}

func merge(c []*document, edits []documentEdit) []*document {
	merged := make([]*document, 0, len(c)+len(edits))
	for _, e := range edits {
		i, found := slices.BinarySearchFunc(c, e.name, compareName)
		merged = append(merged, c[:i]...)
		if found {
			i++
		}
		c = c[i:]
		if e.to != nil {
			merged = append(merged, e.to)
		}
	}
	return append(merged, c...)
}
