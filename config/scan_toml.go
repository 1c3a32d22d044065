package config

import "bytes"

// scanTOML rejects a document that has too many values, or too long a dotted key, before the
// parser reads it: the parser holds a whole list in memory, at some hundred bytes for each
// value, before the first of them can be counted. It scans only a document that has as many
// separators somewhere.
func (l *loader) scanTOML(data []byte) error {
	count := func(c byte) int { return bytes.Count(data, []byte{c}) }
	if len(data) <= l.maxValues || count(',')+count('.')+count('=')+count('[')+count('{') <= l.maxValues {
		return nil
	}
	opened, commas, equals, dots := 0, 0, 0, 0
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '#':
			i = endOfLine(data, i) - 1
			dots = 0
		case '"', '\'':
			i = endOfTOMLString(data, i) - 1
		case '.':
			if dots++; dots > maxDepth {
				return tooDeep(i)
			}
			continue
		case '[', '{':
			if (i == 0 || data[i-1] == '\n') && bytes.HasPrefix(data[i:], []byte("[[")) {
				i++ // the header of one table
			}
			opened++
		case ',':
			commas++
			dots = 0
		case '=':
			equals++
			dots = 0
		case '\n':
			dots = 0
		}
		// A pair of a table has a comma and an equals sign, and an empty list counts twice.
		if opened+max(commas, equals) > l.maxValues {
			return l.tooMany(i)
		}
	}
	return nil
}

// endOfLine returns the offset after the next newline, or the end of data.
func endOfLine(data []byte, from int) int {
	if i := bytes.IndexByte(data[from:], '\n'); i >= 0 {
		return from + i + 1
	}
	return len(data)
}

// endOfTOMLString returns the offset after a string of any of the four forms.
func endOfTOMLString(data []byte, from int) int {
	quote := data[from]
	multiline := bytes.HasPrefix(data[from:], []byte{quote, quote, quote})
	i := from + 1
	if multiline {
		i = from + 3
	}
	for ; i < len(data); i++ {
		switch {
		case data[i] == '\\' && quote == '"':
			i++
		case data[i] == '\n' && !multiline:
			return i // not well-formed
		case data[i] == quote && !multiline:
			return i + 1
		case multiline && bytes.HasPrefix(data[i:], []byte{quote, quote, quote}):
			// The string may itself end with up to two quotes.
			for i += 3; i < len(data) && data[i] == quote; i++ {
			}
			return i
		}
	}
	return len(data)
}
