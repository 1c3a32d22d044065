package config

import (
	"bytes"

	"github.com/pelletier/go-toml/v2/unstable"
)

// CountComments returns the number of comments in a document, which [Convert] drops, and the
// line of the first. The document must be one that [Parse] accepts.
func CountComments(name string, data []byte) (n, line int) {
	text, fault := decodeText(data)
	if fault != nil {
		return 0, 0
	}
	note := func(at int) {
		if n++; n == 1 {
			line = 1 + bytes.Count(text[:at], []byte{'\n'})
		}
	}
	switch Format(name) {
	case "toml":
		p := unstable.Parser{KeepComments: true}
		p.Reset(text)
		for p.NextExpression() {
			walkComments(p.Expression(), func(c *unstable.Node) { note(int(c.Raw.Offset)) })
		}
	case "jsonc":
		_, _ = standardize(text, note) // the document is valid
	}
	return n, line
}

// walkComments calls visit for every comment among n, its siblings and their descendants.
func walkComments(n *unstable.Node, visit func(*unstable.Node)) {
	for ; n != nil && n.Valid(); n = n.Next() {
		if n.Kind == unstable.Comment {
			visit(n)
		}
		walkComments(n.Child(), visit)
	}
}
