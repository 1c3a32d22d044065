package registry

import "math/bits"

// positions is an open-addressed hash table of positions, plus one. A map would store the keys
// and their hashes as well.
type positions []int32

// tableSize returns the number of slots for n positions. At least a third of them stay free.
func tableSize(n int) int { return 1 << bits.Len(uint(n+n/2)) }

// reset empties the table and makes room for n positions.
func (t *positions) reset(n int) {
	size := tableSize(n)
	if cap(*t) < size || cap(*t) > maxReused && cap(*t) > size {
		*t = make(positions, size)
		return
	}
	*t = (*t)[:size]
	clear(*t)
}

// named returns the slot of a short name, which is 0 if it has no position yet.
func (t positions) named(specs []Spec, shortName string) *int32 {
	for hash := hashString(shortName); ; hash++ {
		slot := &t[hash&uint64(len(t)-1)]
		if *slot == 0 || specs[*slot-1].ShortName == shortName {
			return slot
		}
	}
}

// keyed is named for a key.
func (t positions) keyed(specs []Spec, k Key) *int32 {
	for hash := hashPair(k.ShortName, k.DerivedScalarType); ; hash++ {
		slot := &t[hash&uint64(len(t)-1)]
		if *slot == 0 || specs[*slot-1].Key() == k {
			return slot
		}
	}
}

// positionsOf returns the positions of records, which have no key twice.
func positionsOf(records []*record) positions {
	t := make(positions, tableSize(len(records)))
	for i, r := range records {
		hash := hashPair(r.shortName(), *r.typ)
		for t[hash&uint64(len(t)-1)] != 0 {
			hash++
		}
		t[hash&uint64(len(t)-1)] = int32(i) + 1
	}
	return t
}

// of returns the position in records of the one with the key of r, which must exist.
func (t positions) of(r *record, records []*record) int {
	for hash := hashPair(r.shortName(), *r.typ); ; hash++ {
		at := int(t[hash&uint64(len(t)-1)]) - 1
		if records[at].hasKey(r.shortName(), *r.typ) {
			return at
		}
	}
}
