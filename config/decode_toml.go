package config

import (
	"errors"
	"fmt"
	"strings"

	"github.com/neurondex/neurondex/registry"
	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// A tableState is how a table or array of a TOML document was defined, which determines
// what may still extend it.
type tableState uint8

const (
	implied  tableState = iota // as part of another table's name: a in [a.b]
	headed                     // by its own header: [a]
	dotted                     // by a dotted key: a.b = 1
	closed                     // inline: { ... } or [ ... ]
	ofTables                   // an array of tables: [[a]]
)

// decodeTOML builds the tree of a TOML document in one pass over its expressions. The
// parser checks the grammar, and the builder checks that no key or table is defined twice.
func (l *loader) decodeTOML() error {
	if err := l.scanTOML(l.tree.document()); err != nil {
		return err
	}
	b := &tomlBuilder{tree: &l.tree, parser: &l.toml}
	b.tree.nodes = append(b.tree.nodes, node{kind: registry.KindObject, toml: headed})
	for at := 0; at < b.tree.size; {
		next, ok, err := b.plainLine(at)
		if !ok {
			next, err = b.expression(at)
		}
		if err != nil {
			return err
		}
		if n := len(b.tree.nodes); n > l.maxValues {
			return l.tooMany(int(b.tree.nodes[n-1].at))
		}
		at = next
	}
	if b.tree.size > keptBytes {
		l.toml = unstable.Parser{} // its nodes take far more than the document
	}
	return nil
}

// A tomlBuilder builds a tree from the expressions of a TOML document.
type tomlBuilder struct {
	tree   *tree
	parser *unstable.Parser
	base   int32 // offset where the parser began

	table int32 // that the last header named
	depth int   // of table
}

// A keyPart is a part of a dotted key, or a key without dots.
type keyPart struct {
	name span
	at   int32 // offset, of the quotes if it has any
}

// expression reads the next expression from an offset on with the parser, and adds what it
// defines. It returns the offset of the line after the expression.
func (b *tomlBuilder) expression(from int) (next int, _ *problem) {
	document := b.tree.document()
	b.base = int32(from)
	b.parser.Reset(document[from:])
	if !b.parser.NextExpression() {
		if err := b.parser.Error(); err != nil {
			return 0, b.problem(err)
		}
		return len(document), nil
	}
	e := b.parser.Expression()
	if e.Kind == unstable.KeyValue {
		err := b.keyValue(b.table, b.depth, e)
		return endOfLine(document, int(b.offset(e.Raw)+int32(e.Raw.Length))), err
	}
	end, err := b.header(e)
	return endOfLine(document, int(end)), err
}

// header makes the table that a [header] or [[header]] names the current one, adding it if
// necessary. It returns the offset of the end of the name.
func (b *tomlBuilder) header(e *unstable.Node) (end int32, _ *problem) {
	at, depth := int32(0), 0
	for keys := e.Key(); keys.Next(); {
		key := b.key(keys.Node())
		end = key.at + int32(keys.Node().Raw.Length)
		if depth++; depth > maxDepth {
			return 0, tooDeep(int(key.at))
		}
		switch {
		case !keys.IsLast():
			at = b.pass(at, key)
		case e.Kind == unstable.Table:
			at = b.tableOf(at, key)
		default:
			at = b.tableOfList(at, key)
		}
		if at < 0 {
			return 0, b.duplicate(key)
		}
	}
	b.table, b.depth = at, depth
	return end, nil
}

// pass returns the table for a part of a header's name that is not the last: a table, or the
// last table of an array of tables. It returns -1 if the table cannot be extended.
func (b *tomlBuilder) pass(parent int32, key keyPart) int32 {
	child := b.child(parent, key)
	if child == 0 {
		return b.tree.add(parent, b.fresh(key, registry.KindObject, implied))
	}
	switch n := b.node(child); {
	case n.toml == ofTables:
		return n.last
	case n.kind == registry.KindObject && n.toml != closed:
		return child
	}
	return -1
}

// tableOf returns the table that the last part of a [header] names, or -1 if it is a duplicate.
func (b *tomlBuilder) tableOf(parent int32, key keyPart) int32 {
	child := b.child(parent, key)
	if child == 0 {
		return b.tree.add(parent, b.fresh(key, registry.KindObject, headed))
	}
	if n := b.node(child); n.kind == registry.KindObject && n.toml == implied {
		n.toml = headed
		return child
	}
	return -1
}

// tableOfList appends a table to the array that the last part of a [[header]] names. It
// returns -1 if that is not an array of tables.
func (b *tomlBuilder) tableOfList(parent int32, key keyPart) int32 {
	child := b.child(parent, key)
	if child == 0 {
		child = b.tree.add(parent, b.fresh(key, registry.KindList, ofTables))
	} else if b.node(child).toml != ofTables {
		return -1
	}
	return b.tree.add(child, node{kind: registry.KindObject, toml: headed, at: key.at})
}

// keyValue adds a key and its value to a table.
func (b *tomlBuilder) keyValue(table int32, depth int, e *unstable.Node) *problem {
	for keys := e.Key(); keys.Next(); {
		key := b.key(keys.Node())
		child := b.child(table, key)
		if keys.IsLast() {
			if child != 0 {
				return b.duplicate(key)
			}
			return b.value(table, depth, b.field(table, key), e.Value())
		}
		if depth++; depth > maxDepth {
			return tooDeep(int(key.at))
		}
		switch {
		case child == 0:
			child = b.tree.add(table, b.fresh(key, registry.KindObject, dotted))
		case b.node(child).toml != dotted:
			return b.duplicate(key)
		}
		table = child
	}
	return nil
}

// value sets the value of n, which has its key if it is in a table, and adds n to its parent, a
// table or an array. If the parser does not report the offset of the value, it is that of the key,
// or of the array.
func (b *tomlBuilder) value(parent int32, depth int, n node, v *unstable.Node) *problem {
	switch {
	case v.Raw.Length > 0:
		n.at = b.offset(v.Raw)
	case n.keyAt > 0:
		n.at = n.keyAt
	default:
		n.at = b.node(parent).at
	}
	switch v.Kind {
	case unstable.String:
		n.kind, n.text = registry.KindString, b.span(v.Data)
	case unstable.Bool:
		n.kind, n.text = registry.KindBool, b.span(v.Data)
	case unstable.Array, unstable.InlineTable:
		if depth == maxDepth {
			return tooDeep(int(n.at))
		}
		n.kind, n.toml = registry.KindObject, closed
		if v.Kind == unstable.Array {
			n.kind = registry.KindList
		}
		place := b.tree.add(parent, n)
		for children := v.Children(); children.Next(); {
			c := children.Node()
			var err *problem
			switch {
			case c.Kind == unstable.Comment:
			case v.Kind == unstable.Array:
				err = b.value(place, depth+1, node{}, c)
			default:
				err = b.keyValue(place, depth+1, c)
			}
			if err != nil {
				return err
			}
		}
		return nil
	default:
		kind, text, err := tomlScalar(v)
		if err != nil {
			return &problem{RuleSyntax, int(b.offset(v.Raw)), err.Error()}
		}
		n.kind, n.text = kind, b.tree.keep([]byte(text))
	}
	b.tree.add(parent, n)
	return nil
}

func (b *tomlBuilder) node(at int32) *node { return &b.tree.nodes[at] }

func (b *tomlBuilder) child(parent int32, key keyPart) int32 {
	return b.tree.childOf(parent, b.tree.bytes(key.name))
}

// fresh returns a node without children for a part of the name of a table.
func (b *tomlBuilder) fresh(key keyPart, kind registry.Kind, state tableState) node {
	return node{
		kind: kind, toml: state, keyAt: key.at, at: key.at,
		key: key.name, field: fieldNamed(b.tree.bytes(key.name), 0),
	}
}

// field returns a node for a key of a table, without its value.
func (b *tomlBuilder) field(table int32, key keyPart) node {
	return node{keyAt: key.at, key: key.name, field: fieldNamed(b.tree.bytes(key.name), b.tree.lastField(table))}
}

// key returns a part of a key that the parser found.
func (b *tomlBuilder) key(n *unstable.Node) keyPart { return keyPart{b.span(n.Data), b.offset(n.Raw)} }

// offset returns the offset in the document of what the parser found.
func (b *tomlBuilder) offset(found unstable.Range) int32 { return b.base + int32(found.Offset) }

// span returns the span of bytes that the parser found. They are part of the document unless
// they had escapes.
func (b *tomlBuilder) span(found []byte) span {
	if len(found) == 0 {
		return span{}
	}
	data := b.parser.Data()
	at := cap(data) - cap(found) // a part of the document ends with the same array
	if at < 0 || at >= len(data) || &data[at] != &found[0] {
		return b.tree.keep(found)
	}
	return span{b.base + int32(at), b.base + int32(at+len(found))}
}

func (b *tomlBuilder) duplicate(key keyPart) *problem {
	return &problem{RuleDuplicateKey, int(key.at), duplicateMessage(b.tree.bytes(key.name))}
}

// tomlScalar returns the kind and the text of a number or time. Numbers are in JSON's form,
// and times exactly as written. The parser finds where the scalar ends but does not check
// it, so everything but a plain number is decoded in full.
func tomlScalar(v *unstable.Node) (registry.Kind, string, error) {
	text := string(v.Data)
	if kind := plainNumber(text); kind != registry.KindNull {
		return kind, text, nil
	}
	var full struct{ V any }
	if err := toml.Unmarshal([]byte("V = "+text), &full); err != nil {
		return 0, "", fmt.Errorf("invalid value %s: %s", truncate(text), strings.TrimPrefix(err.Error(), "toml: "))
	}
	switch value := full.V.(type) {
	case int64:
		return registry.KindInteger, fmt.Sprint(value), nil
	case float64:
		return registry.KindFloat, strings.TrimPrefix(strings.ReplaceAll(text, "_", ""), "+"), nil
	default:
		return registry.KindTime, text, nil
	}
}

// plainNumber returns the kind of a number whose text is that of the same number in JSON, and
// which fits into 64 bits. It returns [registry.KindNull] for a text that needs a full parser.
func plainNumber(text string) registry.Kind {
	whole, fraction, isFloat := strings.Cut(strings.TrimPrefix(text, "-"), ".")
	switch {
	case text == "inf" || text == "-inf" || text == "nan":
		return registry.KindFloat
	case len(text) > 18 || !isDigits(whole) || len(whole) > 1 && whole[0] == '0':
		return registry.KindNull
	case !isFloat:
		return registry.KindInteger
	case isDigits(fraction):
		return registry.KindFloat
	}
	return registry.KindNull
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// problem returns the problem for an error of the parser.
func (b *tomlBuilder) problem(err error) *problem {
	perr, ok := errors.AsType[*unstable.ParserError](err)
	if !ok {
		return &problem{RuleSyntax, 0, err.Error()}
	}
	// A parser error without a highlight is at the end of the data.
	at := b.tree.size
	if len(perr.Highlight) > 0 {
		at = int(b.offset(b.parser.Range(perr.Highlight)))
	}
	if strings.Contains(perr.Message, "levels deep") {
		return tooDeep(at) // the parser's own limit, which protects its stack
	}
	return &problem{RuleSyntax, at, perr.Message}
}
