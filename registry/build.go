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

// prepare validates a change, builds its documents, and finds the records that come and go.
func (s *Snapshot) prepare(c Change) ([]documentEdit, error) {
	edits, err := s.edits(c)
	if err != nil {
		return nil, err
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

// edits returns the edit of each document, made on several cores if there are many datasets.
// The error is that of the first document that has one.
func (s *Snapshot) edits(c Change) ([]documentEdit, error) {
	edits, errs := make([]documentEdit, len(c.Put)+len(c.Remove)), make([]error, len(c.Put))
	total := 0
	for i := range c.Put {
		total += len(c.Put[i].Datasets)
	}
	for i, name := range c.Remove {
		e := &edits[len(c.Put)+i]
		e.name, e.old = name, s.documents.find(name)
		total += len(e.old.list())
	}
	var next atomic.Int64
	onCores(total/perBuilder, func() {
		b := builders.Get().(*builder)
		defer b.release()
		for i := int(next.Add(1)) - 1; i < len(edits); i = int(next.Add(1)) - 1 {
			e := &edits[i]
			if i < len(c.Put) {
				e.name = c.Put[i].Name
				e.old = s.documents.find(e.name)
				if e.to, errs[i] = b.build(&c.Put[i], e.old); errs[i] != nil {
					continue
				}
			}
			e.findEntries()
		}
	})
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return edits, nil
}

// onCores calls work on up to n goroutines, but not on more than there are cores, and returns
// when all calls have returned.
func onCores(n int, work func()) {
	var others sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), n) - 1 {
		others.Go(work)
	}
	work()
	others.Wait()
}

// A builder builds documents. It reuses its memory from one to the next, and from change to
// change.
type builder struct {
	names   positions                                // first position of each short name
	keys    positions                                // position of each key whose short name repeats
	repeats bool                                     // whether there is one
	types   map[DerivedScalarType]*DerivedScalarType // unknown types, shared
	scratch []byte
}

// maxReused bounds the memory that is reused, in positions and in bytes: clearing much of it for
// each of many small documents would be slow.
const maxReused = 10_000

var builders = sync.Pool{New: func() any { return new(builder) }}

// release returns b to the pool, without what belongs to one change.
func (b *builder) release() {
	b.types = nil
	if max(cap(b.names), cap(b.keys), cap(b.scratch)) > maxReused {
		return
	}
	builders.Put(b)
}

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
	s := &specs[position]
	name := b.names.named(specs, s.ShortName)
	if *name == 0 {
		*name = int32(position) + 1
		return true
	}
	if !b.repeats {
		b.repeats = true
		b.keys.reset(len(specs))
	}
	first := *name - 1
	*b.keys.keyed(specs, specs[first].Key()) = first + 1
	key := b.keys.keyed(specs, s.Key())
	isNew := *key == 0
	*key = int32(position) + 1
	return isNew
}

// find returns the position of a key.
func (b *builder) find(specs []Spec, k Key) (position int, ok bool) {
	at := *b.names.named(specs, k.ShortName)
	if at != 0 && b.repeats && specs[at-1].DerivedScalarType != k.DerivedScalarType {
		at = *b.keys.keyed(specs, k)
	}
	return int(at) - 1, at != 0 && specs[at-1].DerivedScalarType == k.DerivedScalarType
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
	b.repeats = false
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
		if placed == 0 {
			b.names.reset(len(specs))
		}
		for ; placed <= i; placed++ {
			if !b.place(specs, placed) {
				return fail("", ErrDuplicate)
			}
		}
	}
	if !aligned && len(specs) > 0 {
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
	b.findPlaces(doc, old, aligned)
	b.scratch = doc.seal(old, b.scratch)
	return doc, nil
}

// findPlaces sets the places of a document if a short name repeats: then [Snapshot.Named]
// needs them, and readers should not wait for them.
func (b *builder) findPlaces(doc, old *document, aligned bool) {
	switch {
	case aligned && old != nil && len(doc.records) == len(old.records):
		doc.places.Store(old.places.Load())
	case b.repeats || aligned && old != nil && old.places.Load() != nil:
		doc.findPlaces()
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
	e := indexEdit{index: s.index, id: (s.generation + 1) * editIDs}
	changed := edits[:0]
	for _, edit := range edits {
		if edit.old == edit.to {
			continue
		}
		changed = append(changed, edit)
		if edit.keepsContent() {
			continue
		}
		if edit.old != nil {
			next.hash.subtract(edit.old.hash)
		}
		if edit.to != nil {
			next.hash.add(edit.to.hash)
		}
		next.generation = s.generation + 1
	}
	if len(changed) == 0 {
		return s
	}
	e.apply(changed)
	for i := range changed {
		changed[i].release()
	}
	next.index = e.index
	next.count += e.count
	next.hidden += e.hidden
	next.documents = s.documents.with(changed)
	if next.generation != s.generation {
		next.superseded = make(chan struct{})
	}
	return &next
}
