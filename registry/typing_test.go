package registry_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/neurondex/neurondex/registry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// edits returns the edit distance of two texts in the plainest way.
func edits(a, b string) int {
	switch {
	case a == "":
		return len(b)
	case b == "":
		return len(a)
	case a[0] == b[0]:
		return edits(a[1:], b[1:])
	}
	return 1 + min(edits(a[1:], b), edits(a, b[1:]), edits(a[1:], b[1:]))
}

// suggestions returns what the message for a missing key suggests.
func suggestions(s *registry.Snapshot, k registry.Key) string {
	_, meant, _ := strings.Cut((&registry.NotFoundError{Key: k, Snapshot: s}).Error(), "\nDid you mean ")
	return strings.TrimSuffix(meant, "?")
}

// TestEveryShortTypingError types every short text in place of a name: the name is suggested if
// no more than a third of it differs.
func TestEveryShortTypingError(t *testing.T) {
	for _, name := range []string{"a", "ab", "aba", "abba", "aabba", "babaab", "abababa"} {
		var reg registry.Registry
		s := apply(t, &reg, put(doc("d", spec(name, "p")))).After
		var check func(text string, n int)
		check = func(text string, n int) {
			if text != name {
				got := suggestions(s, registry.Key{ShortName: text}) != ""
				if want := edits(strings.ToLower(text), name) <= len(name)/3; got != want {
					t.Errorf("%q for %q: suggested %v, must be %v", text, name, got, want)
				}
			}
			if n > 0 {
				check(text+"a", n-1)
				check(text+"B", n-1)
				check(text+"b", n-1)
			}
		}
		check("", 6)
	}
}

// TestClosestSuggestions checks which of several close keys are suggested.
func TestClosestSuggestions(t *testing.T) {
	var reg registry.Registry
	at := func(name string, typ registry.DerivedScalarType) registry.Spec {
		s := spec(name, "p")
		s.DerivedScalarType = typ
		return s
	}
	long := strings.Repeat("0123456789", 10)
	s := apply(t, &reg, put(doc("d",
		at("alpha1", "type_of_a"), at("alpha1", "type_of_b"), at("alpha2", "type_of_a"), at("gamma1", "type_of_a"), at("gamma2", "type_of_a"), at("gamma3", "type_of_a"),
		at("gamma4", "type_of_a"), at(long, "type_of_a"), at("x"+strings.Repeat("y", 100), "type_of_a"),
	))).After
	for _, tt := range []struct{ name, typ, want string }{
		{"alpha1", "type_of_c", `("alpha1", "type_of_a") or ("alpha1", "type_of_b")`},
		{"alpha3", "type_of_b", `("alpha1", "type_of_b")`},
		{"alpha3", "type_of_a", `("alpha1", "type_of_a") or ("alpha2", "type_of_a")`},
		{"gamma", "type_of_a", `("gamma1", "type_of_a") or ("gamma2", "type_of_a") or ("gamma3", "type_of_a")`},
		{"gamma", "", `("gamma1", "type_of_a") or ("gamma2", "type_of_a") or ("gamma3", "type_of_a")`},
		{"gamma1", "another", ""},
		{long[1:], "type_of_a", fmt.Sprintf("(%q, %q)", long, "type_of_a")},
		{long + "x", "type_of_a", ""},
		{strings.Repeat("y", 100), "type_of_a", ""},
	} {
		assert.Equal(t, tt.want, suggestions(s, registry.Key{ShortName: tt.name, DerivedScalarType: registry.DerivedScalarType(tt.typ)}), tt.name)
	}
}

// TestEveryCharacterInJSON writes names and strings of every character: they survive, and only
// those that need it are escaped.
func TestEveryCharacterInJSON(t *testing.T) {
	for r := range rune(0x250) {
		text := string(r) + "a" + string(r)
		b := registry.ObjectValue(registry.Field{Name: text, Value: registry.StringValue(text)}).AppendJSON(nil)
		var got map[string]string
		require.NoError(t, json.Unmarshal(b, &got), "%s", b)
		assert.Equal(t, map[string]string{text: text}, got)
		plain := r >= ' ' && r != 0x7f && r != '"' && r != '\\'
		assert.Equal(t, plain, string(b) == `{"`+text+`":"`+text+`"}`, "%s", b)
	}
	assert.Equal(t, `"\n\t\r\u0000\u001f\u007f"`, string(registry.StringValue("\n\t\r\x00\x1f\x7f").AppendJSON(nil)))
}

func TestKindNames(t *testing.T) {
	assert.Equal(t, "object", registry.KindObject.String())
	assert.Equal(t, "Kind(8)", (registry.KindObject + 1).String())
	for i := registry.KindNull; i <= registry.KindObject; i++ {
		assert.NotContains(t, i.String(), "Kind")
	}
}
