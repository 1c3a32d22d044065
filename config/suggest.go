package config

import (
	"strings"
	"unicode"

	"github.com/agext/levenshtein"
	"github.com/neurondex/neurondex/registry"
)

// envelopeNames are the keys that a document may have beside its datasets.
var envelopeNames = []string{"datasets", "schema_version", "extra_scalar_types"}

// suggestField returns the name of a known field that a key was probably meant to be, in
// the casing of the key; empty if there is none close.
func suggestField(key string) string {
	best, at := "", 3 // at most two letters away
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

// suggestEnvelope does the same for the keys beside the datasets.
func suggestEnvelope(key string) string {
	best, at := "", 3
	for _, name := range envelopeNames {
		if d := distance(key, name); d < at && d*3 <= len(name) {
			best, at = name, d
		}
	}
	return best
}

// suggestType returns the known type that a text was probably meant to be.
func suggestType(text string, extra map[registry.DerivedScalarType]bool) string {
	best, at := "", max(len(text)/4, 1)+1
	consider := func(t registry.DerivedScalarType) {
		if d := distance(text, string(t)); d < at {
			best, at = string(t), d
		}
	}
	for t := range registry.DerivedScalarTypes() {
		consider(t)
	}
	for t := range extra {
		consider(t)
	}
	return best
}

// distance is the number of edits between two names, whatever their casing. Names that
// cannot be close are not compared: what a file holds may be very long.
func distance(a, b string) int {
	a, b = plainName(a), plainName(b)
	if d := len(a) - len(b); d > 20 || d < -20 {
		return 1 << 20
	}
	return levenshtein.Distance(a, b, nil)
}

var plainNames = strings.NewReplacer("_", "", "-", "", " ", "", ".", "")

func plainName(s string) string { return strings.ToLower(plainNames.Replace(s)) }
