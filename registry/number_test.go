package registry_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/neurondex/neurondex/registry"
)

// TestEveryShortNumber parses every short text: what JSON takes for a number is one, and nothing
// else but the infinities and NaN.
func TestEveryShortNumber(t *testing.T) {
	var check func(text string, n int)
	check = func(text string, n int) {
		number := json.Valid([]byte(text))
		if _, err := registry.ParseFloat(text); (err == nil) != number {
			t.Errorf("ParseFloat(%q) returns %v", text, err)
		}
		if _, err := registry.ParseInteger(text); (err == nil) != (number && !strings.ContainsAny(text, ".eE")) {
			t.Errorf("ParseInteger(%q) returns %v", text, err)
		}
		if n > 0 {
			for _, c := range "01-+.eEx" {
				check(text+string(c), n-1)
			}
		}
	}
	check("", 6)
	for _, text := range []string{"9", "-9.9e-9", "19", "90", "inf", "-inf", "nan", "-nan"} {
		if _, err := registry.ParseFloat(text); err != nil {
			t.Errorf("ParseFloat(%q) returns %v", text, err)
		}
	}
}

var timePattern = regexp.MustCompile(`^(\d{4}-\d\d-\d\d([Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:\d\d)?)?|\d\d:\d\d(:\d\d(\.\d+)?)?)$`)

// TestEveryTime parses dates and times with each byte changed, removed or added.
func TestEveryTime(t *testing.T) {
	check := func(text string) {
		if _, err := registry.ParseTime(text); (err == nil) != timePattern.MatchString(text) {
			t.Errorf("ParseTime(%q) returns %v", text, err)
		}
	}
	for _, text := range []string{
		"1979-05-27", "07:32", "07:32:00", "07:32:00.999", "1979-05-27T07:32", "1979-05-27t07:32:00", "1979-05-27 07:32:00.5",
		"1979-05-27T07:32:00Z", "1979-05-27T07:32z", "1979-05-27T07:32:00.5+07:00", "1979-05-27 07:32-07:00",
	} {
		check(text)
		for i := range len(text) + 1 {
			check(text[:i])
			for _, c := range "09/:-+.TZtz x" {
				check(text[:i] + string(c) + text[i:])
				if i < len(text) {
					check(text[:i] + string(c) + text[i+1:])
					check(text[:i] + text[i+1:])
				}
			}
		}
	}
}
