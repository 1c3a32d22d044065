package config

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxSuggestion is the length of the longest suggestion, in bytes.
const maxSuggestion = 80

// explain returns a fault in the words of what probably went wrong, and what was probably meant,
// as far as that can be told. A document has one such fault, so that the cost may be that of a
// pass over the document.
func explain(format string, text []byte, p *problem) (_ *problem, suggestion string) {
	switch {
	case p.message == duplicateMessage([]byte(datasetsKey)): // of TOML: in JSON it is not the end
		if header := singleTable.FindSubmatchIndex(text); header != nil {
			return &problem{p.rule, header[2], singleTableMessage}, "[[datasets]]"
		}
		return p, ""
	case p.rule != RuleSyntax:
		return p, ""
	}
	if other := explainDocument(format, text); other != nil {
		return other, ""
	}
	s := syntaxError{text: text, at: min(p.at, len(text)), message: p.message}
	s.from = bytes.LastIndexByte(text[:s.at], '\n') + 1
	s.to = max(s.at, s.from+len(firstLine(text[s.from:])))
	s.explain(format)
	if len(s.suggestion) > maxSuggestion {
		s.suggestion = ""
	}
	return &problem{RuleSyntax, s.at, s.message}, s.suggestion
}

// singleTable matches the header of a table where one of a list of tables is probably meant.
var singleTable = regexp.MustCompile(`(?m)^[ \t]*\[[ \t]*(datasets)[ \t]*\]`)

const singleTableMessage = "[datasets] is a single table; each dataset has a header of its own, [[datasets]]"

// explainDocument recognizes a document that is something else than its name says.
func explainDocument(format string, text []byte) *problem {
	format = strings.ToUpper(strings.TrimSuffix(format, "c"))
	body := bytes.TrimLeft(text, " \t\r\n")
	at := len(text) - len(body)
	is := func(message string) *problem { return &problem{RuleSyntax, at, message} }
	switch first := firstLine(body); {
	case bytes.HasPrefix(body, []byte("version https://git-lfs.github.com/spec/")):
		return is("file is a Git LFS pointer, not its content; run git lfs pull")
	case htmlStart.Match(first):
		return is("file is an HTML page, perhaps an error or login page of the server it was loaded from, not " + format)
	case xmlStart.Match(first):
		return is("file is XML, not " + format)
	case string(first) == "---", yamlStart.Match(first):
		return is("file is YAML, not " + format + "; only TOML and JSON are read")
	case format == "TOML" && jsonStart.Match(body):
		return is("file is JSON, not TOML; name it .json")
	case format == "JSON" && tomlStart.Match(body):
		return is("file is TOML, not JSON; name it .toml")
	}
	return nil
}

var (
	htmlStart = regexp.MustCompile(`(?i)^<(!doctype html|html|head|body)\b`)
	xmlStart  = regexp.MustCompile(`^<[?!a-zA-Z]`)
	yamlStart = regexp.MustCompile(`^[\w-]+:$`)
	jsonStart = regexp.MustCompile(`^(\{|\[\s*\{)`)
	tomlStart = regexp.MustCompile(`^(#.*\s+)*(\[\[?datasets?\]|[\w-]+[ \t]*=)`)
)

// firstLine returns the first line of text, without its end.
func firstLine(text []byte) []byte {
	if i := bytes.IndexByte(text, '\n'); i >= 0 {
		text = text[:i]
	}
	return bytes.TrimSuffix(text, []byte("\r"))
}

// A syntaxError is a syntax error that is being explained.
type syntaxError struct {
	text       []byte
	from, to   int // the line that has the error
	at         int
	message    string
	suggestion string
}

// set sets what is reported, and returns true.
func (s *syntaxError) set(message, suggestion string) bool {
	s.message, s.suggestion = message, suggestion
	return true
}

func (s *syntaxError) line() []byte { return s.text[s.from:s.to] }

// rest returns the line from the error on.
func (s *syntaxError) rest() string { return string(s.text[s.at:s.to]) }

func (s *syntaxError) has(message string) bool { return strings.Contains(s.message, message) }

func (s *syntaxError) explain(format string) {
	switch {
	case conflictMarker.Match(s.line()):
		s.set("merge conflict; keep one of the versions, and remove the lines that begin with <<<<<<<, ======= and >>>>>>>", "")
	case s.explainCharacter(), s.explainOpenString():
	case format == "toml":
		s.explainTOML()
	default:
		s.explainJSON(format)
	}
}

var conflictMarker = regexp.MustCompile(`^(<{7}|\|{7}|>{7}|={7})(\s|$)`)

// The characters of word processors and web pages that look like those of TOML and JSON.
var (
	doubleQuotes = "\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb\uff02"
	singleQuotes = "\u2018\u2019\u201a\u201b\u2032\uff07"
	lookalikes   = map[rune]string{'\uff1d': "=", '\uff1a': ":", '\uff0c': ",", '\u2013': "-", '\u2014': "-", '\u2212': "-",
		'\uff3b': "[", '\uff3d': "]", '\uff5b': "{", '\uff5d': "}"}
)

// explainCharacter explains a character outside of ASCII.
func (s *syntaxError) explainCharacter() bool {
	at := s.at
	if s.has("escape") {
		at = min(at+1, len(s.text)) // after the backslash
	}
	r, size := utf8.DecodeRune(s.text[at:])
	if r < utf8.RuneSelf {
		return false
	}
	name := fmt.Sprintf("U+%04X", r)
	if unicode.IsPrint(r) {
		name += " '" + string(r) + "'"
	}
	s.message = namedCharacter.ReplaceAllLiteralString(s.message, name)
	if at != s.at {
		return false
	}
	rest := s.rest()[size:]
	switch meant := lookalikes[r]; {
	case strings.ContainsRune(doubleQuotes+singleQuotes, r):
		s.set("unexpected character "+name+", a quotation mark of word processors", `"`)
		if end := strings.IndexAny(rest, doubleQuotes+singleQuotes+`"'`); end >= 0 && !strings.ContainsAny(rest[:end], `\`) {
			s.suggestion = `"` + rest[:end] + `"`
		}
		return true
	case meant != "":
		return s.set("unexpected character "+name, meant)
	case unicode.IsSpace(r):
		return s.set("unexpected character "+name+", a space of word processors; replace it by a plain space", "")
	case unicode.Is(unicode.Cf, r):
		return s.set("unexpected character "+name+", which is invisible; remove it", "")
	}
	return false
}

// namedCharacter matches a byte that the TOML parser takes for a character.
var namedCharacter = regexp.MustCompile(`U\+00[89A-F][0-9A-F]( '.')?`)

// explainOpenString explains a string that ends with a quotation mark of word processors.
func (s *syntaxError) explainOpenString() bool {
	if !s.has("unterminated") && !s.has("not terminated") && !s.has("new lines") && !s.has(`'\n' in string`) && !s.has("end of document") {
		return false
	}
	i := bytes.IndexAny(s.text[s.from:s.to], doubleQuotes)
	if i < 0 {
		return false
	}
	s.at = s.from + i
	r, _ := utf8.DecodeRune(s.text[s.at:])
	return s.set(fmt.Sprintf("string is not closed: U+%04X '%c' is a quotation mark of word processors", r, r), `"`)
}

// opening returns the offset of the double quote that opens the string around the error, or -1.
func (s *syntaxError) opening() int {
	i := bytes.LastIndexByte(s.text[s.from:s.at], '"')
	if i < 0 {
		return -1
	}
	return s.from + i
}

// literals maps words of other formats to those of TOML and JSON. The word null has none in TOML.
var literals = map[string]string{
	"true": "true", "yes": "true", "on": "true", "tru": "true", "false": "false", "no": "false", "off": "false", "fals": "false",
	"none": "null", "null": "null", "nil": "null", "undefined": "null", "nul": "null", "~": "null",
	"nan": "nan", "inf": "inf", "infinity": "inf", "-nan": "nan", "-inf": "-inf", "-infinity": "-inf", "+inf": "inf", "+infinity": "inf",
}

// numberLike matches what is meant as a number.
var numberLike = regexp.MustCompile(`^[+-]*(0[xXoObB][0-9a-fA-F_]*|([0-9][0-9_]*\.?|\.)[0-9_]*([eE][+-]?[0-9]*)?|)$`)

// danglingPoint matches a decimal point without digits behind it.
var danglingPoint = regexp.MustCompile(`\.([eE]|$)`)

// numberMeant returns a number in the notation of another language as JSON and TOML write it, or
// "".
func numberMeant(text string) string {
	sign, digits := "", strings.TrimPrefix(text, "+")
	if rest, negative := strings.CutPrefix(digits, "-"); negative {
		sign, digits = "-", rest
	}
	if len(digits) > 30 {
		return ""
	}
	if n, err := strconv.ParseUint(digits, 0, 64); err == nil && len(digits) > 2 && digits[1] > '9' { // 0x, 0o, 0b
		return sign + strconv.FormatUint(n, 10)
	}
	digits = strings.ReplaceAll(digits, "_", "")
	if _, err := strconv.ParseFloat(digits, 64); err != nil || strings.IndexByte("0123456789.", digits[0]) < 0 {
		return ""
	}
	digits = strings.TrimLeft(digits, "0")
	if digits == "" || digits[0] < '0' || digits[0] > '9' {
		digits = "0" + digits
	}
	return sign + danglingPoint.ReplaceAllString(digits, "$1")
}
