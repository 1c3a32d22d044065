package config

import (
	"fmt"
	"hash/maphash"
	"math/bits"
	"slices"

	"github.com/neurondex/neurondex/registry"
)

// A collection gathers the datasets of a document and finds duplicates among them.
type collection struct {
	p     *parser
	specs []registry.Spec

	// slots is an open-addressing hash table of indexes into specs, plus one. A map would
	// hash every key twice and store it again. It is nil if there is at most one dataset.
	slots []int32
	seed  maphash.Seed
}

// minBytes is less than what a valid dataset takes in a document.
const minBytes = 40

// newCollection returns a collection with room for the children of a node.
func (p *parser) newCollection(at int32) collection {
	n := int(p.tree.nodes[at].length)
	c := collection{p: p, specs: make([]registry.Spec, 0, min(n, len(p.text)/minBytes+1))}
	if n > 1 {
		c.slots, c.seed = make([]int32, 1<<bits.Len(uint(2*n))), maphash.MakeSeed()
	}
	return c
}

// add reads the dataset at a node.
func (c *collection) add(at int32, where place, key mapKey) {
	if len(c.specs) == cap(c.specs) { // only a document with errors has so many
		c.specs = slices.Grow(c.specs, len(c.specs))
	}
	c.specs = append(c.specs, registry.Spec{})
	s := &c.specs[len(c.specs)-1]
	c.p.dataset(s, at, where, key)
	if s.ShortName == "" {
		c.specs = c.specs[:len(c.specs)-1] // the document is rejected
		return
	}
	if c.slots == nil {
		return
	}
	first := c.first(s.Key())
	if first == s {
		return
	}
	if d := c.p.report(int(c.p.tree.nodes[at].at), SeverityError, RuleDuplicateDataset); d != nil {
		d.Field, d.Message = where.String(), fmt.Sprintf("dataset %s is already defined on line %d", keyText(s.Key()), first.Line)
	}
}

// first returns the first dataset that has the key of the last one.
func (c *collection) first(key registry.Key) *registry.Spec {
	for hash := maphash.Comparable(c.seed, key); ; hash++ {
		slot := &c.slots[hash&uint64(len(c.slots)-1)]
		if *slot == 0 {
			*slot = int32(len(c.specs))
		}
		if s := &c.specs[*slot-1]; s.Key() == key {
			return s
		}
	}
}
