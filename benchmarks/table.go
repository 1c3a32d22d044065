package main

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A table is a result as text.
type table struct {
	title string
	head  []string
	rows  [][]string
	note  string
}

// add adds a row. Missing cells count as not measured.
func (t *table) add(cells ...string) {
	for len(cells) < len(t.head) {
		cells = append(cells, none)
	}
	t.rows = append(t.rows, cells)
}

// none is the cell of what was not measured.
const none = "-"

// text writes the table for a terminal.
func (t table) text(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s\n\n", t.title)
	for _, cells := range t.aligned() {
		fmt.Fprintf(&b, "  %s\n", strings.TrimRight(strings.Join(cells, "   "), " "))
	}
	if t.note != "" {
		fmt.Fprintf(&b, "\n  %s\n", t.note)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// markdown writes the table as Markdown.
func (t table) markdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s:\n\n", t.title)
	for i, cells := range t.aligned() {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
		if i == 0 {
			fmt.Fprintf(&b, "| --- |%s\n", strings.Repeat(" ---: |", len(cells)-1))
		}
	}
	if t.note != "" {
		fmt.Fprintf(&b, "\n%s\n", t.note)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// aligned returns the head and the rows, padded to columns: the first is left-aligned, the
// others are right-aligned.
func (t table) aligned() [][]string {
	widths := make([]int, len(t.head))
	lines := append([][]string{t.head}, t.rows...)
	for _, cells := range lines {
		for i, c := range cells {
			widths[i] = max(widths[i], utf8.RuneCountInString(c))
		}
	}
	padded := make([][]string, len(lines))
	for l, cells := range lines {
		for i, c := range cells {
			space := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c))
			if i == 0 {
				c += space
			} else {
				c = space + c
			}
			padded[l] = append(padded[l], c)
		}
	}
	return padded
}

// ratio formats a ratio.
func ratio(x float64) string {
	switch {
	case math.IsNaN(x) || math.IsInf(x, 0):
		return none
	case x < 0.1:
		return strconv.FormatFloat(x, 'g', 2, 64)
	case x < 10:
		return fmt.Sprintf("%.2f", x)
	}
	return digits(x)
}

// digits formats a number with three significant digits, or as an integer if that has more.
func digits(x float64) string {
	switch {
	case math.IsNaN(x) || math.IsInf(x, 0):
		return none
	case x == 0:
		return "0"
	}
	places := max(2-int(math.Floor(math.Log10(math.Abs(x)))), 0)
	if places == 0 {
		return grouped(int(math.Round(x)))
	}
	return strconv.FormatFloat(x, 'f', places, 64)
}

// span formats a duration in nanoseconds.
func span(nanoseconds float64) string {
	for _, unit := range []struct {
		name string
		size time.Duration
	}{{"s", time.Second}, {"ms", time.Millisecond}, {"µs", time.Microsecond}} {
		if nanoseconds >= float64(unit.size) {
			return digits(nanoseconds/float64(unit.size)) + " " + unit.name
		}
	}
	if math.IsNaN(nanoseconds) {
		return none
	}
	return digits(nanoseconds) + " ns"
}

// grouped formats a number with commas between thousands.
func grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
