package config

import (
	"regexp"
	"strings"
)

// explainJSON explains an error of the JSON decoder.
func (s *syntaxError) explainJSON(format string) bool {
	rest := s.rest()
	if format == "jsonc" && strings.HasPrefix(rest, "#") {
		return s.set("a comment begins with //", "//"+rest[1:])
	}
	switch {
	case s.has(`'\n' in string`):
		return s.set(`string is not closed, or has a line break, which is written as \n`, "")
	case s.has("comment"), s.has("comma"):
		return false
	case s.has("escape"):
		return s.explainJSONEscape()
	case s.has("in literal"), s.has("in number"):
		return s.explainJSONValue()
	case rest == "":
		return false
	case s.has(`'\t' in string`):
		return s.set(`a tab in a string is written as \t`, "")
	case s.has("expecting ':'") && rest[0] == '=':
		return s.set("a key is followed by a colon", ":")
	case s.has("start of value") && rest[0] == ',':
		return s.set("value is missing before the comma", "")
	case s.has("start of value") && strings.IndexByte("'`", rest[0]) >= 0:
		content, _, closed := strings.Cut(rest[1:], rest[:1])
		suggestion := ""
		if closed && !strings.ContainsAny(content, `"\`) {
			suggestion = `"` + content + `"`
		}
		return s.set("a string is in double quotes", suggestion)
	case s.has("start of value"):
		return s.explainJSONValue()
	case s.has("after object value"), s.has("after array element"):
		return s.explainJSONRest(rest)
	}
	return false
}

// explainJSONRest explains what follows a value.
func (s *syntaxError) explainJSONRest(rest string) bool {
	switch before := s.text[s.at-1]; {
	case rest[0] == ';':
		return s.set("values are separated by commas", ",")
	case before == '"' && isWordByte(rest[0]):
		return s.set("a quote inside a string is written with a backslash", `\"`)
	case isWordByte(before) && (isWordByte(rest[0]) || rest[0] == '.'):
		return s.explainJSONValue()
	case rest[0] == '"', rest[0] == '{', rest[0] == '[':
		return s.set("comma is missing", "")
	}
	before := strings.TrimRight(string(s.text[s.from:s.at]), " ")
	switch {
	case before == "" || !isWordByte(before[len(before)-1]) || !isWordByte(rest[0]):
		return false
	case '0' <= rest[0] && rest[0] <= '9', jsonKey.MatchString(rest):
		return s.set("comma is missing", "")
	}
	return s.explainJSONValue()
}

// explainJSONValue explains a word or number around the error.
func (s *syntaxError) explainJSONValue() bool {
	start := s.at
	for start > s.from && strings.IndexByte(`{}[]:,"`, s.text[start-1]) < 0 {
		start--
	}
	for start < s.at && s.text[start] <= ' ' {
		start++
	}
	rest := string(s.text[start:s.to])
	value := rest
	if i := strings.IndexAny(rest, `{}[],"`); i >= 0 {
		value = rest[:i]
	}
	key, _, isKey := strings.Cut(value, ":")
	before := strings.TrimRight(string(s.text[:start]), " \t\r\n")
	isKey = isKey && strings.HasSuffix(before, "{") || isKey && strings.HasSuffix(before, ",")
	value, key = strings.TrimSpace(value), strings.TrimSpace(key)
	if value == "" || !isWordByte(value[0]) && strings.IndexByte("+-./~", value[0]) < 0 {
		return false
	}
	s.at = start
	switch meant := literals[strings.ToLower(value)]; {
	case isKey && jsonWord.MatchString(key):
		return s.set("a key is in double quotes", `"`+key+`"`)
	case strings.HasSuffix(meant, "nan") || strings.HasSuffix(meant, "inf"):
		return s.set("JSON has no "+value+"; leave the field out, or use null", "null")
	case meant != "":
		return s.set("invalid value "+value, meant)
	}
	if numberLike.MatchString(value) {
		return s.set("invalid number "+truncate(value), numberMeant(value))
	}
	if strings.Contains(value, `\`) {
		value = strings.ReplaceAll(value, `\`, `\\`)
	}
	return s.set("a string needs quotes", `"`+value+`"`)
}

var (
	jsonWord = regexp.MustCompile(`^[\w$.-]+$`)
	jsonKey  = regexp.MustCompile(`^\w+\s*:`)
)

func isWordByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_'
}

// explainJSONEscape explains an invalid escape.
func (s *syntaxError) explainJSONEscape() bool {
	open := s.opening()
	if open < 0 {
		return false
	}
	content, _, closed := strings.Cut(string(s.text[open+1:s.to]), `"`)
	if !closed {
		return false
	}
	return s.set(s.message+"; write a backslash as two", `"`+strings.ReplaceAll(content, `\`, `\\`)+`"`)
}
