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
	b := &tomlBuilder{&l.tree, &l.toml}
	b.tree.nodes = append(b.tree.nodes, node{kind: registry.KindObject, toml: headed})
	b.parser.Reset(b.tree.document())
	current, depth := int32(0), 0
	for b.parser.NextExpression() {
		e := b.parser.Expression()
		var err *problem
		switch e.Kind {
		case unstable.Table, unstable.ArrayTable:
			current, depth, err = b.header(e)
		case unstable.KeyValue:
			err = b.keyValue(current, depth, e)
		}
		if err != nil {
			return err
		}
		if n := len(b.tree.nodes); n > l.maxValues {
			return l.tooMany(int(b.tree.nodes[n-1].at))
		}
	}
	if err := b.parser.Error(); err != nil {
		return tomlProblem(b.parser, err)
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
}

// header returns the table that a [header] or [[header]] names, adding it if necessary.
func (b *tomlBuilder) header(e *unstable.Node) (table int32, depth int, _ *problem) {
	at := int32(0)
	for keys := e.Key(); keys.Next(); {
		key := keys.Node()
		if depth++; depth > maxDepth {
			return 0, 0, tooDeep(int(key.Raw.Offset))
		}
		child := b.tree.childOf(at, key.Data)
		switch {
		case !keys.IsLast():
			at = b.pass(at, child, key)
		case e.Kind == unstable.Table:
			at = b.table(at, child, key)
		default:
			at = b.tableOfList(at, child, key)
		}
		if at < 0 {
			return 0, 0, b.duplicate(key)
		}
	}
	return at, depth, nil
}

// pass returns the table for a part of a header's name that is not the last: a table, or the
// last table of an array of tables. It returns -1 if the table cannot be extended.
func (b *tomlBuilder) pass(parent, child int32, key *unstable.Node) int32 {
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

// table returns the table that the last part of a [header] names, or -1 if it is a duplicate.
func (b *tomlBuilder) table(parent, child int32, key *unstable.Node) int32 {
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
func (b *tomlBuilder) tableOfList(parent, child int32, key *unstable.Node) int32 {
	if child == 0 {
		child = b.tree.add(parent, b.fresh(key, registry.KindList, ofTables))
	} else if b.node(child).toml != ofTables {
		return -1
	}
	at := int32(key.Raw.Offset)
	return b.tree.add(child, node{kind: registry.KindObject, toml: headed, at: at})
}

// keyValue adds a key and its value to a table.
func (b *tomlBuilder) keyValue(table int32, depth int, e *unstable.Node) *problem {
	for keys := e.Key(); keys.Next(); {
		key := keys.Node()
		child := b.tree.childOf(table, key.Data)
		if keys.IsLast() {
			if child != 0 {
				return b.duplicate(key)
			}
			return b.value(table, depth, key, e.Value())
		}
		if depth++; depth > maxDepth {
			return tooDeep(int(key.Raw.Offset))
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

// value adds a value to a table under key, or to an array if key is nil.
func (b *tomlBuilder) value(parent int32, depth int, key, v *unstable.Node) *problem {
	n := node{at: int32(v.Raw.Offset)}
	if key != nil {
		n.key, n.field = b.span(key.Data), fieldNamed(key.Data, b.tree.lastField(parent))
		n.keyAt = int32(key.Raw.Offset)
		if v.Raw.Length == 0 {
			n.at = n.keyAt
		}
	} else if v.Raw.Length == 0 {
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
				err = b.value(place, depth+1, nil, c)
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
			return &problem{RuleSyntax, int(v.Raw.Offset), err.Error()}
		}
		n.kind, n.text = kind, b.tree.keep([]byte(text))
	}
	b.tree.add(parent, n)
	return nil
}

func (b *tomlBuilder) node(at int32) *node { return &b.tree.nodes[at] }

// fresh returns a node without children for a key.
func (b *tomlBuilder) fresh(key *unstable.Node, kind registry.Kind, state tableState) node {
	at := int32(key.Raw.Offset)
	n := node{kind: kind, toml: state, keyAt: at, at: at}
	n.key, n.field = b.span(key.Data), fieldNamed(key.Data, 0)
	return n
}

// span returns the span of bytes that the parser found. They are part of the document unless
// they had escapes.
func (b *tomlBuilder) span(found []byte) span {
	if len(found) == 0 {
		return span{}
	}
	document := b.parser.Data()
	at := cap(document) - cap(found) // a part of the document ends with the same array
	if at < 0 || at >= len(document) || &document[at] != &found[0] {
		return b.tree.keep(found)
	}
	return span{int32(at), int32(at + len(found))}
}

func (b *tomlBuilder) duplicate(key *unstable.Node) *problem {
	return &problem{RuleDuplicateKey, int(key.Raw.Offset), duplicateMessage(key.Data)}
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

// tomlProblem returns the problem for an error of the TOML parser.
func tomlProblem(p *unstable.Parser, err error) *problem {
	perr, ok := errors.AsType[*unstable.ParserError](err)
	if !ok {
		return &problem{RuleSyntax, 0, err.Error()}
	}
	// A parser error without a highlight is at the end of the data.
	at := len(p.Data())
	if len(perr.Highlight) > 0 {
		at = int(p.Range(perr.Highlight).Offset)
	}
	if strings.Contains(perr.Message, "levels deep") {
		return tooDeep(at) // the parser's own limit, which protects its stack
	}
	return &problem{RuleSyntax, at, perr.Message}
}
