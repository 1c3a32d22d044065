package registry

import (
	"cmp"
	"context"
	"encoding/binary"
	"iter"
	"math"
	"math/bits"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// A Registry holds the current [Snapshot] and applies changes to it. Readers and
// writers may use it from several goroutines; readers never wait.
type Registry struct {
	current atomic.Pointer[Snapshot] // what readers see; stored with mu held
	mu      sync.Mutex               // one Apply at a time
}

// New returns a registry that holds nothing yet.
func New() *Registry {
	r := new(Registry)
	r.current.Store(&Snapshot{superseded: make(chan struct{})})
	return r
}

// Snapshot returns the current state: one atomic load.
func (r *Registry) Snapshot() *Snapshot { return r.current.Load() }

// A Document is a named list of datasets, such as those of one file.
type Document struct {
	Name     string
	Datasets []Spec
}

// A Change states, per document, what is different now: the documents in Put hold
// just the datasets given, those named in Remove are gone. A document may be
// named once; removing one that is not there changes nothing.
type Change struct {
	Put    []Document
	Remove []string
}

// An Update is a step from one state of a registry to a later one.
type Update struct {
	Before, After *Snapshot
}

// Apply makes a change visible to readers, whole and at once, and returns the step
// that it was. A change that leaves every dataset as it was leaves the generation
// as it was too: Before and After are then one. If a document cannot be taken,
// nothing is changed and the error is a [*DocumentError].
//
// Where several documents define a key, readers get the one of the document whose
// name comes last.
//
// The cost grows with the change, not with what the registry holds.
func (r *Registry) Apply(c Change) (Update, error) {
	return r.ApplyIf(c, func(Update) error { return nil })
}

// ApplyIf is [Registry.Apply], but asks whether the step that the change is may be taken
// before readers see anything of it. If accept returns an error, nothing is changed and the
// error comes back. Other changes wait meanwhile: accept must make none.
func (r *Registry) ApplyIf(c Change, accept func(Update) error) (Update, error) {
	r.mu.Lock()
	defer r.mu.Unlock()

	before := r.Snapshot()
	edits, err := before.prepare(c)
	if err != nil {
		return Update{}, err
	}
	after := before.with(edits)
	update := Update{before, after}
	if after.superseded == before.superseded {
		update.Before = after
	}
	if err := accept(update); err != nil {
		return Update{}, err
	}
	// Nothing fails from here on.
	r.current.Store(after)
	if update.Before != after {
		close(before.superseded)
	}
	return update, nil
}

// Updates yields the step from the empty state to the current one at once, and
// then, until ctx is done, a step each time that the state is another. Each step
// begins where the one before it ended. A consumer that is slow skips states, but
// never the last; it keeps nobody waiting. There is nothing to close: end the loop
// or ctx.
func (r *Registry) Updates(ctx context.Context) iter.Seq[Update] {
	return func(yield func(Update) bool) {
		last := &Snapshot{}
		for ctx.Err() == nil {
			now := r.Snapshot()
			if !yield(Update{last, now}) {
				return
			}
			last = now
			select {
			case <-now.superseded:
			case <-ctx.Done():
			}
		}
	}
}

// prepare checks a change and builds the documents that it puts.
func (s *Snapshot) prepare(c Change) ([]documentEdit, error) {
	edits := make([]documentEdit, 0, len(c.Put)+len(c.Remove))
	b := builder{places: make(map[Key]int), scratch: make([]byte, 0, 4096)}
	for i := range c.Put {
		old := s.documents.find(c.Put[i].Name)
		doc, err := b.build(&c.Put[i], old)
		if err != nil {
			return nil, err
		}
		edits = append(edits, documentEdit{doc.name(), old, doc})
	}
	for _, name := range c.Remove {
		edits = append(edits, documentEdit{name, s.documents.find(name), nil})
	}
	slices.SortFunc(edits, func(a, b documentEdit) int { return cmp.Compare(a.name, b.name) })
	for i := range edits[:max(len(edits)-1, 0)] {
		if edits[i].name == edits[i+1].name {
			return nil, &DocumentError{Document: edits[i].name, Index: -1, Err: ErrDuplicate}
		}
	}
	return edits, nil
}

// A builder builds documents, and uses its room again from one to the next.
type builder struct {
	places  map[Key]int
	scratch []byte
}

// build returns the next version of a document, with every record of the old one,
// which may be nil, that is still the same: old itself, if all are, to the line.
func (b *builder) build(from *Document, old *document) (*document, error) {
	doc := &document{records: make([]*record, len(from.Datasets))}
	if old != nil {
		doc.origin = old.origin
	} else {
		doc.origin = &origin{strings.Clone(from.Name)}
	}
	was := old.list()
	clear(b.places)
	placed, aligned := 0, true
	for i := range from.Datasets {
		spec := &from.Datasets[i]
		fail := func(field string, err error) (*document, error) {
			return nil, &DocumentError{Document: from.Name, Index: i, Key: spec.Key(), Field: field, Err: err}
		}
		aligned = aligned && i < len(was) && was[i].hasKey(spec.ShortName, spec.DerivedScalarType)
		if aligned && was[i].says(spec) {
			doc.records[i] = was[i]
			continue
		}
		if field := spec.missing(); field != "" {
			return fail(field, ErrMissingField)
		}
		if uint64(len(spec.ShortName)+len(spec.UserVisibleName)) > math.MaxUint32 {
			return fail("user_visible_name", ErrTooLong)
		}
		if aligned {
			continue
		}
		// As long as every key stood where it stands, none was there twice.
		for ; placed <= i; placed++ {
			key := from.Datasets[placed].Key()
			if _, twice := b.places[key]; twice {
				return fail("", ErrDuplicate)
			}
			b.places[key] = placed
		}
	}
	if !aligned {
		for _, r := range was {
			if i, ok := b.places[r.key()]; ok && r.says(&from.Datasets[i]) {
				doc.records[i] = r
			}
		}
	}
	for i, r := range doc.records {
		if r == nil {
			doc.records[i] = newRecord(&from.Datasets[i], doc.origin)
		}
	}
	doc.lines = linesOf(from.Datasets)
	if old != nil && slices.Equal(doc.records, was) && slices.Equal(doc.lines, old.lines) {
		return old, nil
	}
	b.scratch = doc.seal(old, b.scratch)
	return doc, nil
}

// linesOf returns the line of each dataset; nil if none is known.
func linesOf(specs []Spec) []int32 {
	var lines []int32
	for i := range specs {
		if specs[i].Line == 0 {
			continue
		}
		if lines == nil {
			lines = make([]int32, len(specs))
		}
		lines[i] = int32(min(specs[i].Line, math.MaxInt32))
	}
	return lines
}

// with returns the state after edits: s itself if they change nothing. If they
// change lines only, it has the generation and the superseded channel of s.
func (s *Snapshot) with(edits []documentEdit) *Snapshot {
	next := *s
	e := indexEdit{index: s.index, id: s.generation + 1}
	changed := edits[:0]
	for _, edit := range edits {
		old, to := edit.old, edit.to
		if old == to {
			continue
		}
		changed = append(changed, edit)
		if old != nil && to != nil && old.hash == to.hash {
			continue
		}
		if old != nil {
			next.hash.subtract(old.hash)
		}
		if to != nil {
			next.hash.add(to.hash)
		}
		gone, come := replaced(old, to)
		next.withdraw(&e, gone)
		next.define(&e, come)
		next.generation = s.generation + 1
	}
	if len(changed) == 0 {
		return s
	}
	next.documents = s.documents.with(changed)
	next.index = e.index
	if next.generation != s.generation {
		next.superseded = make(chan struct{})
	}
	return &next
}

// withdraw takes records out of the index; what they hid is back.
func (s *Snapshot) withdraw(e *indexEdit, records []*record) {
	for _, r := range records {
		hash := r.hash()
		rest := e.lookup(hash, r.shortName(), r.typ).without(r.origin)
		if rest == nil {
			s.count--
			e.remove(hash, r)
			continue
		}
		s.hidden--
		e.put(hash, rest)
	}
}

// define puts records into the index, each over or under other definitions of its key.
func (s *Snapshot) define(e *indexEdit, records []*record) {
	for _, r := range records {
		hash := r.hash()
		top := e.lookup(hash, r.shortName(), r.typ)
		if top == nil {
			s.count++
			e.put(hash, r)
			continue
		}
		s.hidden++
		e.put(hash, top.over(r))
	}
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

// add and subtract make h the sum of the hashes of all documents, modulo 2 to the
// 256th, so that it costs the same to keep whatever the number of documents, and
// does not depend on the order in which they came. A document's name is part of
// its hash, so the order that readers see is too.
func (h *Hash) add(d Hash) {
	var carry uint64
	for i := 0; i < len(h); i += 8 {
		var sum uint64
		sum, carry = bits.Add64(binary.LittleEndian.Uint64(h[i:]), binary.LittleEndian.Uint64(d[i:]), carry)
		binary.LittleEndian.PutUint64(h[i:], sum)
	}
}

func (h *Hash) subtract(d Hash) {
	var borrow uint64
	for i := 0; i < len(h); i += 8 {
		var diff uint64
		diff, borrow = bits.Sub64(binary.LittleEndian.Uint64(h[i:]), binary.LittleEndian.Uint64(d[i:]), borrow)
		binary.LittleEndian.PutUint64(h[i:], diff)
	}
}
