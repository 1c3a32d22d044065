package registry

import (
	"crypto/sha256"
	"encoding/binary"
	"iter"
	"slices"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
)

// A document is one version of the content of a document. It is immutable once a
// snapshot refers to it.
type document struct {
	origin  *origin
	records []*record
	lines   []int32 // of each record; nil if none is known
	blocks  []Hash  // of each block of blockSize records
	hash    Hash
	places  atomic.Pointer[positions] // of the records; nil until needed
}

// blockSize is the number of records that are hashed together. After a change of one
// dataset only its block and the hashes of all blocks are hashed again. The hashes of
// blocks take two bytes per dataset.
const blockSize = 16

func (d *document) name() string { return d.origin.document }

// list returns the records of d. D may be nil.
func (d *document) list() []*record {
	if d == nil {
		return nil
	}
	return d.records
}

// seal computes the hash of the name and content of d, without lines. It reuses hashes
// of blocks that are the same in the previous version, old.
func (d *document) seal(old *document, scratch []byte) []byte {
	was := old.list()
	d.blocks = make([]Hash, 0, (len(d.records)+blockSize-1)/blockSize)
	for block := range slices.Chunk(d.records, blockSize) {
		i := len(d.blocks)
		if from := i * blockSize; from < len(was) && slices.Equal(block, was[from:min(from+blockSize, len(was))]) {
			d.blocks = append(d.blocks, old.blocks[i])
			continue
		}
		scratch = scratch[:0]
		for _, r := range block {
			scratch = r.appendContent(scratch)
		}
		d.blocks = append(d.blocks, sha256.Sum256(scratch))
	}
	scratch = appendSized(scratch[:0], d.name())
	scratch = binary.AppendUvarint(scratch, uint64(len(d.records)))
	for i := range d.blocks {
		scratch = append(scratch, d.blocks[i][:]...)
	}
	d.hash = sha256.Sum256(scratch)
	return scratch
}

// line returns the line of the i-th record, or 0 if unknown.
func (d *document) line(i int) int {
	if d.lines == nil {
		return 0
	}
	return int(d.lines[i])
}

// position returns the position of the record with the key of r, which must exist. The
// first call for a version of a document hashes its keys, unless [builder.findPlaces] has
// done so.
func (d *document) position(r *record) int {
	places := d.places.Load()
	if places == nil {
		places = d.findPlaces() // several goroutines may store the same content
	}
	return places.of(r, d.records)
}

func (d *document) findPlaces() *positions {
	places := positionsOf(d.records)
	d.places.Store(&places)
	return &places
}

// replaced returns the records that only the version of a document before has, and
// those that only the version after has, each in order. A version may be nil. SameKeys reports
// whether both have the same keys, in the same order.
func replaced(before, after *document) (gone, come []*record, sameKeys bool) {
	was, is := before.list(), after.list()
	if len(was) == 0 || len(is) == 0 {
		return was, is, false
	}
	// Nearly all records have the same distance from the start or the end.
	for len(was) > 0 && len(is) > 0 && was[len(was)-1] == is[len(is)-1] {
		was, is = was[:len(was)-1], is[:len(is)-1]
	}
	kept := 0
	for i := range min(len(was), len(is)) {
		if was[i] == is[i] {
			kept++
		}
	}
	gone, come = make([]*record, 0, len(was)-kept), make([]*record, 0, len(is)-kept)
	for i, r := range was {
		if i >= len(is) || r != is[i] {
			gone = append(gone, r)
		}
	}
	for i, r := range is {
		if i >= len(was) || r != was[i] {
			come = append(come, r)
		}
	}
	if slices.EqualFunc(gone, come, func(r, q *record) bool { return r.hasKey(q.shortName(), *q.typ) }) {
		return gone, come, true // none has moved, as no version has a key twice
	}
	// The rest includes records that have only moved.
	left := make(map[*record]bool, len(gone))
	for _, r := range gone {
		left[r] = true
	}
	come = slices.DeleteFunc(come, func(r *record) bool {
		moved := left[r]
		delete(left, r)
		return moved
	})
	gone = slices.DeleteFunc(gone, func(r *record) bool { return !left[r] })
	return gone, come, false
}

// documents is the persistent list of all documents, ordered by name. Snapshots share
// the chunks that are the same. No chunk is empty.
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

// find returns the document with a name, or nil.
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

// A documentEdit replaces one version of a document by another. Either may be nil.
type documentEdit struct {
	name       string
	old, to    *document
	gone, come []entry  // the records that only one of them has
	entries    *[]entry // the memory of both, from entrySlices; nil if there are none
}

// keepsContent reports whether the versions differ in lines at most.
func (e *documentEdit) keepsContent() bool {
	return e.old == e.to || e.old != nil && e.to != nil && e.old.hash == e.to.hash
}

// entrySlices pools memory that a change needs only until the index has changed.
var entrySlices = sync.Pool{New: func() any { return new([]entry) }}

// findEntries sets gone and come.
func (e *documentEdit) findEntries() {
	if e.keepsContent() {
		return
	}
	gone, come, sameKeys := replaced(e.old, e.to)
	e.entries = entrySlices.Get().(*[]entry)
	*e.entries = appendEntries(appendEntries(slices.Grow(*e.entries, len(gone)+len(come)), gone), come)
	e.gone, e.come = (*e.entries)[:len(gone)], (*e.entries)[len(gone):]
	if !sameKeys { // otherwise the index has the names
		cloneNames(e.come)
	}
}

// release returns the memory of the entries to the pool.
func (e *documentEdit) release() {
	if e.entries == nil || cap(*e.entries) > maxReused {
		return
	}
	clear(*e.entries)
	*e.entries = (*e.entries)[:0]
	entrySlices.Put(e.entries)
}

// with returns the list after edits, which are ordered by name. It shares chunks without
// edits, except small ones beside an edit.
func (l *documents) with(edits []documentEdit) documents {
	var out documents
	joins := false // whether the last chunk of out may absorb the next one
	emit := func(c []*document, edited bool) {
		out.count += len(c)
		last := len(out.chunks) - 1
		if (edited || joins) && last >= 0 && len(out.chunks[last])+len(c) <= chunkLimit/2 {
			c, edited = slices.Concat(out.chunks[last], c), true
			out.chunks = out.chunks[:last]
		}
		joins = edited
		if len(c) <= chunkLimit {
			if len(c) > 0 {
				out.chunks = append(out.chunks, c)
			}
			return
		}
		// Cloned, since part of a slice would keep all of it in memory, including
		// documents that are removed later.
		for part := range slices.Chunk(c, min((len(c)+1)/2, chunkLimit)) {
			out.chunks = append(out.chunks, slices.Clone(part))
		}
	}
	for i, c := range l.chunks {
		n := len(edits)
		if i < len(l.chunks)-1 { // edits after the last chunk belong to it
			next := l.chunks[i+1][0].name()
			n = sort.Search(len(edits), func(i int) bool { return edits[i].name >= next })
		}
		if n == 0 {
			emit(c, false)
			continue
		}
		emit(merge(c, edits[:n]), true)
		edits = edits[n:]
	}
	if len(l.chunks) == 0 {
		emit(merge(nil, edits), true)
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
