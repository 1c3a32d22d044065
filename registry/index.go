package registry

import "slices"

// An index maps keys to records. It is persistent: a change copies what it
// touches and shares the rest with the index before it.
//
// It is an extendible hash table: a directory of shards, addressed by the top
// bits of a key's hash, each shard an open-addressed table of fixed size that
// keeps the whole hash beside the pointer. A full shard splits in two, alone; the
// directory, which holds pointers only, doubles when a shard can split no
// further under it. So a change copies one directory and one shard, a lookup
// reads one of each, and no change ever rebuilds everything. BenchmarkLookup and
// BenchmarkApply decide the sizes: see the note there.
type index struct {
	dir   []*shard // 1<<depth of them; one shard may stand in several places
	depth uint8
}

const (
	shardSlots = 512
	slotMask   = shardSlots - 1
	shardLimit = shardSlots * 3 / 4
)

type shard struct {
	slots [shardSlots]slot
	count int
	depth uint8  // how many top bits of the hash all its keys share
	edit  uint64 // the edit that made it, and may still write to it
}

type slot struct {
	hash   uint64
	record *record // nil: free
}

func (x *index) lookup(hash uint64, shortName string, typ DerivedScalarType) *record {
	if len(x.dir) == 0 {
		return nil
	}
	s := x.dir[x.place(hash)]
	for i := hash & slotMask; ; i = (i + 1) & slotMask {
		e := &s.slots[i]
		if e.record == nil {
			return nil
		}
		if e.hash == hash && e.record.shortName == shortName && e.record.typ == typ {
			return e.record
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

// put sets the record of r's key to r.
func (e *indexEdit) put(r *record) {
	s := e.shard(r.hash)
	for s.count >= shardLimit {
		e.split(s, r.hash)
		s = e.shard(r.hash)
	}
	s.put(r)
}

func (s *shard) put(r *record) {
	i := s.find(r)
	if s.slots[i].record == nil {
		s.count++
	}
	s.slots[i] = slot{r.hash, r}
}

// find returns the slot that r's key has, or else the free one that it would take.
func (s *shard) find(r *record) uint64 {
	i := r.hash & slotMask
	for s.slots[i].record != nil && (s.slots[i].hash != r.hash || s.slots[i].record.key() != r.key()) {
		i = (i + 1) & slotMask
	}
	return i
}

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
			low.put(sl.record)
		default:
			high.put(sl.record)
		}
	}
	e.fill(low, hash&^bit)
	e.fill(high, hash|bit)
}

// remove takes away the record of r's key, which must be there. The slots behind
// it move up, so that no later lookup stops short.
func (e *indexEdit) remove(r *record) {
	s := e.shard(r.hash)
	gap := s.find(r)
	s.count--
	for i := (gap + 1) & slotMask; s.slots[i].record != nil; i = (i + 1) & slotMask {
		// One may fill the gap unless its own first slot lies behind the gap.
		if (i-s.slots[i].hash)&slotMask >= (i-gap)&slotMask {
			s.slots[gap] = s.slots[i]
			gap = i
		}
	}
	s.slots[gap] = slot{}
}
