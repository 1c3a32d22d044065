package config

import (
	"bytes"
	"regexp"
	"strings"
)

// explainTOML explains an error of the TOML parser.
func (s *syntaxError) explainTOML() bool {
	line := strings.TrimSpace(string(s.line()))
	rest := s.rest()
	switch {
	case (strings.HasPrefix(rest, "//") || strings.HasPrefix(rest, "/*")) && !s.has("start of value"):
		return s.set("a comment begins with #", "#"+strings.TrimSuffix(rest[2:], "*/"))
	case tomlHeader.MatchString(line) && (s.has("table name") || s.has("expected newline")):
		m := tomlHeader.FindStringSubmatch(line)
		opening, name := len(m[1]), m[2]
		if name == datasetsKey || m[3] == "]]" {
			opening = 2
		}
		return s.set("a header has as many closing brackets as opening ones", "[["[:opening]+name+"]]"[:opening])
	case s.has("expected '=' after key"), s.has("start of key"):
		return s.explainTOMLKey()
	case s.has("escape"):
		return s.explainTOMLEscape()
	case s.has("start of value"), s.has("expected keyword"), s.has("expected value"):
		return s.explainTOMLValue(s.at)
	case s.has("expected newline"), s.has("expected digit"), s.has("must be quoted"), s.has("leading zeroes"):
		if m := tomlAssignment.FindStringIndex(string(s.line())); m != nil {
			return s.explainTOMLEnd(rest, s.from+m[1])
		}
	}
	return false
}

// explainTOMLEnd explains what follows a value that starts at an offset.
func (s *syntaxError) explainTOMLEnd(rest string, at int) bool {
	value := tomlValueText(string(s.text[at:s.to]), "=")
	more, comma := strings.CutPrefix(rest, ",")
	more, _, _ = strings.Cut(more, "#")
	switch {
	case strings.HasPrefix(rest, ";"):
		return s.set("a value ends with its line; remove the semicolon", "")
	case comma && strings.TrimSpace(more) == "":
		return s.set("a value ends with its line; remove the comma", "")
	case comma && thousands.MatchString(value):
		s.at = at
		return s.set("invalid number "+value, strings.ReplaceAll(value, ",", ""))
	case comma && decimalComma.MatchString(value):
		s.at = at
		return s.set("invalid number "+value, strings.ReplaceAll(value, ",", "."))
	case comma:
		s.at = at
		return s.set("a list is in brackets", "["+value+"]")
	}
	return s.explainTOMLValue(at)
}

var (
	thousands      = regexp.MustCompile(`^[+-]?\d{1,3}(,\d{3})+$`)
	decimalComma   = regexp.MustCompile(`^[+-]?\d+,\d+$`)
	tomlHeader     = regexp.MustCompile(`^(\[\[?)[ \t]*([\w.-]+)[ \t]*(\]{0,2})$`)
	tomlAssignment = regexp.MustCompile(`^\s*([\w.-]+|"[^"]*"|'[^']*')\s*=\s*`)
)

// explainTOMLKey explains a key that is not followed by an equals sign, or has characters that a
// key without quotes cannot have.
func (s *syntaxError) explainTOMLKey() bool {
	line := strings.TrimSpace(string(s.line()))
	colon := strings.TrimLeft(s.rest(), " \t")
	if value, ok := strings.CutPrefix(colon, ":"); ok && s.has("expected '='") {
		key := strings.TrimSpace(string(s.text[s.from:s.at]))
		value = strings.TrimRight(strings.TrimSpace(value), ",")
		return s.set("a key is followed by =", strings.TrimRight(key+" = "+value, " "))
	}
	key, _, found := strings.Cut(line, "=")
	key = strings.TrimRight(key, " \t")
	switch {
	case !found || strings.ContainsAny(key, `"'\[]{}#`):
		return false
	case key == "":
		return s.set("key is missing", "")
	}
	s.at = s.from + bytes.Index(s.line(), []byte(key))
	return s.set("a key with other characters than letters, digits, - and _ needs quotes", `"`+key+`"`)
}

// explainTOMLEscape explains a backslash in a basic string, which is often part of a path.
func (s *syntaxError) explainTOMLEscape() bool {
	open := s.opening()
	if open < 0 {
		return false
	}
	content, _, closed := strings.Cut(string(s.text[open+1:s.to]), `"`)
	if !closed || strings.Contains(content, "'") {
		return false
	}
	return s.set(s.message+"; in single quotes a backslash stands for itself", "'"+content+"'")
}

// explainTOMLValue explains an invalid value that starts at an offset.
func (s *syntaxError) explainTOMLValue(at int) bool {
	value := tomlValueText(string(s.text[at:s.to]), strings.TrimSpace(string(s.text[s.from:at])))
	word := strings.ToLower(value)
	switch meant := literals[word]; {
	case value == "":
		return s.set("value is missing", "")
	case meant == "null":
		s.at = at
		return s.set("TOML has no null; leave the field out", "")
	case meant != "":
		s.at = at
		return s.set("invalid value "+value, meant)
	case strings.Contains(value, "="), strings.ContainsAny(value[:1], "[{"):
		return false
	case strings.ContainsAny(value[:1], `"'`):
		return s.explainTOMLQuotes(at, value)
	}
	s.at = at
	if numberLike.MatchString(value) {
		return s.set("invalid number "+truncate(value), numberMeant(value))
	}
	return s.set("a string needs quotes", tomlQuoted(value))
}

// tomlValueText returns the text of a value that may be the last of its line, or be part of a list
// or of an inline table. Before is what the line has before it.
func tomlValueText(rest, before string) string {
	if !strings.HasSuffix(before, "=") || strings.ContainsAny(before, "[{") {
		if i := strings.IndexAny(rest, ",]}"); i >= 0 {
			rest = rest[:i]
		}
	}
	if strings.HasPrefix(rest, "#") {
		return ""
	}
	for _, comment := range []string{" #", "\t#"} {
		rest, _, _ = strings.Cut(rest, comment)
	}
	return strings.TrimSpace(rest)
}

// explainTOMLQuotes explains a string that ends too early, at a quote inside it.
func (s *syntaxError) explainTOMLQuotes(at int, value string) bool {
	quote, other := value[:1], `"`
	if quote == `"` {
		other = "'"
	}
	inner := strings.TrimSuffix(value[1:], quote)
	if s.text[s.at-1] != quote[0] || strings.HasPrefix(s.rest(), quote) || inner == value[1:] || strings.Contains(inner, other) || strings.Contains(inner, `\`) || strings.HasPrefix(inner, quote) {
		return false
	}
	s.at = at
	return s.set("the string ends at the quote inside it", other+inner+other)
}

// tomlQuoted returns a string in quotes, or "" if it would need escapes.
func tomlQuoted(text string) string {
	switch {
	case !strings.ContainsAny(text, `"\`):
		return `"` + text + `"`
	case !strings.Contains(text, "'"):
		return "'" + text + "'"
	}
	return ""
}
