package registry

import (
	"slices"
	"strings"
)

// An index maps keys to records. It is persistent: a change copies what it
// touches and shares the rest with the index before it.
//
// It is an extendible hash table: a directory of shards, addressed by the top
// bits of a key's hash, each shard an open-addressed table of fixed size that
// keeps the whole hash beside the pointer. A full shard splits in two, alone; the
// directory, which holds pointers only, doubles when a shard can split no
// further under it. Two shards that were one join again when few keys are left in
// them, and the directory halves with the last such pair. So a change copies one
// page of the directory and one shard, a lookup reads one of each, no change ever
// rebuilds everything, and what was once large does not stay so. BenchmarkLookup and
// BenchmarkApply decide the sizes: see the note there.
type index struct {
	pages []*page // of the directory, which has 1<<depth places
	depth uint8
}

const pageSize = 64

// A page is a part of the directory. One shard may stand in several places of it.
type page struct {
	shards [pageSize]*shard
	edit   uint64 // as of a shard
}

const (
	// With 255 slots a shard is 8 KB with all that the allocator adds; with 256 it
	// would take up more than nine.
	shardSlots = 255
	// A slot is more often than not the first one looked at: what a processor guesses
	// wrong costs more here than memory does.
	shardLimit = shardSlots * 5 / 8
	// Shards that join at half of what makes one split do not split again at once.
	joinLimit = shardLimit / 2
)

type shard struct {
	slots [shardSlots]slot
	edit  uint64 // the edit that made it, and may still write to it
	count int32
	depth uint8 // how many top bits of the hash all its keys share
}

// A slot has the short name beside the record that it is of, so that a lookup waits for the
// name's text and for the record at once, and not for one after the other. It is a copy:
// short texts that lie close to each other stay in a processor's cache.
type slot struct {
	hash      uint64
	shortName string
	record    *record // nil: free
}

func newSlot(hash uint64, r *record) slot { return slot{hash, strings.Clone(r.shortName()), r} }

// home returns the slot at which the search for a hash begins. It is made of the low
// bits, since the top ones choose the shard; the value too many goes round.
func home(hash uint64) int {
	i := int(hash & 255)
	if i == shardSlots {
		return 0
	}
	return i
}

func (x *index) lookup(hash uint64, shortName string, typ DerivedScalarType) *record {
	if len(x.pages) == 0 {
		return nil
	}
	s := x.shardOf(hash)
	for i := home(hash); ; {
		e := &s.slots[i]
		if e.record == nil {
			return nil
		}
		if e.hash == hash && e.shortName == shortName && e.record.typ == typ {
			return e.record
		}
		if i++; i == shardSlots {
			i = 0
		}
	}
}

// place returns where in the directory the shard of a hash stands. Shifting by 64
// gives 0, so that a directory of one needs no special case.
func (x *index) place(hash uint64) uint64 { return hash >> (64 - x.depth) }

func (x *index) at(place uint64) *shard { return x.pages[place/pageSize].shards[place%pageSize] }

func (x *index) shardOf(hash uint64) *shard { return x.at(x.place(hash)) }

// An indexEdit is an index in the making: it copies each page and shard the first time it
// touches it, and writes to its own copies from then on.
type indexEdit struct {
	index
	id        uint64 // unlike that of any edit whose pages and shards the index has
	ownsPages bool   // the list of them
}

// shard returns the shard of a hash, made the edit's own.
func (e *indexEdit) shard(hash uint64) *shard {
	if len(e.pages) == 0 {
		e.arrange(0, func(uint64) *shard { return &shard{edit: e.id} })
	}
	s := e.shardOf(hash)
	if s.edit != e.id {
		c := *s
		c.edit = e.id
		s = &c
		e.fill(s, hash)
	}
	return s
}

// fill puts s in every place of the directory that a shard of its depth and the
// given hash takes.
func (e *indexEdit) fill(s *shard, hash uint64) {
	if !e.ownsPages {
		e.pages, e.ownsPages = slices.Clone(e.pages), true
	}
	span := uint64(1) << (e.depth - s.depth)
	first := e.place(hash) &^ (span - 1)
	for place := first; place < first+span; place++ {
		p := e.pages[place/pageSize]
		if p.edit != e.id {
			c := *p
			c.edit = e.id
			p = &c
			e.pages[place/pageSize] = p
		}
		p.shards[place%pageSize] = s
	}
}

// arrange makes a new directory of a depth, with the shard of each place.
func (e *indexEdit) arrange(depth uint8, shard func(place uint64) *shard) {
	places := uint64(1) << depth
	pages := make([]*page, (places+pageSize-1)/pageSize)
	for i := range pages {
		pages[i] = &page{edit: e.id}
	}
	for place := range places {
		pages[place/pageSize].shards[place%pageSize] = shard(place)
	}
	e.pages, e.ownsPages, e.depth = pages, true, depth
}

// put sets the record of r's key, whose hash is given, to r.
func (e *indexEdit) put(hash uint64, r *record) {
	s := e.shard(hash)
	for s.count >= shardLimit {
		e.split(s, hash)
		s = e.shard(hash)
	}
	s.put(newSlot(hash, r))
}

func (s *shard) put(e slot) {
	i := s.find(e)
	if s.slots[i].record == nil {
		s.count++
	}
	s.slots[i] = e
}

// find returns the slot that e's key has, or else the free one that it would take.
func (s *shard) find(e slot) int {
	i := home(e.hash)
	for s.slots[i].record != nil && (s.slots[i].hash != e.hash || s.slots[i].record.key() != e.record.key()) {
		i = after(i)
	}
	return i
}

func after(i int) int { return (i + 1) % shardSlots }

// split divides s, the full shard of a hash, by one more bit. Hashes are seeded,
// so more keys with one hash than a shard holds are not to be had.
func (e *indexEdit) split(s *shard, hash uint64) {
	if s.depth == e.depth {
		was := e.index
		e.arrange(e.depth+1, func(place uint64) *shard { return was.at(place / 2) })
	}
	bit := uint64(1) << (63 - s.depth)
	low, high := &shard{depth: s.depth + 1, edit: e.id}, &shard{depth: s.depth + 1, edit: e.id}
	for _, sl := range s.slots {
		switch {
		case sl.record == nil:
		case sl.hash&bit == 0:
			low.put(sl)
		default:
			high.put(sl)
		}
	}
	e.fill(low, hash&^bit)
	e.fill(high, hash|bit)
}

// remove takes away the record of r's key, whose hash is given and which must be
// there.
func (e *indexEdit) remove(hash uint64, r *record) {
	e.shard(hash).remove(slot{hash: hash, record: r})
	for e.join(hash) {
	}
}

// remove takes away the record of e's key. The slots behind it move up, so that no
// later lookup stops short.
func (s *shard) remove(e slot) {
	gap := s.find(e)
	s.count--
	for i := after(gap); s.slots[i].record != nil; i = after(i) {
		// One may fill the gap unless its own first slot lies behind the gap.
		if distance(home(s.slots[i].hash), i) >= distance(gap, i) {
			s.slots[gap] = s.slots[i]
			gap = i
		}
	}
	s.slots[gap] = slot{}
}

// distance returns how many slots a search goes from one to another.
func distance(from, to int) int { return (to - from + shardSlots) % shardSlots }

// join undoes the split that made the shard of a hash, if one shard holds with ease
// what is left in both, and reports whether it did.
func (e *indexEdit) join(hash uint64) bool {
	s := e.shardOf(hash)
	if s.depth == 0 {
		return false
	}
	other := e.shardOf(hash ^ 1<<(64-s.depth))
	if other.depth != s.depth || s.count+other.count > joinLimit {
		return false
	}
	one := &shard{depth: s.depth - 1, edit: e.id}
	for _, half := range []*shard{s, other} {
		for _, sl := range half.slots {
			if sl.record != nil {
				one.put(sl)
			}
		}
	}
	e.fill(one, hash)
	if s.depth == e.depth {
		e.halve()
	}
	return true
}

// halve makes the directory half as long if no shard needs all of it.
func (e *indexEdit) halve() {
	for place := uint64(0); place < 1<<e.depth; place += 2 {
		if e.at(place) != e.at(place+1) {
			return
		}
	}
	was := e.index
	e.arrange(e.depth-1, func(place uint64) *shard { return was.at(2 * place) })
}
