package registry

import "slices"

// An index maps keys to records. It is persistent: a change copies what it
// touches and shares the rest with the index before it.
//
// It is an extendible hash table: a directory of shards, addressed by the top
// bits of a key's hash, each shard an open-addressed table of fixed size that
// keeps the whole hash beside the pointer. A full shard splits in two, alone; the
// directory, which holds pointers only, doubles when a shard can split no
// further under it. Two shards that were one join again when few keys are left in
// them, and the directory halves with the last such pair. So a change copies one
// directory and one shard, a lookup reads one of each, no change ever rebuilds
// everything, and what was once large does not stay so. BenchmarkLookup and
// BenchmarkApply decide the sizes: see the note there.
type index struct {
	dir   []*shard // 1<<depth of them; one shard may stand in several places
	depth uint8
}

const (
	// With 510 slots a shard is 8 KB with all that the allocator adds; with 512 it
	// would take up more than nine.
	shardSlots = 510
	shardLimit = shardSlots * 3 / 4
	// Shards that join at half of what makes one split do not split again at once.
	joinLimit = shardLimit / 2
)

type shard struct {
	slots [shardSlots]slot
	edit  uint64 // the edit that made it, and may still write to it
	count int32
	depth uint8 // how many top bits of the hash all its keys share
}

type slot struct {
	hash   uint64
	record *record // nil: free
}

// home returns the slot at which the search for a hash begins. It is made of the low
// bits, since the top ones choose the shard; the two values too many go round.
func home(hash uint64) int {
	i := int(hash & 511)
	if i >= shardSlots {
		i -= shardSlots
	}
	return i
}

func (x *index) lookup(hash uint64, shortName string, typ DerivedScalarType) *record {
	if len(x.dir) == 0 {
		return nil
	}
	s := x.dir[x.place(hash)]
	for i := home(hash); ; {
		e := &s.slots[i]
		if e.record == nil {
			return nil
		}
		if e.hash == hash && e.record.hasKey(shortName, typ) {
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

// An indexEdit is an index in the making: it copies each shard the first time it
// touches it, and writes to its own copies from then on.
type indexEdit struct {
	index
	id      uint64 // unlike that of any edit whose shards the index has
	ownsDir bool
}

// shard returns the shard of a hash, made the edit's own.
func (e *indexEdit) shard(hash uint64) *shard {
	if len(e.dir) == 0 {
		e.dir, e.ownsDir = []*shard{{edit: e.id}}, true
	}
	s := e.dir[e.place(hash)]
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
	if !e.ownsDir {
		e.dir, e.ownsDir = slices.Clone(e.dir), true
	}
	span := uint64(1) << (e.depth - s.depth)
	first := e.place(hash) &^ (span - 1)
	for i := range span {
		e.dir[first+i] = s
	}
}

// put sets the record of r's key, whose hash is given, to r.
func (e *indexEdit) put(hash uint64, r *record) {
	s := e.shard(hash)
	for s.count >= shardLimit {
		e.split(s, hash)
		s = e.shard(hash)
	}
	s.put(slot{hash, r})
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
		dir := make([]*shard, 2*len(e.dir))
		for i, t := range e.dir {
			dir[2*i], dir[2*i+1] = t, t
		}
		e.dir, e.ownsDir, e.depth = dir, true, e.depth+1
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
	e.shard(hash).remove(slot{hash, r})
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
	s := e.dir[e.place(hash)]
	if s.depth == 0 {
		return false
	}
	other := e.dir[e.place(hash^1<<(64-s.depth))]
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
	for i := 0; i < len(e.dir); i += 2 {
		if e.dir[i] != e.dir[i+1] {
			return
		}
	}
	dir := make([]*shard, len(e.dir)/2)
	for i := range dir {
		dir[i] = e.dir[2*i]
	}
	e.dir, e.depth = dir, e.depth-1
}
