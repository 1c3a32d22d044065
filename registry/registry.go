package registry

import (
	"cmp"
	"context"
	"encoding/binary"
	"iter"
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
	var scratch []byte
	for i := range c.Put {
		doc, err := newDocument(&c.Put[i], s.documents.find(c.Put[i].Name))
		if err != nil {
			return nil, err
		}
		scratch = doc.seal(scratch)
		edits = append(edits, documentEdit{doc.name(), doc})
	}
	for _, name := range c.Remove {
		edits = append(edits, documentEdit{name, nil})
	}
	slices.SortFunc(edits, func(a, b documentEdit) int { return cmp.Compare(a.name, b.name) })
	for i := range edits[:max(len(edits)-1, 0)] {
		if edits[i].name == edits[i+1].name {
			return nil, &DocumentError{Document: edits[i].name, Index: -1, Err: ErrDuplicate}
		}
	}
	return edits, nil
}

// newDocument builds the next version of a document, carrying over every record of
// the old one, which may be nil, that is still the same.
func newDocument(from *Document, old *document) (*document, error) {
	doc := &document{records: make([]*record, len(from.Datasets))}
	if old != nil {
		doc.origin = old.origin
	} else {
		doc.origin = &origin{from.Name}
	}
	places := make(map[Key]int, len(from.Datasets))
	for i := range from.Datasets {
		spec := &from.Datasets[i]
		fail := func(field string, err error) (*document, error) {
			return nil, &DocumentError{Document: from.Name, Index: i, Key: spec.Key(), Field: field, Err: err}
		}
		for _, f := range [...]struct{ name, value string }{
			{"short_name", spec.ShortName},
			{"derived_scalar_type", string(spec.DerivedScalarType)},
			{"user_visible_name", spec.UserVisibleName},
			{"neuron_dataset_path", spec.NeuronDatasetPath},
		} {
			if strings.TrimSpace(f.value) == "" {
				return fail(f.name, ErrMissingField)
			}
		}
		if _, twice := places[spec.Key()]; twice {
			return fail("", ErrDuplicate)
		}
		places[spec.Key()] = i
		doc.records[i] = newRecord(spec, doc.origin)
		if spec.Line != 0 && doc.lines == nil {
			doc.lines = make([]int, len(from.Datasets))
		}
		if doc.lines != nil {
			doc.lines[i] = spec.Line
		}
	}
	if old != nil {
		for _, r := range old.records {
			if i, ok := places[r.key()]; ok && doc.records[i].equal(r) {
				doc.records[i] = r
			}
		}
	}
	return doc, nil
}

// with returns the state after edits: s itself if they change nothing. If they
// change lines only, it has the generation and the superseded channel of s.
func (s *Snapshot) with(edits []documentEdit) *Snapshot {
	next := *s
	e := indexEdit{index: s.index, id: s.generation + 1}
	changed := edits[:0]
	for _, edit := range edits {
		old := s.documents.find(edit.name)
		if old.same(edit.to) {
			continue
		}
		changed = append(changed, edit)
		if old != nil && edit.to != nil && old.hash == edit.to.hash {
			continue
		}
		if old != nil {
			next.hash.subtract(old.hash)
			next.withdraw(&e, old, edit.to)
		}
		if edit.to != nil {
			next.hash.add(edit.to.hash)
			next.define(&e, edit.to, old)
		}
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

// withdraw takes from the index what old defines and to, its next version or nil,
// has not carried over.
func (s *Snapshot) withdraw(e *indexEdit, old, to *document) {
	kept := carried(old, to)
	for _, r := range old.records {
		if kept[r] {
			continue
		}
		top := e.lookup(r.hash, r.shortName, r.typ)
		rest := top.without(r.origin)
		if rest == nil {
			s.count--
			e.remove(r)
			continue
		}
		s.hidden--
		e.put(rest)
	}
}

// define puts into the index what doc defines and has not carried over from old.
func (s *Snapshot) define(e *indexEdit, doc, old *document) {
	kept := carried(old, doc)
	for _, r := range doc.records {
		if kept[r] {
			continue
		}
		top := e.lookup(r.hash, r.shortName, r.typ)
		if top == nil {
			s.count++
			e.put(r)
			continue
		}
		s.hidden++
		e.put(top.over(r))
	}
}

// carried returns the records that are in both versions of a document.
func carried(old, to *document) map[*record]bool {
	if old == nil || to == nil {
		return nil
	}
	was := make(map[*record]bool, len(old.records))
	for _, r := range old.records {
		was[r] = true
	}
	kept := make(map[*record]bool, len(old.records))
	for _, r := range to.records {
		if was[r] {
			kept[r] = true
		}
	}
	return kept
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
func (h *Hash) add(d [32]byte) {
	var carry uint64
	for i := 0; i < len(h); i += 8 {
		var sum uint64
		sum, carry = bits.Add64(binary.LittleEndian.Uint64(h[i:]), binary.LittleEndian.Uint64(d[i:]), carry)
		binary.LittleEndian.PutUint64(h[i:], sum)
	}
}

func (h *Hash) subtract(d [32]byte) {
	var borrow uint64
	for i := 0; i < len(h); i += 8 {
		var diff uint64
		diff, borrow = bits.Sub64(binary.LittleEndian.Uint64(h[i:]), binary.LittleEndian.Uint64(d[i:]), borrow)
		binary.LittleEndian.PutUint64(h[i:], diff)
	}
}
