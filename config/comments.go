package config

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"github.com/neurondex/neurondex/registry"
)

// What stands for a node where there is none in the tree.
const (
	document int32 = -1 // to the end of the document belongs what follows everything else
	unknown  int32 = -2 // a comment belongs to something, but not to a node
	nowhere  int32 = -3 // a value has no node; no comment belongs to it
)

// A comment is a comment of a document.
type comment struct {
	at         int
	text       string // with its delimiters
	afterBlank bool   // whether a blank line is before it
	blankAfter bool   // whether a blank line follows
	kept       bool   // whether the result has it
}

// comments are the comments of a document, in order, and what they belong to: indexes by node.
type comments struct {
	all []comment

	before map[int32][]int // on lines of their own before a key, a table or an item
	open   map[int32][]int // behind the bracket that opens a list or object, or behind a header
	behind map[int32][]int // behind a value
	last   map[int32][]int // on lines of their own after all else in a list, object or table
	inside map[int32]bool  // the objects with comments in them and the lists with comments at items
}

// findComments finds the comments of a document that is converted to a format, and what they
// belong to. One that the format cannot represent belongs to nothing.
func findComments(format, to string, text []byte, t *tree) *comments {
	c := &comments{before: map[int32][]int{}, open: map[int32][]int{}, behind: map[int32][]int{}, last: map[int32][]int{}, inside: map[int32]bool{}}
	s := commentScanner{comments: c, tree: t, text: text, toml: format == "toml", to: to}
	switch {
	case len(t.nodes) == 0:
		s.frames = []frame{{node: unknown}}
	case format == "jsonc":
		s.frames = []frame{{node: document, list: true}}
	case s.toml && bytes.IndexByte(text, '#') >= 0:
		s.frames = []frame{{node: 0}}
	default:
		return c
	}
	if len(t.nodes) > 0 {
		s.findKeys(0)
	}
	slices.SortStableFunc(s.keys, func(a, b keyPlace) int { return cmp.Compare(a.at, b.at) })
	s.scan()
	return c
}

// longestKey is the length up to which dotted keys are used, without which the keys of a deep
// object could take the square of its size.
const longestKey = 256

// markInside fills inside for a node and its descendants, and reports whether comments are in or
// at the node. What is deeper in a list than its items does not count, as TOML has an item in
// one line; nor does what is in an object with a long key. The length is that of the key of the
// parent.
func (c *comments) markInside(t *tree, at int32, length int) bool {
	n := &t.nodes[at]
	isList := n.kind == registry.KindList
	in := len(c.open[at]) > 0 || isList && len(c.last[at]) > 0
	if length += len(t.key(n)) + 1; !isList && length > longestKey {
		return c.isAt(at)
	}
	for child := range t.children(at) {
		if isList {
			in = in || c.isAt(child)
		} else {
			in = c.markInside(t, child, length) || in
		}
	}
	if in {
		c.inside[at] = true
	}
	return in || c.isAt(at)
}

// isAt reports whether a node has comments before or behind it.
func (c *comments) isAt(at int32) bool { return len(c.before[at])+len(c.behind[at]) > 0 }

// A commentScanner finds the comments of a well-formed document, and the nodes to which they
// belong: a comment behind something on its line belongs to that, one on a line of its own to
// what follows.
type commentScanner struct {
	*comments
	tree *tree
	text []byte
	toml bool
	to   string
	keys []keyPlace // in the order of their offsets

	frames  []frame // the lists and objects around the position
	pending []int   // comments that belong to what follows

	hasToken   bool // whether a token is on the line
	hasComment bool // whether a comment is on the line
	blank      bool // whether a blank line is before the line, after the last token
	opened     bool // whether the last token opens a list or object
}

// A keyPlace is the offset of the key of a node, or of the header of a table.
type keyPlace struct {
	at   int32
	node int32
}

// A frame is a list or an object around the position. A table of TOML is the outermost one.
type frame struct {
	node    int32
	list    bool
	started bool  // whether an item or a pair has started since the last separator
	from    int   // the offset at which it started
	item    int32 // the last item, or the value of the last pair; 0 if there is none
	next    int32 // the next item of a list
	header  bool  // whether item is a table whose header is on this line
}

func (s *commentScanner) top() *frame { return &s.frames[len(s.frames)-1] }

// findKeys gathers the places of keys and headers in a node.
func (s *commentScanner) findKeys(at int32) {
	isList := s.tree.nodes[at].kind == registry.KindList
	for child := range s.tree.children(at) {
		switch n := &s.tree.nodes[child]; {
		case !isList:
			s.keys = append(s.keys, keyPlace{n.keyAt, child})
		case n.toml == headed:
			s.keys = append(s.keys, keyPlace{n.at, child})
		}
		s.findKeys(child)
	}
}

// keyed returns the node whose key or header is in a part of the text, the last one if there
// are several, as in a.b.c.
func (s *commentScanner) keyed(from, to int) int32 {
	i, _ := slices.BinarySearchFunc(s.keys, int32(to), func(k keyPlace, at int32) int { return cmp.Compare(k.at, at) })
	if i == 0 || int(s.keys[i-1].at) < from {
		return unknown
	}
	return s.keys[i-1].node
}

func (s *commentScanner) scan() {
	for i := 0; i < len(s.text); {
		c, end := s.text[i], i+1
		switch c {
		case '\n':
			s.endLine()
			i = end
			continue
		case ' ', '\t', '\r':
			i = end
			continue
		case '#', '/':
			if s.toml == (c == '#') {
				end = s.comment(i)
				i = end
				continue
			}
		}
		opened := false
		switch {
		case c == '[' && s.toml && len(s.frames) == 1 && !s.top().started:
			end = s.header(i)
		case c == '[' || c == '{':
			s.start(i)
			n := s.top().item
			first := int32(0)
			if n >= 0 {
				first = s.tree.nodes[n].first
			}
			s.frames = append(s.frames, frame{node: n, list: c == '[', next: first})
			opened = true
		case c == ']' || c == '}':
			s.belong(s.last, s.top().node, s.pending)
			s.frames, s.pending = s.frames[:len(s.frames)-1], nil
		case c == ',':
			s.top().started = false
		case c == '=':
			s.named(s.keyed(s.top().from, i))
		case c == '"' || c == '\'':
			s.start(i)
			if s.toml {
				end = endOfTOMLString(s.text, i)
			} else {
				end += stringLength(s.text[end:])
			}
		case c != ':':
			s.start(i)
			for end < len(s.text) && strings.IndexByte(" \t\r\n#/,:=[]{}\"'", s.text[end]) < 0 {
				end++
			}
		}
		s.hasToken, s.blank, s.opened = true, false, opened
		i = end
	}
	s.endOfDocument()
}

func (s *commentScanner) endLine() {
	if !s.hasToken && !s.hasComment {
		s.blank = true
		if n := len(s.pending); n > 0 {
			s.all[s.pending[n-1]].blankAfter = true
		}
	}
	s.hasToken, s.hasComment = false, false
	if s.toml && len(s.frames) == 1 {
		s.top().started, s.top().header = false, false
	}
}

// start notes that a token is at an offset, which starts an item or pair unless one has
// started.
func (s *commentScanner) start(at int) {
	f := s.top()
	if f.started {
		return
	}
	f.started, f.from = true, at
	switch {
	case s.toml && !f.list: // named at the equals sign
	case f.node == document:
		s.named(0)
	case f.node < 0:
		s.named(unknown)
	case f.list:
		s.named(f.next)
		f.next = s.tree.nodes[f.next].next
	default:
		s.named(s.keyed(at, at+1))
	}
}

// named notes which node has started. The pending comments belong to it.
func (s *commentScanner) named(n int32) {
	if f := s.top(); s.toml && f.node == 0 && f.item == 0 {
		s.head()
	}
	s.top().item = n
	s.belong(s.before, n, s.pending)
	s.pending = nil
}

// head lets the comments at the start of a TOML document belong to the document, except for
// those directly above its first key or table. A first line "#:schema" is for editors, which
// expect it there.
func (s *commentScanner) head() {
	n := 0
	for i, c := range s.pending {
		if s.all[c].blankAfter || strings.HasPrefix(s.all[c].text, "#:") && s.all[c].at == 0 {
			n = i + 1
		}
	}
	s.belong(s.before, 0, s.pending[:n])
	s.pending = s.pending[n:]
}

// header reads the header of a table, and returns the offset behind it.
func (s *commentScanner) header(at int) int {
	end := at + 1
	for s.text[end] != ']' {
		if c := s.text[end]; c == '"' || c == '\'' {
			end = endOfTOMLString(s.text, end)
		} else {
			end++
		}
	}
	n := s.keyed(at, end)
	s.endTable()
	s.named(n)
	*s.top() = frame{node: n, item: n, started: true, header: true}
	if bytes.HasPrefix(s.text[end:], []byte("]]")) {
		end++
	}
	return end + 1
}

// endTable lets the comments directly below the last line of a table belong to its end, if a
// blank line or the end of the document follows.
func (s *commentScanner) endTable() {
	for i, n := range s.pending {
		switch c := s.all[n]; {
		case i == 0 && (c.afterBlank || s.top().item == 0):
			return
		case c.blankAfter:
			s.belong(s.last, s.top().node, s.pending[:i+1])
			s.pending = s.pending[i+1:]
			return
		}
	}
}

func (s *commentScanner) endOfDocument() {
	if n := len(s.pending); n > 0 && s.toml {
		s.all[s.pending[n-1]].blankAfter = true
		s.endTable()
	}
	s.belong(s.last, document, s.pending)
}

func (s *commentScanner) belong(to map[int32][]int, n int32, which []int) {
	if len(which) > 0 {
		to[n] = append(to[n], which...)
	}
}

// comment reads a comment, and returns the offset behind it.
func (s *commentScanner) comment(at int) int {
	end := at
	if s.toml {
		end = len(bytes.TrimSuffix(s.text[:endOfLine(s.text, at)], []byte("\n")))
	} else {
		end += commentLength(s.text[at:])
	}
	n := len(s.all)
	s.all = append(s.all, comment{at: at, text: string(bytes.TrimRight(s.text[at:end], " \t\r")), afterBlank: s.blank})
	switch f := s.top(); {
	case !canWrite(s.all[n].text, s.to):
	case !s.hasToken, s.precedes(end):
		s.pending = append(s.pending, n)
	case s.opened:
		s.belong(s.open, f.node, []int{n})
	case f.header:
		s.belong(s.open, f.item, []int{n})
	default:
		s.belong(s.behind, f.item, []int{n})
	}
	s.hasComment = true
	return end
}

// precedes reports whether the text after a comment continues on its line with an item or a
// pair, to which the comment then belongs. It may only do so in JSON.
func (s *commentScanner) precedes(end int) bool {
	rest := bytes.TrimLeft(s.text[end:], " \t\r")
	return !s.top().started && len(rest) > 0 && strings.IndexByte("\n,]}/", rest[0]) < 0
}
