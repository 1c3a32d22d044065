package config

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/neurondex/neurondex/registry"
)

// decodeJSON builds the tree of a JSON document in one pass over its tokens.
func (l *loader) decodeJSON() error {
	t, dec, data := &l.tree, &l.json, l.tree.document()
	l.jsonBuf = *bytes.NewBuffer(data)
	dec.Reset(&l.jsonBuf, jsontext.AllowDuplicateNames(true))
	parents := make([]int32, 0, 8)
	var key span
	var keyField uint8
	var keyAt int
	for {
		at := skipJSONSpace(data, int(dec.InputOffset()))
		tok, err := dec.ReadToken()
		if errors.Is(err, io.EOF) {
			return nil // an empty document: of any other one the end is known
		}
		if err != nil {
			return jsonProblem(data, err)
		}
		end := int(dec.InputOffset())
		depth := len(parents)
		inObject := depth > 0 && t.nodes[parents[depth-1]].kind == registry.KindObject
		if inObject && tok.Kind() == '"' && keyAt == 0 { // no key is at offset 0
			key, keyAt = t.jsonString(at, end, tok), at
			keyField = fieldNamed(t.bytes(key), t.lastField(parents[depth-1]))
			if t.childOf(parents[depth-1], t.bytes(key)) != 0 {
				t.duplicates = append(t.duplicates, duplicateKey{key, int32(at)})
			}
			continue
		}
		n := node{key: key, field: keyField, keyAt: int32(keyAt), at: int32(at)}
		key, keyField, keyAt = span{}, 0, 0
		switch tok.Kind() {
		case '}', ']':
			parents = parents[:depth-1]
		case 'n': // the zero kind
		case 't', 'f':
			n.kind, n.text = registry.KindBool, span{int32(at), int32(end)}
		case '0':
			n.kind, n.text = registry.KindInteger, span{int32(at), int32(end)}
			if bytes.ContainsAny(data[at:end], ".eE") {
				n.kind = registry.KindFloat
			}
		case '"':
			n.kind, n.text = registry.KindString, t.jsonString(at, end, tok)
		case '{':
			n.kind = registry.KindObject
		case '[':
			n.kind = registry.KindList
		}
		if k := tok.Kind(); k != '}' && k != ']' {
			if len(t.nodes) == l.maxValues {
				return l.tooMany(at)
			}
			place := int32(0)
			if depth > 0 {
				place = t.add(parents[depth-1], n)
			} else {
				t.nodes = append(t.nodes, n)
			}
			if k == '{' || k == '[' {
				if depth == maxDepth {
					return tooDeep(at)
				}
				parents = append(parents, place)
			}
		}
		if len(parents) == 0 {
			break
		}
	}
	end := int(dec.InputOffset())
	if rest := bytes.TrimLeft(data[end:], " \t\r\n"); len(rest) > 0 {
		message := "unexpected data after the end of the document"
		if isCommentByte(rest[0]) {
			message = jsonCommentMessage
		}
		return &problem{RuleSyntax, len(data) - len(rest), message}
	}
	return nil
}

const jsonCommentMessage = "comments are not allowed in JSON; remove them, or name the file .jsonc"

// isCommentByte reports whether a comment may begin with c.
func isCommentByte(c byte) bool { return c == '/' || c == '#' }

// jsonString returns the span of the content of a string literal. It is part of the document
// unless the literal has escapes.
func (t *tree) jsonString(at, end int, tok jsontext.Token) span {
	if at, end := at+1, end-1; bytes.IndexByte(t.text[at:end], '\\') < 0 {
		return span{int32(at), int32(end)}
	}
	return t.keep([]byte(tok.String()))
}

// skipJSONSpace returns the offset of the next token inside a document, at or after at. Commas
// and colons are no tokens of their own.
func skipJSONSpace(data []byte, at int) int {
	for at < len(data) {
		switch data[at] {
		case ' ', '\t', '\r', '\n', ',', ':':
			at++
		default:
			return at
		}
	}
	return at
}

// jsonProblem returns the problem for an error of the JSON decoder. It names the most common
// mistakes, comments and trailing commas.
func jsonProblem(data []byte, err error) *problem {
	at := len(data)
	message := strings.TrimPrefix(err.Error(), "jsontext: ")
	if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		at = min(int(syntax.ByteOffset), len(data))
		message = syntax.Err.Error()
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return &problem{RuleSyntax, len(data), "unexpected end of document"}
	}
	here := skipJSONSpace(data, at)
	switch before := bytes.TrimRight(data[:here], " \t\r\n"); {
	case here < len(data) && isCommentByte(data[here]):
		return &problem{RuleSyntax, here, jsonCommentMessage}
	case here < len(data) && (data[here] == '}' || data[here] == ']') && bytes.HasSuffix(before, []byte(",")):
		comma := len(before) - 1
		if value := bytes.TrimRight(before[:comma], " \t\r\n"); len(value) == 0 || bytes.IndexByte([]byte("[{,:"), value[len(value)-1]) >= 0 {
			return &problem{RuleSyntax, comma, "value is missing before the comma"}
		}
		return &problem{RuleSyntax, comma, "trailing comma is not allowed in JSON; remove it, or name the file .jsonc"}
	}
	return &problem{RuleSyntax, at, message}
}
