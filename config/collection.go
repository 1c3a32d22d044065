package config

import (
	"fmt"
	"hash/maphash"
	"math/bits"

	"github.com/neurondex/neurondex/registry"
)

// A collection is the datasets of a document, and what shows that one comes twice.
type collection struct {
	p     *parser
	specs []registry.Spec

	// slots are a hash table of places in specs, each one more than it is: a map of the keys
	// would hash each of them twice, and hold them all once more. There are none for a
	// single dataset.
	slots []int32
	seed  maphash.Seed
}

func (p *parser) collect(at int32) collection {
	n := p.tree.nodes[at].length
	c := collection{p: p, specs: make([]registry.Spec, 0, n)}
	if n > 1 {
		c.slots, c.seed = make([]int32, 1<<bits.Len32(uint32(2*n))), maphash.MakeSeed()
	}
	return c
}

func (c *collection) add(at int32, where place, defaults map[string]string) {
	c.specs = c.specs[:len(c.specs)+1] // there is room for all
	s := &c.specs[len(c.specs)-1]
	c.p.dataset(s, at, where, defaults)
	if c.slots == nil {
		return // it is the only one
	}
	if first := c.first(s.Key()); first != s && s.ShortName != "" {
		c.p.report(int(c.p.tree.nodes[at].at), SeverityError, RuleDuplicateDataset, where.String(), fmt.Sprintf("dataset %v is defined in line %d already", s.Key(), first.Line))
	}
}

// first returns the first dataset with the key of the last one.
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
