package registry

import "iter"

const (
	// With 254 slots the keys take 6 KB and the roots 2 KB, with the words that the allocator
	// adds. With more they would take a quarter more.
	shardSlots = 254
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
// place for each slot, and lie apart because most changes are of roots alone. The directory has
// both pointers, so that a lookup waits for a key and for its root at the same time.
type shard struct {
	keys  *shardKeys
	roots *shardRoots
}

// shardKeys are the keys of a shard. Versions of the shard share them.
type shardKeys struct {
	slots [shardSlots]slot
	edit  uint64 // the edit that made the keys, and may still write to them
	count int32
	depth uint8 // number of top bits that all hashes share
}

// shardRoots are the trees of a shard, nil where its slot is free. During an edit a tree may be
// nil where the slot is not: see [indexEdit.withdraw].
type shardRoots struct {
	trees [shardSlots]*record
	edit  uint64 // see shardKeys
}

// A slot is the key of a tree. The short name is a copy: short strings allocated together stay
// in the processor's cache. It is empty if the slot is free.
type slot struct {
	hash      uint64
	shortName string
}

func newShard(depth uint8, edit uint64) shard {
	return shard{&shardKeys{depth: depth, edit: edit}, &shardRoots{edit: edit}}
}

func (s shard) depth() uint8 { return s.keys.depth }

func (s shard) count() int { return int(s.keys.count) }

// all returns an iterator over the entries of a shard.
func (s shard) all() iter.Seq2[*slot, *record] {
	return func(yield func(*slot, *record) bool) {
		for i := range s.keys.slots {
			if sl := &s.keys.slots[i]; sl.shortName != "" && !yield(sl, s.roots.trees[i]) {
				return
			}
		}
	}
}

// home returns the slot where the search for a hash begins. It uses the low bits of the
// hash, since the top bits select the shard.
func home(hash uint64) int {
	i := int(hash & 255)
	if i >= shardSlots {
		return i - shardSlots
	}
	return i
}

// add adds an entry that the shard does not have.
func (s shard) add(key slot, root *record) {
	i := s.find(key.hash, key.shortName)
	s.keys.slots[i], s.roots.trees[i] = key, root
	s.keys.count++
}

// find returns the slot of an entry, or the free slot that it would take.
func (s shard) find(hash uint64, shortName string) int {
	for i := home(hash); ; i = after(i) {
		if sl := &s.keys.slots[i]; sl.shortName == "" || sl.hash == hash && sl.shortName == shortName {
			return i
		}
	}
}

// remove frees the slot of an entry. The slots behind it move up, so that no later
// search ends too early.
func (s shard) remove(hash uint64, shortName string) {
	slots, trees := &s.keys.slots, &s.roots.trees
	gap := s.find(hash, shortName)
	s.keys.count--
	for i := after(gap); slots[i].shortName != ""; i = after(i) {
		// A slot may fill the gap unless its home lies behind the gap.
		if distance(home(slots[i].hash), i) >= distance(gap, i) {
			slots[gap], trees[gap] = slots[i], trees[i]
			gap = i
		}
	}
	slots[gap], trees[gap] = slot{}, nil
}

// distance returns the number of steps of a search from one slot to another.
func distance(from, to int) int { return (to - from + shardSlots) % shardSlots }

func after(i int) int { return (i + 1) % shardSlots }
