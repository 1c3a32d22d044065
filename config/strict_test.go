package config_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/registry"
	"github.com/pelletier/go-toml/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// values has a value of every kind, as TOML and JSON write it. JSON has no times, and TOML has
// no null.
var values = []struct{ kind, toml, json string }{
	{"null", "", "null"},
	{"boolean", "true", "true"},
	{"integer", "12", "12"},
	{"negative integer", "-12", "-12"},
	{"large integer", "", "99999999999999999999"},
	{"float", "12.0", "12.0"},
	{"string", `"12"`, `"12"`},
	{"string", `"true"`, `"true"`},
	{"time", "2024-01-02", ""},
	{"list", "[]", "[]"},
	{"list of strings", `["12"]`, `["12"]`},
	{"list of integers", "[12]", "[12]"},
	{"list of booleans", "[true]", "[true]"},
	{"list of lists", "[[]]", "[[]]"},
	{"list of null", "", "[null]"},
	{"list of objects", "[{}]", "[{}]"},
	{"list of times", "[2024-01-02]", ""},
	{"object", "{}", "{}"},
}

// accepted says what a field of a type does with a value of each kind: "" if it takes it, and
// otherwise the end of the diagnostic. The keys of values that it rejects are not in the map.
var accepted = map[reflect.Type]map[string]string{
	reflect.TypeFor[string](): {
		"string":  "",
		"boolean": "should be a string, not a boolean; its text is used [legacy-form]", "integer": "should be a string, not an integer; its text is used [legacy-form]",
		"negative integer": "should be a string, not an integer; its text is used [legacy-form]",
		"large integer":    "should be a string, not an integer; its text is used [legacy-form]",
		"float":            "should be a string, not a float; its text is used [legacy-form]",
	},
	reflect.TypeFor[int]():  {"integer": ""},
	reflect.TypeFor[bool](): {"boolean": ""},
	reflect.TypeFor[[]string](): {
		"list": "", "list of strings": "",
		"list of integers": "[0]: should be a string, not an integer; its text is used [legacy-form]",
		"list of booleans": "[0]: should be a string, not a boolean; its text is used [legacy-form]",
	},
}

// TestTypes gives every field a value of every kind.
func TestTypes(t *testing.T) {
	for field := range reflect.TypeFor[registry.Spec]().Fields() {
		snake := snakeCase(strings.ToLower(field.Name[:1]) + field.Name[1:])
		if snake == "extra" || snake == "line" || snake == "homepage" || snake == "record_format" || snake == "derived_scalar_type" {
			continue // no fields of a document, or with fewer values
		}
		required := field.Tag.Get("neurondex") == "required"
		for _, v := range values {
			for format, value := range map[string]string{"toml": v.toml, "json": v.json} {
				if value == "" {
					continue
				}
				document := documentWith(format, snake, value)
				specs, found := config.Parse("a."+format, []byte(document))
				want, ok := accepted[field.Type][v.kind]
				if v.kind == "null" {
					want, ok = "", !required
				}
				if !ok {
					assert.Empty(t, specs, document)
					require.Error(t, found.Err(), "%s", document)
					wrong := config.RuleWrongType
					switch {
					case v.kind == "null":
						wrong = config.RuleMissingField
					case v.kind == "negative integer" && field.Type.Kind() == reflect.Int:
						wrong = config.RuleBadValue
					}
					assert.Equal(t, wrong, found[0].Rule, "%s: %s", document, found[0])
					continue
				}
				require.NoError(t, found.Err(), "%s", document)
				require.Len(t, specs, 1)
				if want == "" {
					assert.Empty(t, found, document)
				} else {
					require.Len(t, found, 1, document)
					assert.True(t, strings.HasSuffix(found[0].String(), want), "%s: %s", document, found[0])
				}
				text := strings.Trim(value, `[]"`)
				if v.kind == "null" {
					text = fmt.Sprint(reflect.Zero(field.Type))
				}
				got := fmt.Sprint(reflect.ValueOf(specs[0]).FieldByIndex(field.Index))
				assert.Equal(t, strings.Trim(text, "[]"), strings.Trim(got, "[]"), document)
			}
		}
	}
}

// documentWith returns a document of a dataset with a field.
func documentWith(format, field, value string) string {
	fields := []string{"short_name", `"x"`, "derived_scalar_type", `"mlp_post_act"`, "user_visible_name", `"X"`, "neuron_dataset_path", `"p"`}
	if i := slices.Index(fields, field); i >= 0 {
		fields[i+1] = value
	} else {
		fields = append(fields, field, value)
	}
	var b strings.Builder
	for i := 0; i < len(fields); i += 2 {
		if format == "toml" {
			fmt.Fprintf(&b, "%s = %s\n", fields[i], fields[i+1])
		} else {
			fmt.Fprintf(&b, ", %q: %s", fields[i], fields[i+1])
		}
	}
	if format == "toml" {
		return b.String()
	}
	return "{" + strings.TrimPrefix(b.String(), ", ") + "}"
}

// TestValues checks which texts a field takes.
func TestValues(t *testing.T) {
	for field, values := range map[string]map[string]string{
		"neuron_dataset_path": {
			"p": "", "a/b": "", "/": "", "C:/data": "", `C:\\data`: "", ".": "", "file:///data": "", "file://": "", "https://h": "", "https://h/": "",
			"http://h/x": "", "s3://bucket/x": "", "https://h:80/x?y=1#z": "", "HTTPS://h/x": "", "https://[::1]/x": "", "a b": "", "https:/h": "https is not followed by ://",
			"": "must not be empty [empty-field]", " ": "must not be empty [empty-field]", "\\t": "must not be empty [empty-field]",
			"https://": "must be a path or a URL with a host", "http://": "must be a path or a URL with a host", "https:///x": "must be a path or a URL with a host",
			"s3:///x": "must be a path or a URL with a host", "://x": "must be a path or a URL with a host", "https://h:x/": "must be a path or a URL with a host",
			"https://h /x": "must be a path or a URL with a host", "https://h/%zz": "must be a path or a URL with a host", "https://?x": "must be a path or a URL with a host",
			"https://#x": "must be a path or a URL with a host", "1://x": "must be a path or a URL with a host",
		},
		"homepage": {
			"": "", "http://h": "", "https://h": "", "https://h/x?y": "", "HTTPS://h": "",
			"h": "must be an http or https URL", "https": "must be an http or https URL", "https:": "must be an http or https URL", "https:h": "must be an http or https URL",
			"https:/h": "must be an http or https URL", "https://": "must be an http or https URL", "https:///x": "must be an http or https URL",
			"ftp://h": "must be an http or https URL", "httpsx://h": "must be an http or https URL", "//h": "must be an http or https URL", "/x": "must be an http or https URL",
			"https://h:x": "must be an http or https URL", "https://h/%zz": "must be an http or https URL", "mailto:a@h": "must be an http or https URL",
			"javascript:x": "must be an http or https URL", " ": "must not be empty", "file://h/x": "must be an http or https URL",
		},
		"record_format": {
			"": "", "json": "", "pt": "", "JSON": "must be json or pt", "jsonl": "must be json or pt", "json ": "must be json or pt", "json pt": "must be json or pt", " ": "must not be empty",
		},
		"short_name":          {"x": "", "a/b": "", " x ": "", "": "must not be empty", " ": "must not be empty", "\\n": "must not be empty", "\u00a0": "must not be empty"},
		"user_visible_name":   {"x": "", "": "must not be empty", " ": "must not be empty", "\\n": "must not be empty"},
		"derived_scalar_type": {"mlp_post_act": "", "MLP_POST_ACT": "legacy form", "mlp_post_ac": "unknown derived scalar type", "": "must not be empty", "\\tmlp_post_act": "unknown derived scalar type"},
	} {
		for value, want := range values {
			document := documentWith("json", field, `"`+value+`"`)
			specs, found := config.Parse("a.json", []byte(document))
			var text string
			if len(found) > 0 {
				text = found[0].String()
			}
			if want == "" {
				assert.Empty(t, text, document)
				assert.Len(t, specs, 1, document)
			} else {
				assert.Contains(t, text, want, document)
				assert.Len(t, found, 1, document)
			}
		}
	}
	for field, numbers := range map[string]map[string]bool{
		"layers":          {"0": true, "1": true, "-1": false, "-9223372036854775808": false, "9223372036854775807": true, "9223372036854775808": false},
		"nodes_per_layer": {"0": true, "1": true, "-1": false},
	} {
		for number, valid := range numbers {
			specs, found := config.Parse("a.json", []byte(documentWith("json", field, number)))
			assert.Equal(t, valid, len(found) == 0, "%s %s: %v", field, number, found)
			assert.Equal(t, valid, len(specs) == 1, "%s %s", field, number)
		}
	}
	for version, want := range map[string]string{
		"1": "", "0": "must be a positive integer", "-1": "must be a positive integer", "1.0": "must be a positive integer", `"1"`: "must be a positive integer",
		"2": "version 2 is newer", "true": "must be a positive integer", "[1]": "must be a positive integer", "null": "must be a positive integer",
		"99999999999999999999": "must be a positive integer",
	} {
		for _, key := range []string{"schema_version", "schemaVersion"} {
			_, found := config.Parse("a.json", fmt.Appendf(nil, `{"datasets": [], "%s": %s}`, key, version))
			assert.Equal(t, want == "", len(found) == 0, version)
			if len(found) > 0 {
				assert.Contains(t, found[0].String(), key+": "+want)
			}
		}
	}
}

// TestTOMLDefinitions checks all combinations of up to three definitions of the same names:
// Parse accepts the same ones as go-toml's Unmarshal, with the same values.
func TestTOMLDefinitions(t *testing.T) {
	definitions := []string{
		"a = 1", "a = []", "a = {}", "a = {b = 1}", "a = {b.c = 1}", "a = {b = {}}", "a = [{}]", "a = [{b.c = 1}]", "a.b = 1", "a.b = {}", "a.b.c = 1", "a.d = 1", "b = 1",
		"[a]", "[a.b]", "[a.b.c]", "[a.d]", "[b]", "[[a]]", "[[a.b]]", "[[a.b.c]]",
	}
	check := func(lines ...string) {
		doc := strings.Join(lines, "\n")
		var full map[string]any
		want := toml.Unmarshal([]byte(doc), &full)
		_, found := config.Parse("a.toml", []byte(doc))
		rejected := slices.ContainsFunc(found, func(d config.Diagnostic) bool {
			return d.Rule == config.RuleSyntax || d.Rule == config.RuleDuplicateKey
		})
		if (want != nil) != rejected {
			t.Errorf("%q: Unmarshal returns %v, Parse returns %v", doc, want, found)
		}
	}
	for _, a := range definitions {
		for _, b := range definitions {
			check(a, b)
			for _, c := range definitions {
				check(a, b, c)
			}
		}
	}
}
