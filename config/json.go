package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/neurondex/neurondex/registry"
	"github.com/tailscale/hujson"
)

// decodeJSON makes a tree of a JSON document in one pass over its tokens.
func decodeJSON(data []byte) (*tree, error) {
	t := newTree(len(data))
	dec := jsontext.NewDecoder(bytes.NewBuffer(data), jsontext.AllowDuplicateNames(true))
	parents := make([]int32, 0, 8)
	var key string
	var keyField uint8
	var keyAt int
	for {
		at := skipJSONSpace(data, int(dec.InputOffset()))
		tok, err := dec.ReadToken()
		if errors.Is(err, io.EOF) && len(t.nodes) == 0 {
			return t, nil // nothing at all: an empty document
		}
		if err != nil {
			return nil, jsonProblem(data, err)
		}
		end := int(dec.InputOffset())
		depth := len(parents)
		inObject := depth > 0 && t.nodes[parents[depth-1]].kind == registry.KindObject
		if inObject && tok.Kind() == '"' && keyAt == 0 { // no key stands at offset 0
			key, keyField = jsonKey(data[at:end], tok)
			keyAt = at
			if t.child(parents[depth-1], key) != 0 {
				t.problems = append(t.problems, problem{DuplicateKey, at, fmt.Sprintf("key %q is given twice in one object", key)})
			}
			continue
		}
		n := node{key: key, field: keyField, keyAt: int32(keyAt), at: int32(at)}
		key, keyField, keyAt = "", 0, 0
		switch tok.Kind() {
		case '}', ']':
			parents = parents[:depth-1]
		case 'n':
			n.kind = registry.KindNull
		case 't', 'f':
			n.kind, n.text = registry.KindBool, string(data[at:end])
		case '0':
			n.kind, n.text = registry.KindInteger, string(data[at:end])
			if strings.ContainsAny(n.text, ".eE") {
				n.kind = registry.KindFloat
			}
		case '"':
			n.kind, n.text = registry.KindString, jsonString(data[at:end], tok, n.field)
		case '{':
			n.kind = registry.KindObject
		case '[':
			n.kind = registry.KindList
		}
		if k := tok.Kind(); k != '}' && k != ']' {
			place := int32(0)
			if depth > 0 {
				place = t.add(parents[depth-1], n)
			} else {
				t.nodes = append(t.nodes, n)
			}
			if k == '{' || k == '[' {
				if depth == maxDepth {
					return nil, tooDeep(at)
				}
				parents = append(parents, place)
			}
		}
		if len(parents) == 0 {
			break
		}
	}
	if at := skipJSONSpace(data, int(dec.InputOffset())); at < len(data) {
		return nil, &problem{Syntax, at, "something follows the end of the document"}
	}
	return t, nil
}

// standardize makes plain JSON of JSON with comments and trailing commas, with everything
// at the offset where it was.
func standardize(data []byte) ([]byte, *problem) {
	// It takes a comment that ends with the document only if a line ends there.
	plain, err := hujson.Standardize(append(bytes.Clone(data), '\n'))
	if err == nil {
		return plain[:len(data)], nil
	}
	message := strings.TrimPrefix(err.Error(), "hujson: ")
	var line, column int
	if _, scanErr := fmt.Sscanf(message, "line %d, column %d:", &line, &column); scanErr != nil {
		return nil, &problem{Syntax, 0, message}
	}
	at := 0
	for range line - 1 {
		at += bytes.IndexByte(data[at:], '\n') + 1
	}
	_, message, _ = strings.Cut(message, ": ")
	return nil, &problem{Syntax, min(at+column-1, len(data)), message}
}

// jsonKey returns a key, with the field that it names.
func jsonKey(raw []byte, tok jsontext.Token) (string, uint8) {
	if inner := raw[1 : len(raw)-1]; bytes.IndexByte(inner, '\\') < 0 {
		return keyOf(inner)
	}
	return keyOf([]byte(tok.String()))
}

// jsonString returns the content of a string token.
func jsonString(raw []byte, tok jsontext.Token, field uint8) string {
	if inner := raw[1 : len(raw)-1]; bytes.IndexByte(inner, '\\') < 0 {
		return textOf(inner, field)
	}
	return tok.String()
}

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

// jsonProblem says in plain words what a JSON reader could not read. The faults that
// people make most, comments and trailing commas, it names.
func jsonProblem(data []byte, err error) *problem {
	at := len(data)
	message := strings.TrimPrefix(err.Error(), "jsontext: ")
	if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		at = min(int(syntax.ByteOffset), len(data))
		message = syntax.Err.Error()
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return &problem{Syntax, len(data), "the document ends too soon"}
	}
	here := skipJSONSpace(data, at)
	switch before := bytes.TrimRight(data[:here], " \t\r\n"); {
	case here < len(data) && (data[here] == '/' || data[here] == '#'):
		return &problem{Syntax, here, "JSON has no comments"}
	case here < len(data) && (data[here] == '}' || data[here] == ']') && bytes.HasSuffix(before, []byte(",")):
		return &problem{Syntax, len(before) - 1, "JSON has no trailing commas"}
	}
	return &problem{Syntax, at, message}
}
