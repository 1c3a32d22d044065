package config

import (
	"cmp"
	"strings"
	"unicode"

	"github.com/agext/levenshtein"
	"github.com/neurondex/neurondex/registry"
)

// envelopeNames are the top-level keys of a document.
var envelopeNames = []string{"datasets", "schema_version", "extra_scalar_types"}

// suggestField returns the field whose name is closest to key, in the casing of key. It
// returns "" if none is close.
func suggestField(key string) string {
	if len(key) > maxSuggested {
		return ""
	}
	best, at := "", 3 // accept a distance of up to 2
	for i := range fields {
		f := &fields[i]
		name := f.snake
		if strings.ContainsFunc(key, unicode.IsUpper) {
			name = f.camel
		}
		if d := distance(key, f.snake); d < at && d*3 <= len(f.snake) {
			best, at = name, d
		}
	}
	return best
}

// suggestEnvelope returns the top-level key that is closest to key, or "".
func suggestEnvelope(key string) string {
	if len(key) > maxSuggested {
		return ""
	}
	best, at := "", 3
	for _, name := range envelopeNames {
		if d := distance(key, name); d < at && d*3 <= len(name) {
			best, at = name, d
		}
	}
	return best
}

// Nothing is suggested for a longer name, nor from among more declared types: the cost of a
// suggestion must not depend on the document.
const (
	maxSuggested     = 80 // bytes
	maxDeclaredTypes = 200
)

// suggestType returns the accepted type that is closest to text, or "". Of types that are
// equally close it returns a known one, or the first in the order of their names.
func suggestType(text string, extra map[registry.DerivedScalarType]bool) string {
	if len(text) > maxSuggested {
		return ""
	}
	best, at := "", max(len(text)/4, 1)+1
	for t := range registry.DerivedScalarTypes() {
		if d := distance(text, string(t)); d < at {
			best, at = string(t), d
		}
	}
	if len(extra) > maxDeclaredTypes {
		return best
	}
	declared := ""
	for t := range extra {
		if len(t) > maxSuggested {
			continue
		}
		if d := distance(text, string(t)); d < at || d == at && declared != "" && string(t) < declared {
			declared, at = string(t), d
		}
	}
	return cmp.Or(declared, best)
}

// distance returns the edit distance between two names, ignoring case and separators. For
// names of very different lengths it returns a large number without comparing them.
func distance(a, b string) int {
	a, b = plainName(a), plainName(b)
	if d := len(a) - len(b); d > 20 || d < -20 {
		return 1 << 20
	}
	return levenshtein.Distance(a, b, nil)
}

var plainNames = strings.NewReplacer("_", "", "-", "", " ", "", ".", "")

func plainName(s string) string { return strings.ToLower(plainNames.Replace(s)) }
