package config

import (
	"errors"
	"fmt"
	"strings"

	"github.com/neurondex/neurondex/registry"
	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// A tableState says how a table or list of a TOML document came about, which
// decides who may still add to it.
type tableState uint8

const (
	implied  tableState = iota // named only on the way to another: [a] in [a.b]
	headed                     // by a header of its own: [a]
	dotted                     // by a dotted key: a.b = 1
	closed                     // written whole, in line
	ofTables                   // a list, by [[a]]
)

// decodeTOML makes the tree of a TOML document in one pass over its expressions. The
// parser knows the grammar; that no table and no key is defined twice is checked
// here.
func (l *loader) decodeTOML() error {
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
	}
	if err := b.parser.Error(); err != nil {
		return tomlProblem(b.parser, err)
	}
	return nil
}

type tomlBuilder struct {
	tree   *tree
	parser *unstable.Parser
}

// header goes to, or makes, the table that a [header] or [[header]] names.
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
			return 0, 0, b.twice(key)
		}
	}
	return at, depth, nil
}

// pass goes through a table, or the last one of a list of tables, on the way to
// another. It returns -1 where nothing may be added.
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
				return b.twice(key)
			}
			return b.value(table, depth, key, e.Value())
		}
		if depth++; depth > maxDepth {
			return tooDeep(int(key.Raw.Offset))
		}
		switch {
		case child == 0:
			child = b.tree.add(table, b.fresh(key, registry.KindObject, dotted))
		case b.node(child).kind != registry.KindObject || b.node(child).toml != dotted:
			return b.twice(key)
		}
		table = child
	}
	return nil
}

// value adds a value under key, or with none to a list.
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
		b.close(place)
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

// close marks the tables that dotted keys made inside an inline table as whole.
func (b *tomlBuilder) close(at int32) {
	for c := b.node(at).first; c != 0; c = b.node(c).next {
		if n := b.node(c); n.kind == registry.KindObject && n.toml == dotted {
			n.toml = closed
			b.close(c)
		}
	}
}

func (b *tomlBuilder) node(at int32) *node { return &b.tree.nodes[at] }

func (b *tomlBuilder) fresh(key *unstable.Node, kind registry.Kind, state tableState) node {
	at := int32(key.Raw.Offset)
	n := node{kind: kind, toml: state, keyAt: at, at: at}
	n.key, n.field = b.span(key.Data), fieldNamed(key.Data, 0)
	return n
}

// span returns where in the tree's text something is that the parser found. It is a part
// of the document unless it has escapes.
func (b *tomlBuilder) span(found []byte) span {
	if len(found) == 0 {
		return span{}
	}
	document := b.parser.Data()
	at := cap(document) - cap(found) // if it is a part, both end with the same array
	if at < 0 || at >= len(document) || &document[at] != &found[0] {
		return b.tree.keep(found)
	}
	return span{int32(at), int32(at + len(found))}
}

func (b *tomlBuilder) twice(key *unstable.Node) *problem {
	return &problem{RuleDuplicateKey, int(key.Raw.Offset), fmt.Sprintf("key %q is defined twice", key.Data)}
}

// tomlScalar returns the kind and the text of a number or time: in JSON's form for
// numbers, exactly as written otherwise. The parser finds where they end, and leaves
// it to its user whether they are right: all but plain small integers are held
// against a full reading.
func tomlScalar(v *unstable.Node) (registry.Kind, string, error) {
	text := string(v.Data)
	if v.Kind == unstable.Integer && plainInteger(text) {
		return registry.KindInteger, text, nil
	}
	var full struct{ V any }
	if err := toml.Unmarshal([]byte("V = "+text), &full); err != nil {
		return 0, "", fmt.Errorf("%s is not a valid %s: %s", text, strings.ToLower(v.Kind.String()), strings.TrimPrefix(err.Error(), "toml: "))
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

func plainInteger(text string) bool {
	if len(text) > 18 || len(text) > 1 && text[0] == '0' {
		return false
	}
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return true
}

func tomlProblem(p *unstable.Parser, err error) *problem {
	perr, ok := errors.AsType[*unstable.ParserError](err)
	if !ok {
		return &problem{RuleSyntax, 0, err.Error()}
	}
	// What the parser points at begins at most at the end of the data.
	at := len(p.Data())
	if len(perr.Highlight) > 0 {
		at = int(p.Range(perr.Highlight).Offset)
	}
	if strings.Contains(perr.Message, "levels deep") {
		return tooDeep(at) // the parser has a limit of its own, so as not to overflow its stack
	}
	return &problem{RuleSyntax, at, perr.Message}
}
