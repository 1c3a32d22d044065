package command

import (
	"bufio"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/charmbracelet/x/ansi"
	"golang.org/x/term"
)

// gap is the number of spaces between two columns of a table.
const gap = 2

// minColumn is the width to which a column is shortened at most.
const minColumn = 8

// cell returns s for a cell of a table, quoted if it has characters that are not printable.
func cell(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return strconv.Quote(s)
	}
	return s
}

// printTable prints rows in aligned columns. The first row is the header, if any.
func printTable(w io.Writer, rows [][]string) error {
	out := bufio.NewWriter(w)
	widths := columnWidths(rows)
	for _, row := range rows {
		var line strings.Builder
		for i, text := range row {
			line.WriteString(text)
			line.WriteString(strings.Repeat(" ", widths[i]-ansi.StringWidth(text)+gap))
		}
		_, _ = out.WriteString(strings.TrimRight(line.String(), " ") + "\n") // Flush returns the error
	}
	return out.Flush()
}

// printFitted prints a table. If w is a terminal, long cells are shortened to its width.
func printFitted(w io.Writer, rows [][]string) error {
	if f, ok := terminal(w); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			fit(rows, width)
		}
	}
	return printTable(w, rows)
}

// fit shortens the cells of a table until its lines fit a width. What matters less is on the
// right, and shortened first.
func fit(rows [][]string, width int) {
	widths := columnWidths(rows)
	over := gap*(len(widths)-1) - width
	for _, n := range widths {
		over += n
	}
	for i := len(widths) - 1; i >= 0 && over > 0; i-- {
		narrow := max(widths[i]-over, min(widths[i], minColumn))
		over -= widths[i] - narrow
		for _, row := range rows {
			row[i] = shorten(row[i], narrow)
		}
	}
}

// shorten returns text without its middle if it is wider than a width: names and paths often
// differ at their ends.
func shorten(text string, width int) string {
	n := ansi.StringWidth(text)
	if n <= width {
		return text
	}
	left := width / 2
	right := width - left - 1
	end := ansi.TruncateLeft(text, n-right, "")
	if ansi.StringWidth(end) > right { // cut within a wide character, which is kept
		end = ansi.TruncateLeft(text, n-right+1, "")
	}
	return ansi.Truncate(text, left, "") + "…" + end
}

func columnWidths(rows [][]string) []int {
	var widths []int
	for _, row := range rows {
		for i, text := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], ansi.StringWidth(text))
		}
	}
	return widths
}

// terminal returns the file that w writes to, if that is a terminal.
func terminal(w io.Writer) (*os.File, bool) {
	if o, ok := w.(*output); ok {
		w = o.Writer
	}
	f, ok := w.(*os.File)
	return f, ok && term.IsTerminal(int(f.Fd()))
}

func isTerminal(w io.Writer) bool {
	_, ok := terminal(w)
	return ok
}
