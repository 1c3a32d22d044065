package config

import "strings"

// canWrite reports whether a comment can be written in a format.
func canWrite(text, to string) bool {
	switch to {
	case "toml":
		// Of control characters TOML allows tabs, and newlines end a comment.
		isBlock := strings.HasPrefix(text, "/*")
		return strings.IndexFunc(text, func(r rune) bool {
			return (r < ' ' || r == 0x7f) && r != '\t' && (!isBlock || r != '\n' && r != '\r')
		}) < 0
	case "jsonc":
		return true
	}
	return false
}

// lines returns the lines of a comment in the format that is written. A line of a block comment
// of JSON keeps its indentation in JSON.
func (e *encoder) lines(c *comment) []string {
	rest := c.text[min(2, len(c.text)):]
	switch {
	case e.to == "jsonc" && c.text[0] == '#':
		return []string{"//" + c.text[1:]}
	case e.to == "jsonc", c.text[0] == '#':
		return []string{c.text}
	case strings.HasPrefix(c.text, "//"):
		return []string{"#" + rest}
	}
	var lines []string
	for line := range strings.Lines(strings.TrimSuffix(rest, "*/")) {
		line = strings.Trim(strings.ReplaceAll(line, "\r", " "), " \t\n*")
		if line != "" || len(lines) > 0 {
			lines = append(lines, strings.TrimRight("# "+line, " "))
		}
	}
	for len(lines) > 1 && lines[len(lines)-1] == "#" {
		lines = lines[:len(lines)-1]
	}
	if len(lines) == 0 {
		return []string{"#"}
	}
	return lines
}

// above writes comments on lines of their own, at the start of a line.
func (e *encoder) above(which []int, indent string) { e.block(which, indent, true) }

// below is above for comments after which the list, table or document ends.
func (e *encoder) below(which []int, indent string) { e.block(which, indent, false) }

func (e *encoder) block(which []int, indent string, blankAfter bool) {
	for i, n := range which {
		c := &e.comments.all[n]
		if c.kept {
			continue
		}
		c.kept = true
		for _, line := range e.lines(c) {
			e.b = append(append(append(e.b, indent...), line...), '\n')
		}
		if c.blankAfter && (blankAfter || i < len(which)-1) {
			e.b = append(e.b, '\n')
		}
	}
}

// endLine writes comments behind what is on the line, and ends it. After one that
// reaches to the end of the line, the others are on lines of their own.
func (e *encoder) endLine(indent string, lists ...[]int) {
	full := false
	for _, which := range lists {
		for _, n := range which {
			c := &e.comments.all[n]
			if c.kept {
				continue
			}
			c.kept = true
			lines := e.lines(c)
			text := lines[0]
			for _, line := range lines[1:] {
				text += strings.TrimPrefix(line, "#")
			}
			before := " "
			if full {
				before = "\n" + indent
			}
			e.b = append(append(e.b, before...), text...)
			full = full || !strings.HasPrefix(text, "/*")
		}
	}
	e.b = append(e.b, '\n')
}
