package registry

import (
	"math"
	"math/bits"
	"runtime"
	"slices"
	"sync/atomic"
)

// An entry is a record that comes into the index or goes out of it, with what the index needs
// to know of it: reading that from the record later would be a cache miss.
type entry struct {
	hash      uint64 // of the key: see hashKey
	shortName string
	record    *record
}

func appendEntries(entries []entry, records []*record) []entry {
	for _, r := range records {
		entries = append(entries, entry{hashKey(hashString(r.shortName()), *r.typ), r.shortName(), r})
	}
	return entries
}

// nameBlock is the number of short names that are copied together. As long as one of them is
// used all stay in memory.
const nameBlock = 16

// cloneNames replaces the short names by copies: see slot.
func cloneNames(entries []entry) {
	var text []byte
	for block := range slices.Chunk(entries, nameBlock) {
		text = text[:0]
		for i := range block {
			text = append(text, block[i].shortName...)
		}
		names := string(text)
		for i := range block {
			n := len(block[i].shortName)
			block[i].shortName, names = names[:n], names[n:]
		}
	}
}

const (
	// rangeSize is the least number of entries that are worth another range of hashes.
	rangeSize = 4096
	// maxRangeBits limits the ranges to so many that the shards of each stay in the
	// processor's cache while they are filled.
	maxRangeBits = 6
	// editIDs is the number of edits that change one index: of the ranges, and of the whole.
	editIDs = 1<<maxRangeBits + 1
)

// apply adds and removes the records of document edits. If there are many, it divides them by
// the top bits of their hashes into ranges, which have no shard in common, and changes several
// ranges at once.
func (e *indexEdit) apply(edits []documentEdit) {
	total := 0
	for i := range edits {
		total += len(edits[i].gone) + len(edits[i].come)
	}
	depth := uint8(min(bits.Len(uint(total/rangeSize)), maxRangeBits))
	if depth == 0 {
		for i := range edits {
			e.replace(edits[i].gone, edits[i].come)
		}
		return
	}
	gone := partition(edits, depth, func(edit *documentEdit) []entry { return edit.gone })
	come := partition(edits, depth, func(edit *documentEdit) []entry { return edit.come })
	e.deepen(depth, come)
	parts := make([]indexEdit, 1<<depth)
	var next atomic.Int64
	onCores(len(parts), func() {
		for i := int(next.Add(1)) - 1; i < len(parts); i = int(next.Add(1)) - 1 {
			p := &parts[i]
			*p = indexEdit{index: e.index, id: e.id + 1 + uint64(i), floor: depth}
			p.divide(uint64(i)<<(64-depth), depth, countByHash(come[i], depth))
			p.replace(gone[i], come[i])
		}
	})
	e.merge(parts, depth)
}

// partition divides entries of edits by the top bits of their hashes. Each core takes a part of
// the edits: it counts the entries of each range, and then copies them to a place of its own.
func partition(edits []documentEdit, depth uint8, of func(*documentEdit) []entry) [][]entry {
	cores := runtime.GOMAXPROCS(0)
	chunks := slices.Collect(slices.Chunk(edits, (len(edits)+cores-1)/cores))
	places := make([][]int, len(chunks)) // of the next entry of each range, by chunk
	eachChunk := func(do func(chunk int, e *entry)) {
		var next atomic.Int64
		onCores(len(chunks), func() {
			for c := int(next.Add(1)) - 1; c < len(chunks); c = int(next.Add(1)) - 1 {
				for i := range chunks[c] {
					entries := of(&chunks[c][i])
					for k := range entries {
						do(c, &entries[k])
					}
				}
			}
		})
	}
	for c := range places {
		places[c] = make([]int, 1<<depth)
	}
	eachChunk(func(c int, e *entry) { places[c][e.hash>>(64-depth)]++ })
	parts := make([][]entry, 1<<depth)
	for i := range parts {
		size := 0
		for c := range places {
			size, places[c][i] = size+places[c][i], size
		}
		parts[i] = make([]entry, size)
	}
	eachChunk(func(c int, e *entry) {
		at := &places[c][e.hash>>(64-depth)]
		parts[e.hash>>(64-depth)][*at] = *e
		*at++
	})
	return parts
}

// deepen splits all shards until the hashes of each share as many first bits as depth, and makes the
// directory deep enough for the entries that come to each range. The ranges share the directory, so
// that it is made once.
func (e *indexEdit) deepen(depth uint8, come [][]entry) {
	e.begin()
	most := 0
	for i := range come {
		most = max(most, len(come[i]))
	}
	e.spread(depth + finer(most))
	for i := range uint64(1) << depth {
		e.splitTo(i<<(64-depth), depth)
	}
}

// finer returns how many more bits divide n entries with evenly spread hashes into shards that are
// half full.
func finer(n int) uint8 { return uint8(bits.Len(uint(2 * n / shardLimit))) }

// countByHash counts the entries by the bits of their hashes that follow the first ones, which all
// share. It uses as many bits as finer returns.
func countByHash(entries []entry, first uint8) []int {
	more := finer(len(entries))
	counts := make([]int, 1<<more)
	for i := range entries {
		counts[entries[i].hash<<first>>(64-more)]++
	}
	return counts
}

// divide makes the shards for so many entries in each part of the hashes that share so many first
// bits with hash. Splitting full shards one after the other would cost more.
func (e *indexEdit) divide(hash uint64, first uint8, counts []int) {
	total := 0
	for _, n := range counts {
		total += n
	}
	if half := len(counts) / 2; total > shardLimit && half > 0 {
		e.divide(hash, first+1, counts[:half])
		e.divide(hash|1<<(63-first), first+1, counts[half:])
		return
	}
	e.splitTo(hash, first)
}

// spread deepens the directory, whose shards stay as they are.
func (e *indexEdit) spread(depth uint8) {
	if was := e.index; e.depth < depth {
		e.arrange(depth, func(place uint64) shard { return *was.at(place >> (depth - was.depth)) })
	}
}

// splitTo splits the shard of a hash until its hashes share as many first bits as depth. The
// caller does so for every hash of a shard that is empty.
func (e *indexEdit) splitTo(hash uint64, depth uint8) {
	for s := e.shardOf(hash); s.depth() < depth; s = e.shardOf(hash) {
		if s.count() > 0 {
			e.split(s, hash)
		} else {
			e.fill(newShard(depth, e.id), hash)
		}
	}
}

// merge makes one index of those of ranges. Each part is up to date in its range, and is
// otherwise as e. Shards join where few entries are left, or where entries were definitions of
// the same keys, or of a family, so that they needed less room than was made.
func (e *indexEdit) merge(parts []indexEdit, depth uint8) {
	deepest := depth
	for i := range parts {
		p := &parts[i]
		for place, end := p.place(uint64(i)<<(64-depth)), uint64(i+1)<<(p.depth-depth); place < end; {
			s := p.at(place)
			deepest = max(deepest, s.depth())
			place += 1 << (p.depth - s.depth())
		}
	}
	families := e.families
	e.arrange(deepest, func(place uint64) shard {
		hash := place << (64 - deepest)
		return *parts[hash>>(64-depth)].shardOf(hash)
	})
	for i := range parts {
		e.families += parts[i].families - families
		e.count += parts[i].count
		e.hidden += parts[i].hidden
	}
	for hash, more := uint64(0), true; more; more = hash != 0 {
		for e.join(hash) {
		}
		hash |= math.MaxUint64 >> e.shardOf(hash).depth()
		hash++ // the first one of the next shard
	}
}

// replace removes and adds records. Most records that come have the keys of those that go, and
// then the keys of a shard stay as they are.
func (e *indexEdit) replace(gone, come []entry) {
	e.withdraw(gone)
	e.define(come)
	for i := range gone {
		of := &gone[i]
		e.removeEmpty(of.hash, of.shortName)
		if e.families > 0 {
			e.removeEmpty(hashFamily(hashString(of.shortName)), of.shortName)
		}
	}
}

// withdraw removes records. The definitions that they hid are visible again. A slot keeps its key
// when its tree has no records left.
func (e *indexEdit) withdraw(entries []entry) {
	for i := range entries {
		r := entries[i].record
		hash, root := e.definitionsOf(&entries[i])
		rest := root.remove(*r.typ, r.origin.document)
		if rest.winner(*r.typ) == nil {
			e.count--
		} else {
			e.hidden--
		}
		e.put(hash, entries[i].shortName, rest)
	}
}

// define adds records. Each hides definitions of its key in earlier documents, or is hidden
// itself.
func (e *indexEdit) define(entries []entry) {
	for i := range entries {
		r := entries[i].record
		hash, root := e.definitionsOf(&entries[i])
		switch {
		case root == nil: // nothing has been read from the record so far
			e.count++
			e.put(hash, entries[i].shortName, r)
			continue
		case root.winner(*r.typ) == nil:
			e.count++
		default:
			e.hidden++
		}
		e.put(hash, entries[i].shortName, root.insert(r))
	}
}

// definitionsOf is [index.definitions] for the key of an entry.
func (e *indexEdit) definitionsOf(of *entry) (hash uint64, root *record) {
	root = e.lookup(of.hash, of.shortName)
	if e.families == 0 {
		return of.hash, root
	}
	return e.definitions(of.shortName, *of.record.typ)
}
