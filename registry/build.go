package registry

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

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
