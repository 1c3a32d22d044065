package config_test

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/registry"
	"github.com/pelletier/go-toml/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tailscale/hujson"
)

// texts yields every text of up to n tokens.
func texts(tokens []string, n int, yield func(string)) {
	var add func(text string, n int)
	add = func(text string, n int) {
		yield(text)
		if n == 0 {
			return
		}
		for _, token := range tokens {
			add(text+token, n-1)
		}
	}
	add("", n)
}

// hasRule reports whether a diagnostic is of a rule.
func hasRule(found config.Diagnostics, rules ...config.Rule) bool {
	return slices.ContainsFunc(found, func(d config.Diagnostic) bool { return slices.Contains(rules, d.Rule) })
}

// TestEveryShortJSON parses every short sequence of tokens: Parse accepts those that
// encoding/json and hujson accept, and no others.
func TestEveryShortJSON(t *testing.T) {
	tokens := []string{"{", "}", "[", "]", ",", ":", "1", `"a"`}
	texts(tokens, 5, func(text string) {
		if text == "" {
			return
		}
		_, found := config.Parse("a.json", []byte(text))
		if hasRule(found, config.RuleInternal) || hasRule(found, config.RuleSyntax) == json.Valid([]byte(text)) {
			t.Errorf("%q: %v", text, found)
		}
	})
	texts(append(tokens, "//c\n", "/**/", "//", "/*", "/"), 4, func(text string) {
		_, valid := hujson.Parse([]byte(text + "\n")) // which wants a comment to end with its line
		_, found := config.Parse("a.jsonc", []byte(text))
		if hasRule(found, config.RuleEmptyDocument) {
			return
		}
		if hasRule(found, config.RuleInternal) || hasRule(found, config.RuleSyntax) != (valid != nil) {
			t.Errorf("%q: %v, %v", text, found, valid)
		}
		if _, found := config.Parse("a.json", []byte(text)); hasRule(found, config.RuleInternal) || strings.Contains(text, "/") && found.Err() == nil {
			t.Errorf("%q: %v", text, found)
		}
	})
}

// TestEveryShortTOML is TestEveryShortJSON for TOML.
func TestEveryShortTOML(t *testing.T) {
	texts([]string{"a", "\n", "=", ".", "1", "[", "]", "{", "}", ",", `"b"`, "'", "#", " "}, 4, func(text string) {
		var full map[string]any
		want := toml.Unmarshal([]byte(text), &full)
		_, found := config.Parse("a.toml", []byte(text))
		if hasRule(found, config.RuleInternal) || hasRule(found, config.RuleSyntax, config.RuleDuplicateKey) != (want != nil) {
			t.Errorf("%q: Unmarshal returns %v, Parse returns %v", text, want, found)
		}
	})
}

// TestEveryNumber parses every short number and date: Parse accepts those that go-toml and
// encoding/json accept, with the same value.
func TestEveryNumber(t *testing.T) {
	texts([]string{"0", "1", "-", "+", ".", "e", "_", "x", "inf", "nan"}, 4, func(text string) {
		if text == "" {
			return
		}
		var full struct{ X any }
		want := toml.Unmarshal([]byte("x = "+text), &full)
		specs, found := config.Parse("a.toml", []byte(good+"x = "+text))
		if hasRule(found, config.RuleInternal) || (found.Err() != nil) != (want != nil) {
			t.Errorf("%q: Unmarshal returns %v, Parse returns %v", text, want, found)
		} else if want == nil {
			value := specs[0].Extra[0].Value
			switch x := full.X.(type) {
			case int64:
				got, ok := value.Int64()
				assert.True(t, ok && got == x, "%q: %v", text, value)
			case float64:
				got, ok := value.Float64()
				assert.True(t, ok && (sameNumber(got, x) || math.IsNaN(got) && math.IsNaN(x)), "%q: %v", text, value)
			}
		}
		if strings.Contains(text, "x") {
			return
		}
		specs, found = config.Parse("a.json", []byte(goodJSON+`, "x": `+text+"}"))
		if valid := json.Valid([]byte(text)); valid != (found.Err() == nil) {
			t.Errorf("%q: %v", text, found)
		} else if valid {
			assert.Equal(t, text, specs[0].Extra[0].Value.Text())
			isFloat := strings.ContainsAny(text, ".e")
			assert.Equal(t, isFloat, specs[0].Extra[0].Value.Kind() == registry.KindFloat, text)
		}
	})
	for _, text := range []string{
		"999999999999999999", "1000000000000000000", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809",
		"-999999999999999999", "0.99999999999999999", "123456789.12345678", "12345678901234567890.5",
	} {
		var full struct{ X any }
		want := toml.Unmarshal([]byte("x = "+text), &full)
		specs, found := config.Parse("a.toml", []byte(good+"x = "+text))
		require.Equal(t, want == nil, found.Err() == nil, text)
		if want == nil {
			assert.Equal(t, text, specs[0].Extra[0].Value.Text())
		}
	}
}

// TestDepth reads documents of every form whose nesting is around the limit of 64 levels.
func TestDepth(t *testing.T) {
	in := func(open, inner, close string) func(int) string {
		return func(n int) string { return strings.Repeat(open, n) + inner + strings.Repeat(close, n) }
	}
	for name, document := range map[string]struct {
		file string
		of   func(levels int) string // of a document with so many levels below the root
	}{
		"JSON lists":              {"a.json", func(n int) string { return `{"datasets": [], "x": ` + in("[", "", "]")(n) + "}" }},
		"JSON lists with an item": {"a.json", func(n int) string { return `{"datasets": [], "x": ` + in("[", "1", "]")(n) + "}" }},
		"JSON objects":            {"a.json", func(n int) string { return `{"datasets": [], "x": ` + in(`{"a":`, "{}", "}")(n-1) + "}" }},
		"JSONC lists":             {"a.jsonc", func(n int) string { return `{"datasets": [], "x": ` + in("[", "", "]")(n) + "}" }},
		"TOML lists":              {"a.toml", func(n int) string { return "datasets = []\nx = " + in("[", "", "]")(n) }},
		"TOML inline tables":      {"a.toml", func(n int) string { return "datasets = []\nx = " + in("{a = ", "{}", "}")(n-1) }},
		"TOML dotted key":         {"a.toml", func(n int) string { return "datasets = []\n" + in("a.", "a = 1", "")(n) }},
		"TOML header":             {"a.toml", func(n int) string { return "datasets = []\n[" + in("a.", "a]", "")(n-1) }},
		"TOML array header":       {"a.toml", func(n int) string { return "datasets = []\n[[" + in("a.", "a]]", "")(n-1) }},
		"TOML header and key": {"a.toml", func(n int) string {
			return "datasets = []\n[" + in("a.", "a]\n", "")(n/2-1) + in("b.", "b = 1", "")(n-n/2)
		}},
		"TOML header, list": {"a.toml", func(n int) string {
			return "datasets = []\n[" + in("a.", "a]\nx = ", "")(n/2-1) + in("[", "", "]")(n-n/2)
		}},
		"TOML header, table": {"a.toml", func(n int) string {
			return "datasets = []\n[" + in("a.", "a]\nx = ", "")(n/2-1) + in("{a = ", "{}", "}")(n-n/2-1)
		}},
		"TOML key in a table": {"a.toml", func(n int) string { return "datasets = []\nx = {" + in("a.", "a = 1", "")(n-1) + "}" }},
		"TOML key, list":      {"a.toml", func(n int) string { return "datasets = []\n" + in("a.", "a = ", "")(n/2) + in("[", "", "]")(n-n/2) }},
	} {
		deepest := 0
		for n := 55; n < 75; n++ {
			_, found := config.Parse(document.file, []byte(document.of(n)))
			if hasRule(found, config.RuleTooDeep) {
				require.Contains(t, found.Err().Error(), "nesting exceeds 64 levels")
				break
			}
			require.NoError(t, found.Err(), "%s, %d levels", name, n)
			deepest = n
		}
		want := 64
		if strings.HasPrefix(name, "JSON") {
			want = 63 // its root is a level
		}
		assert.Equal(t, want, deepest, name)
		_, found := config.Parse(document.file, []byte(document.of(1000)))
		assert.True(t, hasRule(found, config.RuleTooDeep), name)
	}
}

// TestEncodings reads texts with characters of every length in every encoding, and cut short
// anywhere.
func TestEncodings(t *testing.T) {
	text := "{\"datasets\": [], \"x\": \"a\u00e9\u20ac\U0001f600\ufffd\"}"
	utf16Text := func(bigEndian bool) []byte {
		b := []byte{0xff, 0xfe}
		if bigEndian {
			b = []byte{0xfe, 0xff}
		}
		for _, u := range utf16.Encode([]rune(text)) {
			if bigEndian {
				b = append(b, byte(u>>8), byte(u))
			} else {
				b = append(b, byte(u), byte(u>>8))
			}
		}
		return b
	}
	for name, data := range map[string][]byte{"UTF-8": []byte(text), "UTF-8 with a mark": []byte("\ufeff" + text), "UTF-16 LE": utf16Text(false), "UTF-16 BE": utf16Text(true)} {
		out, _, err := config.Convert("a.json", data, "json")
		require.NoError(t, err, name)
		assert.Contains(t, string(out), "\"x\": \"a\u00e9\u20ac\U0001f600\ufffd\"", name)
		for n := range data {
			_, found := config.Parse("a.json", data[:n])
			assert.False(t, hasRule(found, config.RuleInternal), "%s, %d bytes", name, n)
			wide := strings.HasPrefix(name, "UTF-16")
			switch {
			case !wide:
				assert.Equal(t, !utf8.Valid(data[:n]), hasRule(found, config.RuleBadEncoding), "%s, %d bytes", name, n)
			case n > 1 && n%2 == 1:
				assert.True(t, hasRule(found, config.RuleBadEncoding), "%s, %d bytes", name, n)
			}
		}
	}
	for name, units := range map[string][]uint16{
		"low first": {'"', 0xde00, 'a', '"'}, "high last": {'"', 0xd83d}, "high, then a letter": {'"', 0xd83d, 'a', '"'}, "two high": {'"', 0xd83d, 0xd83d, '"'},
	} {
		data := []byte{0xff, 0xfe}
		for _, u := range units {
			data = append(data, byte(u), byte(u>>8))
		}
		_, found := config.Parse("a.json", data)
		require.Len(t, found, 1, name)
		assert.Equal(t, "a.json:1:2: error: unpaired UTF-16 surrogate [bad-encoding]", found[0].String(), name)
	}
}

// TestEveryCharacter converts names and strings of every character: they survive, and TOML
// quotes only the keys that need it.
func TestEveryCharacter(t *testing.T) {
	characters := []rune{'\u2028', '\ufeff', '\ufffd', '\U0001f600'}
	for r := range rune(0x250) {
		characters = append(characters, r)
	}
	for _, r := range characters {
		for _, text := range []string{string(r), "a" + string(r), string(r) + "b"} {
			object := registry.ObjectValue(registry.Field{Name: "inner" + text, Value: registry.IntegerValue(2)})
			want := []registry.Field{{Name: "x" + text, Value: registry.StringValue(text)}, {Name: "y" + text, Value: object}}
			quoted, err := json.Marshal(text)
			require.NoError(t, err)
			name := string(quoted[1 : len(quoted)-1])
			document := fmt.Appendf(nil, `%s, "x%s": "%s", "y%s": {"inner%s": 2}}`, goodJSON, name, name, name, name)
			for _, to := range []string{"toml", "json", "jsonc"} {
				out, _, err := config.Convert("a.json", document, to)
				require.NoError(t, err)
				specs, found := config.Parse("a."+to, out)
				require.NoError(t, found.Err(), "%q: %s", text, out)
				require.Equal(t, want, specs[0].Extra, "%q: %s", text, out)
				if to == "toml" {
					bare := strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == ""
					assert.Equal(t, bare, strings.Contains(string(out), "\nx"+text+" = "), "%q: %s", text, out)
					assert.Equal(t, bare, strings.Contains(string(out), "{ inner"+text+" = 2 }"), "%q: %s", text, out)
				}
			}
		}
	}
}
