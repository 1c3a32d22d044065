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
// With the parser, which is general, they took a third of the time of a load. Such a line, if it
// has no escapes and no comment, is read here, and the parser reads every other expression.
// FuzzPlainLines checks that the tree is the same.

// plainLine adds what the line at an offset defines, and returns the offset of the next line. It
// returns from if the parser must read the line.
func (b *tomlBuilder) plainLine(from int) (next int, _ *problem) {
	data := b.tree.document()
	if data[from] == '[' {
		return b.plainHeader(data, from)
	}
	end := from
	for end < len(data) && bareKey[data[end]] {
		end++
	}
	if end == from {
		return max(from, afterLine(data, from)), nil
	}
	key := keyPart{span{int32(from), int32(end)}, int32(from)}
	at := afterSpaces(data, end)
	if at == len(data) || data[at] != '=' {
		return from, nil
	}
	at = afterSpaces(data, at+1)
	kind, text, end := plainScalar(data, at)
	if next = afterLine(data, end); kind == registry.KindNull || next < 0 {
		return from, nil
	}
	if b.child(b.table, key) != 0 {
		return 0, b.duplicate(key)
	}
	n := b.field(b.table, key)
	n.kind, n.text, n.at = kind, text, int32(at)
	b.tree.add(b.table, n)
	return next, nil
}

// plainHeader is plainLine for a line that begins with a bracket.
func (b *tomlBuilder) plainHeader(data []byte, from int) (next int, _ *problem) {
	if !bytes.HasPrefix(data[from:], []byte("[[")) {
		return from, nil
	}
	end := from + 2
	for end < len(data) && bareKey[data[end]] {
		end++
	}
	if end == from+2 || !bytes.HasPrefix(data[end:], []byte("]]")) {
		return from, nil
	}
	if next = afterLine(data, end+2); next < 0 {
		return from, nil
	}
	key := keyPart{span{int32(from) + 2, int32(end)}, int32(from) + 2}
	table := b.tableOfList(0, key)
	if table < 0 {
		return 0, b.duplicate(key)
	}
	b.table, b.depth = table, 1
	return next, nil
}

// plainScalar returns the kind and the text of the value at an offset, and the offset of its end,
// if it is a string without escapes on one line, an integer of digits alone, or a boolean. For any
// other value the kind is [registry.KindNull].
func plainScalar(data []byte, at int) (kind registry.Kind, text span, end int) {
	rest := data[at:]
	switch {
	case bytes.HasPrefix(rest, []byte{'"'}):
		end = plainTextEnd(data, at+1)
		if end == len(data) || data[end] != '"' {
			return registry.KindNull, span{}, end
		}
		if end == at+1 {
			return registry.KindString, span{}, end + 1
		}
		return registry.KindString, span{int32(at) + 1, int32(end)}, end + 1
	case bytes.HasPrefix(rest, []byte("true")):
		kind, end = registry.KindBool, at+4
	case bytes.HasPrefix(rest, []byte("false")):
		kind, end = registry.KindBool, at+5
	default:
		for end = at; end < len(data) && '0' <= data[end] && data[end] <= '9'; end++ {
		}
		kind = plainNumber(string(data[at:end]))
	}
	return kind, span{int32(at), int32(end)}, end
}

// plainTextEnd returns the offset of the first character that ends a string without escapes or
// cannot be in one: a quote, a backslash or a control character. It reads eight bytes at a time.
func plainTextEnd(data []byte, at int) int {
	const ones, tops = 0x0101_0101_0101_0101, 0x8080_8080_8080_8080
	// The lowest byte of found whose top bit is set is the first such character. Bytes above it may
	// have theirs set for no reason, since subtraction borrows from them.
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

// afterLine returns the offset after the end of a line that is at an offset, or -1 if there is
// none.
func afterLine(data []byte, at int) int {
	switch rest := data[at:]; {
	case len(rest) == 0:
		return at
	case rest[0] == '\n':
		return at + 1
	case bytes.HasPrefix(rest, []byte("\r\n")):
		return at + 2
	}
	return -1
}

// afterSpaces returns the offset of the first character that is no space or tab.
func afterSpaces(data []byte, at int) int {
	for at < len(data) && (data[at] == ' ' || data[at] == '\t') {
		at++
	}
	return at
}

// bareKey is the set of characters of a key without quotes.
var bareKey = func() (set [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") {
		set[c] = true
	}
	return set
}()
