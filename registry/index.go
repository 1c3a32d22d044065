package registry

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// An index maps keys to the trees of their definitions. It is persistent: a change
// copies what it touches and shares the rest with the previous index.
//
// It is an extendible hash table: a directory of shards, addressed by the top bits of
// the hash, each shard an open-addressed table of fixed size. A full shard splits in
// two by itself; the directory, which holds only pointers, doubles when a shard needs
// one more bit. Two halves of a shard join again when few entries are left in them, and
// the directory halves after the last such pair joins. So a lookup reads one shard. A change copies
// one page of the directory and one shard or, if the keys stay the same, a part of its roots. No
// change rebuilds everything, and memory is returned when the catalog shrinks. BenchmarkLookup and
// BenchmarkApply justify the sizes.
//
// The upper half of a hash is that of the short name. So all entries of a short name
// are in one shard: one for each type or, when that shard is full and the short name
// has more than familyLimit of them, a single one for all types, a family. Within the shard they
// are in one part, so that a reload of all types of a short name copies the roots of one part.
type index struct {
	pages    []*page // of the directory, which has 1<<depth places
	depth    uint8
	families int
}

// familyBit tells the hashes of keys, which have it, from those of families.
const familyBit = 1 << 31

func hashKey(shortName uint64, typ DerivedScalarType) uint64 {
	return shortName&^(1<<32-1) | (shortName^hashType(typ))&(familyBit-1) | familyBit
}

// hashType hashes a type from its length, its first and its last bytes, which differ for all known
// types, in less than half of the time that hashString takes: see BenchmarkHashOfType. Types of a
// short name with the same hash share an entry, whose tree has both.
func hashType(t DerivedScalarType) uint64 {
	const n = 8
	if len(t) < n {
		return hashString(string(t))
	}
	first := binary.NativeEndian.Uint64([]byte(t[:n]))
	last := binary.NativeEndian.Uint64([]byte(t[len(t)-n:]))
	high, low := bits.Mul64(first^0x9e3779b97f4a7c15, last^0xd1b54a32d192ed03^uint64(len(t)))
	return high ^ low
}

func hashFamily(shortName uint64) uint64 { return shortName &^ familyBit }

// definitions returns the tree that has the definitions of a key, or that they belong
// in, and the hash of its entry. The tree may have other types, too.
func (x *index) definitions(shortName string, typ DerivedScalarType) (hash uint64, root *record) {
	name := hashString(shortName)
	hash = hashKey(name, typ)
	root = x.lookup(hash, shortName)
	if x.families > 0 && root.top(typ) == nil {
		if family := x.lookup(hashFamily(name), shortName); family != nil {
			return hashFamily(name), family
		}
	}
	return hash, root
}

// named returns the trees of all definitions of a short name.
func (x *index) named(shortName string) []*record {
	if len(x.pages) == 0 {
		return nil
	}
	hash := hashString(shortName)
	var roots []*record
	for sl, root := range x.shardOf(hash).all() {
		if sl.hash>>32 == hash>>32 && sl.shortName == shortName {
			roots = append(roots, root)
		}
	}
	return roots
}

const pageSize = 64

// A page is a part of the directory. A shard may be in several places of it.
type page struct {
	shards [pageSize]shard
	edit   uint64 // the edit that made the page, and may still write to it
}

func (x *index) lookup(hash uint64, shortName string) *record {
	if len(x.pages) == 0 {
		return nil
	}
	s := x.shardOf(hash)
	for i := home(hash); ; i++ {
		sl := &s.keys.slots[i]
		if sl.hash == hash && sl.shortName == shortName {
			return s.roots[i>>partBits].trees[i&(partSlots-1)]
		}
		if sl.shortName == "" {
			return nil
		}
	}
}

// place returns the place of a hash in the directory. A shift by 64 gives 0, so a
// directory of depth 0 needs no special case.
func (x *index) place(hash uint64) uint64 { return hash >> (64 - x.depth) }

func (x *index) at(place uint64) *shard { return &x.pages[place/pageSize].shards[place%pageSize] }

func (x *index) shardOf(hash uint64) *shard { return x.at(x.place(hash)) }

// An indexEdit builds the next version of an index. It copies each page, and the keys and the parts
// of the roots of each shard, the first time that it changes them, and writes to its copies from
// then on.
type indexEdit struct {
	index
	id        uint64 // different from that of every edit before
	ownsPages bool   // whether the slice of pages is a copy
	floor     uint8  // no shard joins another one at this depth

	count, hidden int // how the numbers of visible and of hidden definitions change
}

// writable returns the shard of a hash, whose keys and roots e may write to. It never copies the
// keys alone.
func (e *indexEdit) writable(hash uint64) *shard {
	s := e.shardOf(hash)
	if s.keys.edit == e.id {
		return s
	}
	keys, c := *s.keys, *s
	keys.edit = e.id
	c.keys = &keys
	for part := range c.roots {
		c.own(part, e.id)
	}
	e.fill(c, hash)
	return e.shardOf(hash)
}

// begin makes a directory if there is none.
func (e *indexEdit) begin() {
	if len(e.pages) == 0 {
		first := newShard(0, e.id)
		e.arrange(0, func(uint64) shard { return first })
	}
}

// fill puts s in every place of the directory that belongs to a shard of its depth and
// the given hash.
func (e *indexEdit) fill(s shard, hash uint64) {
	if !e.ownsPages {
		e.pages, e.ownsPages = slices.Clone(e.pages), true
	}
	span := uint64(1) << (e.depth - s.depth())
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

// arrange makes a new directory of the given depth.
func (e *indexEdit) arrange(depth uint8, shard func(place uint64) shard) {
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

// put sets the tree of a slot. It keeps shortName, which should be a copy, if the slot is new.
func (e *indexEdit) put(hash uint64, shortName string, root *record) {
	e.begin()
	s := e.shardOf(hash)
	if i := s.find(hash, shortName); s.keys.slots[i].shortName != "" {
		if part := i >> partBits; s.roots[part].edit != e.id {
			c := *s
			c.own(int(part), e.id)
			e.fill(c, hash)
			s = e.shardOf(hash)
		}
		*s.tree(i) = root
		return
	}
	for s = e.writable(hash); s.count() >= shardLimit; s = e.writable(hash) {
		if !e.mergeFamilies(s) {
			e.split(s, hash)
		}
	}
	s.add(slot{hash, shortName}, root)
}

// mergeFamilies merges the entries of every short name that has more than familyLimit
// in s, and reports whether that made room. Entries without a tree are dropped. The edit must own
// the keys and the roots. No such short name has a family with a tree already: its types would be
// in there.
func (e *indexEdit) mergeFamilies(s *shard) bool {
	var sizes [256]uint8 // by a part of the hash: few shards need more than this check
	merges := false
	for sl := range s.all() {
		part := uint8(sl.hash >> 32)
		sizes[part]++
		merges = merges || sizes[part] > familyLimit
	}
	if !merges {
		return false
	}
	names := make(map[string]int)
	for sl := range s.all() {
		names[sl.shortName]++
	}
	merged := newShard(s.depth(), e.id)
	families := make(map[string]*record)
	for sl, root := range s.all() {
		if names[sl.shortName] <= familyLimit {
			merged.add(*sl, root)
			continue
		}
		if sl.hash&familyBit == 0 {
			e.families--
		}
		root.each(func(r *record) {
			families[sl.shortName] = families[sl.shortName].insert(r.with(nil, nil))
		})
	}
	for shortName, root := range families {
		merged.add(slot{hashFamily(hashString(shortName)), shortName}, root)
		e.families++
	}
	makesRoom := merged.count() < s.count()
	*s.keys = *merged.keys
	for part := range s.roots {
		*s.roots[part] = *merged.roots[part]
	}
	return makesRoom
}

// split divides s, the full shard of a hash, by one more bit. Hashes are seeded, so
// there are never more short names of one hash than a shard can hold.
func (e *indexEdit) split(s *shard, hash uint64) {
	depth := s.depth() + 1
	if depth > e.depth {
		was := e.index
		e.arrange(depth, func(place uint64) shard { return *was.at(place / 2) })
	}
	bit := uint64(1) << (64 - depth)
	low, high := newShard(depth, e.id), newShard(depth, e.id)
	for sl, root := range s.all() {
		if sl.hash&bit == 0 {
			low.add(*sl, root)
		} else {
			high.add(*sl, root)
		}
	}
	e.fill(low, hash&^bit)
	e.fill(high, hash|bit)
}

// removeEmpty removes the entry of a key that has no tree, if there is one.
func (e *indexEdit) removeEmpty(hash uint64, shortName string) {
	s := e.shardOf(hash)
	if i := s.find(hash, shortName); s.keys.slots[i].shortName != "" && *s.tree(i) == nil {
		e.remove(hash, shortName)
	}
}

// remove removes an entry, which must exist.
func (e *indexEdit) remove(hash uint64, shortName string) {
	if hash&familyBit == 0 {
		e.families--
	}
	e.writable(hash).remove(hash, shortName)
	for e.join(hash) {
	}
}

// join undoes the split that made the shard of a hash if the entries of both halves
// fit easily in one shard, and reports whether it did.
func (e *indexEdit) join(hash uint64) bool {
	s := e.shardOf(hash)
	depth := s.depth()
	if depth <= e.floor {
		return false
	}
	other := e.shardOf(hash ^ 1<<(64-depth))
	if other.depth() != depth || s.count()+other.count() > joinLimit {
		return false
	}
	one := newShard(depth-1, e.id)
	for _, half := range []*shard{s, other} {
		for sl, root := range half.all() {
			one.add(*sl, root)
		}
	}
	e.fill(one, hash)
	if depth == e.depth {
		e.halve()
	}
	return true
}

// halve halves the directory unless a shard needs all of its depth.
func (e *indexEdit) halve() {
	for place := uint64(0); place < 1<<e.depth; place += 2 {
		if *e.at(place) != *e.at(place + 1) {
			return
		}
	}
	was := e.index
	e.arrange(e.depth-1, func(place uint64) shard { return *was.at(2 * place) })
}
