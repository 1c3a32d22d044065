package config

import (
	"bytes"
	"strings"
)

// standardize turns JSON with comments and trailing commas into plain JSON by overwriting them
// with spaces, so that every offset stays the same. It calls comment with the offset of each
// comment. It does not recurse, as nothing has checked the nesting yet.
func standardize(data []byte, comment func(at int)) ([]byte, *problem) {
	plain := bytes.Clone(data)
	comma := -1       // offset of a comma that follows a value, if it is the last token
	last := byte('[') // first byte of the last token
	for i := 0; i < len(plain); {
		c, end := plain[i], i+1
		switch c {
		case ' ', '\t', '\r', '\n':
			i = end
			continue
		case '/':
			length := commentLength(plain[i:])
			if length < 0 {
				return nil, &problem{RuleSyntax, i, "invalid or incomplete comment"}
			}
			comment(i)
			end = i + length
			blank(plain[i:end])
			i = end
			continue
		case '"':
			end += stringLength(plain[end:])
		case '}', ']':
			if comma >= 0 {
				plain[comma] = ' '
			}
		}
		comma = -1
		if c == ',' && strings.IndexByte("[{,:", last) < 0 {
			comma = i
		}
		last, i = c, end
	}
	return plain, nil
}

// commentLength returns the length of the comment at the start of data, or -1 if it is not a
// complete comment.
func commentLength(data []byte) int {
	switch {
	case bytes.HasPrefix(data, []byte("//")):
		if i := bytes.IndexByte(data, '\n'); i >= 0 {
			return i
		}
		return len(data)
	case bytes.HasPrefix(data, []byte("/*")):
		if i := bytes.Index(data[2:], []byte("*/")); i >= 0 {
			return i + 4
		}
	}
	return -1
}

// stringLength returns the length of the rest of a string literal, with its closing quote.
func stringLength(data []byte) int {
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(data)
}

func blank(b []byte) {
	for i := range b {
		b[i] = ' '
	}
}
