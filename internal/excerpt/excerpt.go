// Package excerpt shows the line of a text that a position is in, with a caret below it.
package excerpt

import (
	"bytes"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// width is the number of characters shown of a long line.
const width = 100

// A Source finds lines of a text. Positions in increasing order cost one pass over it.
type Source struct {
	source       []byte // empty if it is not UTF-8
	start        int    // offset of the current line
	at           int    // offset in the current line
	line, column int    // of at
}

// New returns a Source of a text. It may begin with a byte order mark.
func New(source []byte) *Source {
	source = bytes.TrimPrefix(source, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(source) {
		source = nil
	}
	return &Source{source: source, line: 1, column: 1}
}

// seek moves to a position, or to the end of its line if the line is shorter. It reports
// whether the source has the line.
func (e *Source) seek(line, column int) bool {
	if line < e.line || line == e.line && column < e.column {
		e.start, e.at, e.line, e.column = 0, 0, 1, 1
	}
	for e.line < line {
		i := bytes.IndexByte(e.source[e.at:], '\n')
		if i < 0 {
			return false
		}
		e.at += i + 1
		e.start, e.line, e.column = e.at, e.line+1, 1
	}
	for e.column < column && !e.atEnd(e.at) {
		_, n := utf8.DecodeRune(e.source[e.at:])
		e.at += n
		e.column++
	}
	return line > 0 && len(e.source) > 0
}

// atEnd reports whether a line ends at an offset.
func (e *Source) atEnd(at int) bool {
	rest := e.source[at:]
	return len(rest) == 0 || rest[0] == '\n' || bytes.HasPrefix(rest, []byte("\r\n")) || string(rest) == "\r"
}

// Line returns a line of the source, escaped for a terminal, and a line with a caret below
// the column. Both are empty if there is no such line or the source is not UTF-8.
func (e *Source) Line(line, column int) (text, caret string) {
	if !e.seek(line, column) {
		return "", ""
	}
	// Half of the characters come before the column, and more if the line ends soon after it.
	before, after := 0, 0
	from, to := e.at, e.at
	for from > e.start && before < width {
		_, n := utf8.DecodeLastRune(e.source[e.start:from])
		from -= n
		before++
	}
	for after < width && !e.atEnd(to) {
		_, n := utf8.DecodeRune(e.source[to:])
		to += n
		after++
	}
	if before+after > width {
		for drop := min(before-width/2, before+after-width); drop > 0; drop-- {
			_, n := utf8.DecodeRune(e.source[from:])
			from += n
			before--
		}
		for ; before+after > width; after-- {
			_, n := utf8.DecodeLastRune(e.source[from:to])
			to -= n
		}
	}
	var shown, below strings.Builder
	if from > e.start {
		shown.WriteString("...")
		below.WriteString("   ")
	}
	for i, r := range string(e.source[from:to]) {
		cell := string(r)
		switch {
		case r == '\t': // kept in both lines, which aligns the caret
		case !unicode.IsPrint(r):
			cell = strings.Trim(strconv.QuoteRune(r), "'")
		}
		shown.WriteString(cell)
		if from+i < e.at {
			if r == '\t' {
				below.WriteByte('\t')
			} else {
				below.WriteString(strings.Repeat(" ", utf8.RuneCountInString(cell)))
			}
		}
	}
	if !e.atEnd(to) {
		shown.WriteString("...")
	}
	return shown.String(), below.String() + "^"
}
