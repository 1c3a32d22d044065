package config

import (
	"iter"
	"slices"
	"sync"

	"github.com/neurondex/neurondex/registry"
)

// A tree is the content of a document, the same for every format: what a codec
// makes of bytes. Its nodes are in one slice and refer to each other by place,
// so that a large document costs few allocations. The root is nodes[0].
type tree struct {
	nodes []node
	// index finds the children of objects that have many.
	index map[int32]map[string]int32
	// problems are faults that did not keep the codec from reading on.
	problems []problem
}

// A problem is a fault at an offset of a document.
type problem struct {
	rule    Rule
	at      int
	message string
}

func (p *problem) Error() string { return p.message }

type node struct {
	kind   registry.Kind
	toml   tableState
	field  uint8  // the field that the key names, one more than its place; 0: none
	key    string // in an object
	text   string // of a scalar
	keyAt  int32  // offset of the key
	at     int32  // offset of the value
	first  int32  // first child; 0: none, as the root is nobody's child
	last   int32
	next   int32 // next child of the same parent
	length int32 // number of children
}

// trees are for use again: most documents are small, and making room for each anew is
// most of what reading it costs.
var trees = sync.Pool{New: func() any { return new(tree) }}

// keptNodes is up to how many nodes a tree keeps its room for the next document.
const keptNodes = 1 << 16

// newTree returns an empty tree with room for about what a document of some size holds.
func newTree(size int) *tree {
	t := trees.Get().(*tree)
	t.nodes = slices.Grow(t.nodes, size/40+8)
	return t
}

// release gives a tree back, once nothing refers to it any more.
func (t *tree) release() {
	clear(t.nodes) // it must not keep a document's strings
	if cap(t.nodes) > keptNodes {
		t.nodes = nil
	}
	*t = tree{nodes: t.nodes[:0]}
	trees.Put(t)
}

// manyChildren is the number from which an object's children are indexed.
const manyChildren = 24

// add appends n to the children of parent and returns its place.
func (t *tree) add(parent int32, n node) int32 {
	at := int32(len(t.nodes))
	t.nodes = append(t.nodes, n)
	p := &t.nodes[parent]
	if p.first == 0 {
		p.first = at
	} else {
		t.nodes[p.last].next = at
	}
	p.last = at
	p.length++
	if p.kind != registry.KindObject || p.length < manyChildren {
		return at
	}
	names := t.index[parent]
	if names == nil {
		if t.index == nil {
			t.index = make(map[int32]map[string]int32)
		}
		names = make(map[string]int32)
		t.index[parent] = names
		for c := p.first; c != 0; c = t.nodes[c].next {
			names[t.nodes[c].key] = c
		}
	}
	names[n.key] = at
	return at
}

// child returns the place of the child of an object with a key, 0 if it has none.
func (t *tree) child(parent int32, key string) int32 { return t.childOf(parent, []byte(key)) }

func (t *tree) childOf(parent int32, key []byte) int32 {
	p := &t.nodes[parent]
	if p.length >= manyChildren {
		return t.index[parent][string(key)]
	}
	for c := p.first; c != 0; c = t.nodes[c].next {
		if t.nodes[c].key == string(key) {
			return c
		}
	}
	return 0
}

// children yields the places of a node's children, in order.
func (t *tree) children(at int32) iter.Seq[int32] {
	return func(yield func(int32) bool) {
		for c := t.nodes[at].first; c != 0; c = t.nodes[c].next {
			if !yield(c) {
				return
			}
		}
	}
}

// value returns the value of a node as an extra field keeps it.
func (t *tree) value(at int32) registry.Value {
	n := &t.nodes[at]
	switch n.kind {
	case registry.KindBool:
		return registry.BoolValue(n.text == "true")
	case registry.KindInteger:
		return registry.IntegerValue(n.text)
	case registry.KindFloat:
		return registry.FloatValue(n.text)
	case registry.KindString:
		return registry.StringValue(n.text)
	case registry.KindTime:
		return registry.TimeValue(n.text)
	case registry.KindList:
		items := make([]registry.Value, 0, n.length)
		for c := range t.children(at) {
			items = append(items, t.value(c))
		}
		return registry.ListValue(items...)
	case registry.KindObject:
		fields := make([]registry.Field, 0, n.length)
		for c := range t.children(at) {
			fields = append(fields, registry.Field{Name: t.nodes[c].key, Value: t.value(c)})
		}
		return registry.ObjectValue(fields...)
	default:
		return registry.Value{}
	}
}
