package config

import (
	"bytes"
	"fmt"
	"iter"
	"slices"

	"github.com/neurondex/neurondex/registry"
)

// A tree is the content of a document, independent of its format. The nodes are in one
// slice, and refer to each other and to the text by index rather than by pointer: a large
// document costs few allocations and gives the garbage collector nothing to scan. The root
// is nodes[0].
type tree struct {
	// text is the document, followed by the unescaped forms of strings that have escapes. It is
	// a []byte so that every string made from it is a copy.
	text  []byte
	size  int // of the document in text
	nodes []node
	// index maps the keys of objects with many children to the children.
	index map[int32]map[string]int32
	// duplicates holds the keys that a JSON object has twice, after which the codec continues.
	duplicates []duplicateKey
}

// A duplicateKey is a key that its object already has.
type duplicateKey struct {
	key span
	at  int32
}

// A problem is a fault at an offset of a document.
type problem struct {
	rule    Rule
	at      int
	message string
}

// Error implements error.
func (p *problem) Error() string { return p.message }

func duplicateMessage(key []byte) string {
	return fmt.Sprintf("duplicate key %q", truncate(string(key)))
}

// A node is a value of the document, with its key if it is in an object.
type node struct {
	kind   registry.Kind
	toml   tableState
	field  uint8 // index in fields of the key, plus one; 0 if the key is not a field
	key    span
	text   span  // of a scalar
	keyAt  int32 // offset of the key
	at     int32 // offset of the value
	first  int32 // first child; 0 if there is none, as the root is no child
	last   int32 // last child
	next   int32 // next sibling; 0 if there is none
	length int32 // number of children
}

// A span is a part of a tree's text.
type span struct{ from, to int32 }

// reset makes t an empty tree of a copy of a document, with room for an estimate of its nodes.
func (t *tree) reset(document []byte) {
	t.text = append(t.text[:0], document...)
	*t = tree{text: t.text, size: len(document), nodes: slices.Grow(t.nodes[:0], len(document)/40+8)}
}

func (t *tree) document() []byte { return t.text[:t.size] }

func (t *tree) bytes(s span) []byte { return t.text[s.from:s.to] }

// key returns the key of a node. Like the result of textOf, it is valid until reset.
func (t *tree) key(n *node) []byte { return t.bytes(n.key) }

// textOf returns the text of a scalar.
func (t *tree) textOf(n *node) []byte { return t.bytes(n.text) }

// keep appends to the text what the document does not contain literally.
func (t *tree) keep(text []byte) span {
	from := len(t.text)
	t.text = append(t.text, text...)
	return span{int32(from), int32(len(t.text))}
}

// manyChildren is the number of children at which an object gets an index.
const manyChildren = 24

// add appends n to the children of parent and returns its index in nodes.
func (t *tree) add(parent int32, n node) int32 {
	at := int32(len(t.nodes))
	if len(t.nodes) == cap(t.nodes) && len(t.nodes) > keptNodes {
		t.nodes = slices.Grow(t.nodes, len(t.nodes)) // append would grow by a quarter, time and again
	}
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
			names[string(t.key(&t.nodes[c]))] = c
		}
	}
	names[string(t.key(&n))] = at
	return at
}

// lastField returns the field of an object's last child, which is 0 if there is none.
func (t *tree) lastField(parent int32) uint8 { return t.nodes[t.nodes[parent].last].field }

// child returns the child of an object that has the key, or 0.
func (t *tree) child(parent int32, key string) int32 { return t.childOf(parent, []byte(key)) }

// childOf is child for a key in bytes.
func (t *tree) childOf(parent int32, key []byte) int32 {
	p := &t.nodes[parent]
	if p.length >= manyChildren {
		return t.index[parent][string(key)]
	}
	for c := p.first; c != 0; c = t.nodes[c].next {
		if string(t.key(&t.nodes[c])) == string(key) {
			return c
		}
	}
	return 0
}

// children returns an iterator over a node's children, in the order of the document.
func (t *tree) children(at int32) iter.Seq[int32] {
	return func(yield func(int32) bool) {
		for c := t.nodes[at].first; c != 0; c = t.nodes[c].next {
			if !yield(c) {
				return
			}
		}
	}
}

// equal reports whether two nodes have equal values. Its cost is that of the smaller value.
func (t *tree) equal(a, b int32) bool {
	n, m := &t.nodes[a], &t.nodes[b]
	if n.kind != m.kind || n.length != m.length || !bytes.Equal(t.textOf(n), t.textOf(m)) {
		return false
	}
	c, d := n.first, m.first
	for ; c != 0; c, d = t.nodes[c].next, t.nodes[d].next {
		if !bytes.Equal(t.key(&t.nodes[c]), t.key(&t.nodes[d])) || !t.equal(c, d) {
			return false
		}
	}
	return true
}

// value returns the value of a node, for an extra field.
func (t *tree) value(at int32) registry.Value {
	n := &t.nodes[at]
	switch n.kind {
	case registry.KindBool:
		return registry.BoolValue(string(t.textOf(n)) == "true")
	case registry.KindInteger:
		return scalar(registry.ParseInteger(string(t.textOf(n))))
	case registry.KindFloat:
		return scalar(registry.ParseFloat(string(t.textOf(n))))
	case registry.KindString:
		return registry.StringValue(string(t.textOf(n)))
	case registry.KindTime:
		return scalar(registry.ParseTime(string(t.textOf(n))))
	case registry.KindList:
		items := make([]registry.Value, 0, n.length)
		for c := range t.children(at) {
			items = append(items, t.value(c))
		}
		return registry.ListValue(items...)
	case registry.KindObject:
		fields := make([]registry.Field, 0, n.length)
		for c := range t.children(at) {
			fields = append(fields, registry.Field{Name: string(t.key(&t.nodes[c])), Value: t.value(c)})
		}
		return registry.ObjectValue(fields...)
	default:
		return registry.Value{}
	}
}

// scalar returns a value that the codec has checked already.
func scalar(v registry.Value, err error) registry.Value {
	if err != nil {
		panic(err)
	}
	return v
}
