package registry

import (
	"cmp"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unique"
)

// prepare validates a change and builds its documents.
func (s *Snapshot) prepare(c Change) ([]documentEdit, error) {
	edits, err := s.buildAll(c.Put)
	if err != nil {
		return nil, err
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

// perBuilder is the least number of datasets that are worth another goroutine.
const perBuilder = 2_000

// buildAll builds documents, on several cores if there are many datasets. The error is that
// of the first document that has one.
func (s *Snapshot) buildAll(documents []Document) ([]documentEdit, error) {
	total := 0
	for i := range documents {
		total += len(documents[i].Datasets)
	}
	edits, errs := make([]documentEdit, len(documents)), make([]error, len(documents))
	var next atomic.Int64
	build := func() {
		b := builder{scratch: make([]byte, 0, 4096)}
		for i := int(next.Add(1)) - 1; i < len(documents); i = int(next.Add(1)) - 1 {
			old := s.documents.find(documents[i].Name)
			var to *document
			if to, errs[i] = b.build(&documents[i], old); errs[i] == nil {
				edits[i] = documentEdit{to.name(), old, to}
			}
		}
	}
	var others sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(documents), total/perBuilder) - 1 {
		others.Go(build)
	}
	build()
	others.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return edits, nil
}

// A builder builds documents. It reuses its memory from one to the next.
type builder struct {
	byName  map[string]int                           // first position of each short name
	byKey   map[Key]int                              // position of each key whose short name repeats
	types   map[DerivedScalarType]*DerivedScalarType // unknown types, shared
	scratch []byte
}

// maxReused bounds the maps that are reused: clearing a large one for each of many small
// documents would be slow.
const maxReused = 10_000

// shareType returns a pointer to t, with the text of the constant if t is known. A
// comparison with the constant then does not read the text.
func (b *builder) shareType(t DerivedScalarType) *DerivedScalarType {
	if info, ok := infoByType[t]; ok {
		return &info.value
	}
	if shared, ok := b.types[t]; ok {
		return shared
	}
	if b.types == nil {
		b.types = make(map[DerivedScalarType]*DerivedScalarType)
	}
	shared := unique.Make(t).Value() // not t, which would then always escape
	b.types[shared] = &shared
	return &shared
}

// place notes the position of a dataset and reports whether its key is new.
func (b *builder) place(specs []Spec, position int) bool {
	if b.byName == nil { // not needed if every key is where it was
		b.byName, b.byKey = make(map[string]int, len(specs)), make(map[Key]int)
	}
	s := &specs[position]
	first, repeats := b.byName[s.ShortName]
	if !repeats {
		b.byName[s.ShortName] = position
		return true
	}
	b.byKey[specs[first].Key()] = first
	_, twice := b.byKey[s.Key()]
	b.byKey[s.Key()] = position
	return !twice
}

// find returns the position of a key.
func (b *builder) find(specs []Spec, k Key) (position int, ok bool) {
	if first, ok := b.byName[k.ShortName]; ok && specs[first].DerivedScalarType == k.DerivedScalarType {
		return first, true
	}
	position, ok = b.byKey[k]
	return position, ok
}

// build returns the next version of a document. It keeps every record of the old one,
// which may be nil, that is unchanged, and returns old itself if nothing changed,
// lines included.
func (b *builder) build(from *Document, old *document) (*document, error) {
	specs := from.Datasets
	doc := &document{records: make([]*record, len(specs))}
	if old != nil {
		doc.origin = old.origin
	} else {
		doc.origin = &origin{strings.Clone(from.Name)}
	}
	was := old.list()
	if len(b.byName) > maxReused || len(b.byKey) > maxReused {
		b.byName, b.byKey = nil, nil
	}
	clear(b.byName)
	clear(b.byKey)
	placed, aligned := 0, true // aligned: every key so far is where it was
	for i := range specs {
		spec := &specs[i]
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
			continue // the old version has no key twice
		}
		for ; placed <= i; placed++ {
			if !b.place(specs, placed) {
				return fail("", ErrDuplicate)
			}
		}
	}
	if !aligned {
		for _, r := range was {
			if i, ok := b.find(specs, r.key()); ok && r.says(&specs[i]) {
				doc.records[i] = r
			}
		}
	}
	for i, r := range doc.records {
		if r == nil {
			doc.records[i] = newRecord(&specs[i], b.shareType(specs[i].DerivedScalarType), doc.origin)
		}
	}
	doc.lines = linesOf(specs)
	if old != nil && slices.Equal(doc.records, was) && slices.Equal(doc.lines, old.lines) {
		return old, nil
	}
	b.order(doc, old, aligned)
	b.scratch = doc.seal(old, b.scratch)
	return doc, nil
}

// order sets the order of the keys of a document if a short name repeats: then
// [Snapshot.Named] needs it, and readers should not wait for it.
func (b *builder) order(doc, old *document, aligned bool) {
	switch {
	case aligned && old != nil && len(doc.records) == len(old.records):
		doc.order.Store(old.order.Load())
	case len(b.byKey) > 0 || aligned && old != nil && old.order.Load() != nil:
		order := orderOf(doc.records)
		doc.order.Store(&order)
	}
}

// linesOf returns the line of each dataset, or nil if none is known.
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

// with returns the state after edits, or s itself if they change nothing. If they
// change only lines, the generation and the superseded channel are those of s.
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

// withdraw removes records from the index. The definitions that they hid are visible
// again.
func (s *Snapshot) withdraw(e *indexEdit, records []*record) {
	for _, r := range records {
		hash, root := e.definitions(r.shortName(), *r.typ)
		rest := root.remove(*r.typ, r.origin.document)
		if rest.winner(*r.typ) == nil {
			s.count--
		} else {
			s.hidden--
		}
		if rest == nil {
			e.remove(hash, r.shortName())
		} else {
			e.put(hash, rest)
		}
	}
}

// define adds records to the index. Each hides definitions of its key in earlier
// documents, or is hidden itself.
func (s *Snapshot) define(e *indexEdit, records []*record) {
	for _, r := range records {
		hash, others := e.definitions(r.shortName(), *r.typ)
		if others.winner(*r.typ) == nil {
			s.count++
		} else {
			s.hidden++
		}
		e.put(hash, others.insert(r))
	}
}
