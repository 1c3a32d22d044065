package config

import (
	"fmt"
	"hash/maphash"
	"math/bits"
	"slices"

	"github.com/neurondex/neurondex/registry"
)

// A collection adds datasets to those of a parser and finds duplicates among them.
type collection struct {
	p *parser
	// others are the datasets after the first error, of which only duplicates are of interest:
	// a document may define a great number of datasets that lack nearly everything.
	others []definition

	// slots is an open-addressing hash table of indexes into the datasets, plus one, and of indexes
	// into others, negative and minus one. A map would hash every key twice and store it again.
	// It is nil if there is at most one dataset.
	slots []int32
	seed  maphash.Seed
}

// A definition is where a dataset is defined.
type definition struct {
	key  registry.Key
	line int
}

// minBytes is less than what a valid dataset takes in a document.
const minBytes = 40

// newCollection returns a collection of the children of a node, and makes room for them.
func (p *parser) newCollection(at int32) collection {
	n := int(p.tree.nodes[at].length)
	p.expected = n
	p.specs = slices.Grow(p.specs, min(n, len(p.text)/minBytes+1))
	c := collection{p: p}
	if n > 1 {
		c.slots, c.seed = make([]int32, 1<<bits.Len(uint(2*n))), maphash.MakeSeed()
	}
	return c
}

// add reads the dataset at a node.
func (c *collection) add(at int32, where place, key mapKey) {
	s := c.p.readDataset(at, where, key)
	d, slot := definition{s.Key(), s.Line}, int32(len(c.p.specs))
	if c.p.found.count[SeverityError] > 0 {
		*s = registry.Spec{} // what it refers to is not needed any more
		c.p.specs = c.p.specs[:len(c.p.specs)-1]
		if d.key.ShortName == "" {
			return
		}
		c.others = append(c.others, d)
		slot = -int32(len(c.others))
	}
	if c.slots == nil {
		return
	}
	line, twice := c.define(d.key, slot)
	if !twice {
		return
	}
	nameAt, namePath := c.p.nameOf(at, where)
	if report := c.p.report(nameAt, SeverityError, RuleDuplicateDataset); report != nil {
		report.Field, report.Message = namePath, fmt.Sprintf("dataset %s is already defined on line %d", keyText(d.key), line)
	}
}

// nameOf returns the offset and the path of the short name of the dataset at a node.
func (p *parser) nameOf(at int32, where place) (int, string) {
	e := entry{p: p, at: at, where: where}
	f := &fields[shortNamePlace]
	for _, name := range []string{f.snake, f.camel} { // camelCase wins
		if c := p.tree.child(at, name); c != 0 {
			e.given[f.place] = c
		}
	}
	return e.placeOf(f)
}

// define enters a key into slots. If it is already there, define returns the line of its first
// definition.
func (c *collection) define(key registry.Key, as int32) (line int, twice bool) {
	for hash := maphash.Comparable(c.seed, key); ; hash++ {
		slot := &c.slots[hash&uint64(len(c.slots)-1)]
		switch {
		case *slot == 0:
			*slot = as
			return 0, false
		case *slot > 0:
			if s := &c.p.specs[*slot-1]; s.Key() == key {
				return s.Line, true
			}
		default:
			if d := &c.others[-*slot-1]; d.key == key {
				return d.line, true
			}
		}
	}
}
