package excerpt_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/neurondex/neurondex/internal/excerpt"
)

// TestPositions checks that a source returns the same for a position wherever it was before.
func TestPositions(t *testing.T) {
	source := []byte("\ufeffé: 1\r\n" + strings.Repeat("é\t", 200) + "\n\nlast")
	shared := excerpt.New(source)
	for _, position := range [][2]int{{1, 1}, {1, 3}, {2, 1}, {2, 49}, {2, 50}, {2, 51}, {2, 200}, {2, 390}, {2, 1000}, {3, 1}, {4, 4}, {4, 2}, {9, 1}, {1, 2}, {0, 0}, {4, 9}} {
		line, caret := shared.Line(position[0], position[1])
		wantLine, wantCaret := excerpt.New(source).Line(position[0], position[1])
		assert.Equal(t, wantLine, line, position)
		assert.Equal(t, wantCaret, caret, position)
	}
}

func TestLine(t *testing.T) {
	long := strings.Repeat("x", 300)
	for name, tt := range map[string]struct {
		source       string
		line, column int
		text, caret  string
	}{
		"first":        {"abc\ndef", 1, 2, "abc", " ^"},
		"last, CRLF":   {"abc\r\ndef\r\n", 2, 3, "def", "  ^"},
		"past the end": {"abc", 1, 4, "abc", "   ^"},
		"no such line": {"abc", 3, 1, "", ""},
		"whole file":   {"abc", 0, 0, "", ""},
		"tab":          {"\ta = 1", 1, 2, "\ta = 1", "\t^"},
		"control":      {"a\x1b[31mb", 1, 7, `a\x1b[31mb`, "         ^"},
		"not UTF-8":    {"a\xff", 1, 1, "", ""},
		"BOM":          {"\ufeffab", 1, 2, "ab", " ^"},
		"wide":         {"éàb", 1, 3, "éàb", "  ^"},
		"long":         {long, 1, 150, "..." + long[:100] + "...", strings.Repeat(" ", 53) + "^"},
	} {
		text, caret := excerpt.New([]byte(tt.source)).Line(tt.line, tt.column)
		assert.Equal(t, tt.text, text, name)
		assert.Equal(t, tt.caret, caret, name)
	}
}
