package config

import (
	"cmp"
	"strings"
	"unicode"

	"github.com/agext/levenshtein"
	"github.com/neurondex/neurondex/registry"
)

// envelopeNames are the top-level keys of a document.
var envelopeNames = []string{"datasets", "schema_version", "extra_scalar_types", "extra_fields"}

// suggestField returns the field, or the declared extra field, whose name is closest to key. A
// field has the casing of key. It returns "" if none is close.
func suggestField(key string, extra map[string]bool) string {
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
	return cmp.Or(closestDeclared(key, extra, min(at, len(key)/3+1)), best)
}

// suggestEnvelope returns the top-level key that is closest to key, or "".
func suggestEnvelope(key string) string {
	return closestName(key, envelopeNames, 3)
}

// closestName returns the name that is closest to text, or "" if none is within two edits, and
// within one for each so many characters of the name.
func closestName(text string, names []string, characters int) string {
	if len(text) > maxSuggested {
		return ""
	}
	best, at := "", 3
	for _, name := range names {
		if d := distance(text, name); d < at && d*characters <= len(name) {
			best, at = name, d
		}
	}
	return best
}

// Nothing is suggested for a longer name, nor from among more declared types: the cost of a
// suggestion must not depend on the document.
const (
	maxSuggested = 80 // bytes
	maxDeclared  = 200
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
	return cmp.Or(closestDeclared(text, extra, at), best)
}

// closestDeclared returns the declared name that is closest to text, or "" if none is closer
// than at. Of names that are equally close it returns the first in their order.
func closestDeclared[T ~string](text string, declared map[T]bool, at int) string {
	if len(declared) > maxDeclared {
		return ""
	}
	best := ""
	for t := range declared {
		name := string(t)
		if len(name) > maxSuggested {
			continue
		}
		if d := distance(text, name); d < at || d == at && best != "" && name < best {
			best, at = name, d
		}
	}
	return best
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
