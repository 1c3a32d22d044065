package config

import (
	"bytes"
	"encoding/binary"
	"math/bits"

	"github.com/neurondex/neurondex/registry"
)

// Nearly all lines of a dataset file have one of these forms:
//
//	[[datasets]]
//	short_name = "gpt2-small"
//	layers = 12
//	deprecated = true
//
// The parser took a third of the time of a load to read them. A line of such a form, without escapes
// and comments, is read here; the parser reads every other expression. FuzzPlainLines checks that
// the tree is the same.

// plainLine adds what the line at an offset defines, and returns the offset of the next line. Ok is
// false if the parser must read the line.
func (b *tomlBuilder) plainLine(from int) (next int, ok bool, _ *problem) {
	data := b.tree.document()
	if data[from] == '[' {
		return b.plainHeader(data, from)
	}
	end := afterBareKey(data, from)
	if end == from {
		next, ok = afterLine(data, from)
		return next, ok, nil
	}
	key := keyPart{span{int32(from), int32(end)}, int32(from)}
	at := afterSpaces(data, end)
	if at == len(data) || data[at] != '=' {
		return 0, false, nil
	}
	at = afterSpaces(data, at+1)
	kind, text, end := plainScalar(data, at)
	if next, ok = afterLine(data, end); kind == registry.KindNull || !ok {
		return 0, false, nil
	}
	if b.child(b.table, key) != 0 {
		return 0, true, b.duplicate(key)
	}
	n := b.field(b.table, key)
	n.kind, n.text, n.at = kind, text, int32(at)
	b.tree.add(b.table, n)
	return next, true, nil
}

// plainHeader is plainLine for a line that begins with a bracket.
func (b *tomlBuilder) plainHeader(data []byte, from int) (next int, ok bool, _ *problem) {
	if !bytes.HasPrefix(data[from:], []byte("[[")) {
		return 0, false, nil
	}
	end := afterBareKey(data, from+2)
	if end == from+2 || !bytes.HasPrefix(data[end:], []byte("]]")) {
		return 0, false, nil
	}
	if next, ok = afterLine(data, end+2); !ok {
		return 0, false, nil
	}
	key := keyPart{span{int32(from) + 2, int32(end)}, int32(from) + 2}
	table := b.tableOfList(0, key)
	if table < 0 {
		return 0, true, b.duplicate(key)
	}
	b.table, b.depth = table, 1
	return next, true, nil
}

// plainScalar returns the kind and the text of the value at an offset, and the offset of its end,
// if it is a string without escapes on one line, a boolean, or a number in JSON's form. For any
// other value the kind is [registry.KindNull].
func plainScalar(data []byte, at int) (kind registry.Kind, text span, end int) {
	rest := data[at:]
	switch {
	case bytes.HasPrefix(rest, []byte{'"'}):
		end = plainTextEnd(data, at+1)
		if end == len(data) || data[end] != '"' {
			return registry.KindNull, span{}, end
		}
		return registry.KindString, span{int32(at) + 1, int32(end)}, end + 1
	case bytes.HasPrefix(rest, []byte("true")):
		kind, end = registry.KindBool, at+4
	case bytes.HasPrefix(rest, []byte("false")):
		kind, end = registry.KindBool, at+5
	default:
		end = afterAll(&numberCharacters, data, at)
		kind = plainNumber(string(data[at:end]))
	}
	return kind, span{int32(at), int32(end)}, end
}

// plainTextEnd returns the offset of the first character that ends a string without escapes or
// cannot be in one: a quote, a backslash or a control character. It reads eight bytes at a time.
func plainTextEnd(data []byte, at int) int {
	const ones, tops = 0x0101_0101_0101_0101, 0x8080_8080_8080_8080
	// The lowest byte of found whose top bit is set is the first such character. The top bits of
	// higher bytes mean nothing, since subtraction borrows from them.
	for ; at+8 <= len(data); at += 8 {
		w := binary.LittleEndian.Uint64(data[at:])
		quote, escape, del := w^ones*'"', w^ones*'\\', w^ones*0x7f
		found := (w-ones*' ')&^w | (quote-ones)&^quote | (escape-ones)&^escape | (del-ones)&^del
		if found &= tops; found != 0 {
			return at + bits.TrailingZeros64(found)/8
		}
	}
	for at < len(data) && data[at] >= ' ' && data[at] != '"' && data[at] != '\\' && data[at] != 0x7f {
		at++
	}
	return at
}

// afterLine returns the offset after the line end at an offset, and whether there is one. The end
// of the document ends a line, too.
func afterLine(data []byte, at int) (next int, ok bool) {
	switch rest := data[at:]; {
	case len(rest) == 0:
		return at, true
	case rest[0] == '\n':
		return at + 1, true
	default:
		return at + 2, bytes.HasPrefix(rest, []byte("\r\n"))
	}
}

// afterSpaces returns the offset of the first character that is not a space or tab.
func afterSpaces(data []byte, at int) int { return afterAll(&spaces, data, at) }

// afterBareKey returns the offset of the first character that cannot be in a key without quotes.
func afterBareKey(data []byte, at int) int { return afterAll(&bareCharacters, data, at) }

// afterAll returns the offset of the first character that is not in a set.
func afterAll(set *[256]bool, data []byte, at int) int {
	for at < len(data) && set[data[at]] {
		at++
	}
	return at
}

var (
	spaces           = setOf(" \t")
	bareCharacters   = setOf("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
	numberCharacters = setOf("0123456789-.")
)

func setOf(characters string) (set [256]bool) {
	for i := range len(characters) {
		set[characters[i]] = true
	}
	return set
}
