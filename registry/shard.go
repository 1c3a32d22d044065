package registry

import "iter"

const (
	// Slots have numbers of type uint8, which wrap around as searches do.
	shardSlots = 1 << 8
	// A reload of all types of a short name copies about one part of the roots: TestReloadCopiesPart.
	// With smaller parts, the directory would cost lookups more.
	partBits   = 6
	partSlots  = 1 << partBits
	shardParts = shardSlots / partSlots
	// Most slots are the first that a search reads: a mispredicted branch costs more
	// than the memory of a sparse table.
	shardLimit = shardSlots * 5 / 8
	// A short name has at most so many entries in a shard that splits, so that splitting
	// makes room and the directory stays small.
	familyLimit = 32
	// Joining at half the limit keeps a joined shard from splitting at once.
	joinLimit = shardLimit / 2
)

// A shard is a table of the entries whose hashes share their first bits. Keys and roots have a
// place for each slot, and lie apart because most changes are of roots alone, and of few of them.
// The directory has all pointers, so that a lookup waits for a key and for its root at the same
// time.
type shard struct {
	keys  *shardKeys
	roots [shardParts]*shardRoots
}

// shardKeys are the keys of a shard. Versions of the shard share them.
type shardKeys struct {
	slots [shardSlots]slot
	edit  uint64 // the edit that made the keys, and may still write to them
	count int32
	depth uint8 // number of top bits that all hashes share
}

// shardRoots are the trees of a part of a shard, nil where the slot is free. During an edit a tree
// may be nil where the slot is not: see [indexEdit.withdraw].
type shardRoots struct {
	trees [partSlots]*record
	edit  uint64 // see shardKeys
}

// A slot is the key of a tree. The short name is a copy: short strings allocated together stay
// in the processor's cache. It is empty if the slot is free.
type slot struct {
	hash      uint64
	shortName string
}

func newShard(depth uint8, edit uint64) shard {
	s := shard{keys: &shardKeys{depth: depth, edit: edit}}
	for part := range s.roots {
		s.roots[part] = &shardRoots{edit: edit}
	}
	return s
}

// own copies a part of the roots unless the edit has made it.
func (s *shard) own(part int, edit uint64) {
	if s.roots[part].edit == edit {
		return
	}
	c := *s.roots[part]
	c.edit = edit
	s.roots[part] = &c
}

func (s *shard) depth() uint8 { return s.keys.depth }

func (s *shard) count() int { return int(s.keys.count) }

// all returns an iterator over the entries of a shard.
func (s *shard) all() iter.Seq2[*slot, *record] {
	return func(yield func(*slot, *record) bool) {
		for i := range s.keys.slots {
			if sl := &s.keys.slots[i]; sl.shortName != "" && !yield(sl, *s.tree(uint8(i))) {
				return
			}
		}
	}
}

// home returns the slot where the search for a hash begins. The low bits of the upper half of the
// hash, which is that of the short name, select the part. The top bits select the shard.
func home(hash uint64) uint8 {
	return uint8(hash>>(32-partBits)&(shardSlots-partSlots) | hash&(partSlots-1))
}

// tree returns where the tree of a slot is.
func (s *shard) tree(i uint8) **record { return &s.roots[i>>partBits].trees[i&(partSlots-1)] }

// add adds an entry that the shard does not have.
func (s *shard) add(key slot, root *record) {
	i := s.find(key.hash, key.shortName)
	s.keys.slots[i], *s.tree(i) = key, root
	s.keys.count++
}

// find returns the slot of an entry, or the free slot that it would take.
func (s *shard) find(hash uint64, shortName string) uint8 {
	for i := home(hash); ; i++ {
		if sl := &s.keys.slots[i]; sl.shortName == "" || sl.hash == hash && sl.shortName == shortName {
			return i
		}
	}
}

// remove frees the slot of an entry. The slots behind it move up, so that no later
// search ends too early.
func (s *shard) remove(hash uint64, shortName string) {
	slots := &s.keys.slots
	gap := s.find(hash, shortName)
	s.keys.count--
	for i := gap + 1; slots[i].shortName != ""; i++ {
		// A slot may fill the gap unless its home lies behind the gap.
		if i-home(slots[i].hash) >= i-gap {
			slots[gap], *s.tree(gap) = slots[i], *s.tree(i)
			gap = i
		}
	}
	slots[gap], *s.tree(gap) = slot{}, nil
}
