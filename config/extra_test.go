package config_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/neurondex/neurondex/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const unknownField = "unknown field, kept as an extra field; if it is intended, list it in extra_fields"

// TestOneDiagnosticForAKey checks that what is the same in several datasets of a document is one
// diagnostic with the position of the first and the number of datasets.
func TestOneDiagnosticForAKey(t *testing.T) {
	for name, tt := range map[string]struct {
		fields string // of each of 5 datasets
		want   []string
	}{
		"unknown field": {`"l0": 1`, []string{`a.json:2:117: warning: [0].l0: ` + unknownField + ` (in 5 datasets, first at line 2) [unknown-field]`}},
		"two fields": {`"l0": 1, "leyers": 2`, []string{
			`a.json:2:117: warning: [0].l0: ` + unknownField + ` (in 5 datasets, first at line 2) [unknown-field]`,
			`a.json:2:126: warning: [0].leyers: unknown field, kept as an extra field (did you mean "layers"?) (in 5 datasets, first at line 2) [unknown-field]`,
		}},
		"scalar for a string": {`"version": 1, "model": 2`, []string{
			`a.json:2:128: warning: [0].version: should be a string, not an integer; its text is used (in 5 datasets, first at line 2) [legacy-form]`,
			`a.json:2:140: warning: [0].model: should be a string, not an integer; its text is used (in 5 datasets, first at line 2) [legacy-form]`,
		}},
		"scalars in a list": {`"tags": [1, 2]`, []string{
			`a.json:2:126: warning: [0].tags[0]: should be a string, not an integer; its text is used (in 5 datasets, first at line 2) [legacy-form]`,
		}},
		"azure paths": {`"explanationDatasetPaths": ["az://a/b", "az://a/c"]`, []string{
			`a.json:2:145: hint: [0].explanationDatasetPaths[0]: browsers cannot read az:// paths; the https form is https://a.blob.core.windows.net/b (in 5 datasets, first at line 2) [azure-path]`,
		}},
		"each its own": {`"layers": 1, "Layers": 1, "nested": {"short_name": "x", "shortName": "x", "userVisibleName": "X"}`, []string{
			`a.json:2:130: warning: [0].Layers: unknown field, kept as an extra field (did you mean "layers"?) (in 5 datasets, first at line 2) [unknown-field]`,
			`a.json:2:143: warning: [0].nested: looks like a dataset inside another dataset; a [[datasets]] header or a bracket may be missing [nested-dataset]`,
			`a.json:3:143: warning: [1].nested: looks like a dataset inside another dataset; a [[datasets]] header or a bracket may be missing [nested-dataset]`,
			`a.json:4:143: warning: [2].nested: looks like a dataset inside another dataset; a [[datasets]] header or a bracket may be missing [nested-dataset]`,
			`a.json:5:143: warning: [3].nested: looks like a dataset inside another dataset; a [[datasets]] header or a bracket may be missing [nested-dataset]`,
			`a.json:6:143: warning: [4].nested: looks like a dataset inside another dataset; a [[datasets]] header or a bracket may be missing [nested-dataset]`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			data := strings.ReplaceAll(list(5, ", "+tt.fields), `{"`, "\n{\"")
			data = strings.ReplaceAll(data, ": \n{", ": {")
			specs, found := config.Parse("a.json", []byte(data))
			assert.Len(t, specs, 5)
			var got []string
			for _, d := range found {
				got = append(got, d.String())
			}
			assert.Equal(t, tt.want, got)
		})
	}
}

// TestManyUnknownFields checks that the diagnostics of different fields are limited, and that a
// field of a single dataset does not mention a number.
func TestManyUnknownFields(t *testing.T) {
	var fields strings.Builder
	for i := range 130 {
		fmt.Fprintf(&fields, `, "x%d": 1`, i)
	}
	_, found := config.Parse("a.json", []byte(list(1, fields.String())))
	require.Len(t, found, config.MaxDiagnostics+1)
	assert.Zero(t, found[0].Datasets)
	assert.Equal(t, 30, found[config.MaxDiagnostics].More)
	_, found = config.Parse("a.json", []byte(list(4000, fields.String())))
	require.Len(t, found, config.MaxDiagnostics+1)
	assert.Equal(t, 4000, found[config.MaxDiagnostics-1].Datasets)
}

// TestExtraFields checks that a declared field is kept and not reported, wherever it is declared.
func TestExtraFields(t *testing.T) {
	declared := []config.Option{config.WithExtraFields("l0"), config.WithExtraFields("seed")}
	for name, tt := range map[string]struct {
		file, data string
		opts       []config.Option
		unknown    string
	}{
		"TOML":                 {"a.toml", "extra_fields = ['l0', 'seed']\n[[datasets]]\n" + good + "l0 = 1\nseed = 2", nil, ""},
		"TOML, at the end":     {"a.toml", good + "l0 = 1\nseed = 2\nextra_fields = ['l0', 'seed']", nil, ""},
		"TOML, camelCase":      {"a.toml", "extraFields = ['l0', 'seed']\n[[datasets]]\n" + good + "l0 = 1\nseed = 2", nil, ""},
		"JSON":                 {"a.json", `{"datasets": [` + goodJSON + `, "l0": 1, "seed": 2}], "extra_fields": ["l0", "seed"]}`, nil, ""},
		"JSON, camelCase":      {"a.json", `{"datasets": [` + goodJSON + `, "l0": 1, "seed": 2}], "extraFields": ["l0", "seed"]}`, nil, ""},
		"JSON, single":         {"a.json", goodJSON + `, "l0": 1, "seed": 2, "extra_fields": ["l0", "seed"]}`, nil, ""},
		"map":                  {"a.json", `{"extra_fields": ["l0", "seed"], "x": ` + goodJSON + `, "l0": 1, "seed": 2}}`, nil, ""},
		"option":               {"a.json", `[` + goodJSON + `, "l0": 1, "seed": 2}]`, declared, ""},
		"option and document":  {"a.json", goodJSON + `, "l0": 1, "seed": 2, "extra_fields": ["l0"]}`, declared[1:], ""},
		"looks like a dataset": {"a.json", goodJSON + `, "l0": ` + goodJSON + `}, "seed": 2}`, declared, ""},
		"in part":              {"a.json", goodJSON + `, "l0": 1, "seed": 2, "extra_fields": ["l0"]}`, nil, "seed"},
		"other case":           {"a.json", goodJSON + `, "l0": 1, "seed": 2, "extra_fields": ["l0", "Seed"]}`, nil, "seed"},
	} {
		t.Run(name, func(t *testing.T) {
			specs, found := config.Parse(tt.file, []byte(tt.data), tt.opts...)
			require.Len(t, specs, 1)
			var extra, unknown []string
			for _, f := range specs[0].Extra {
				extra = append(extra, f.Name)
			}
			assert.Equal(t, []string{"l0", "seed"}, extra)
			for _, d := range found {
				if d.Rule != config.RuleLegacyForm {
					unknown = append(unknown, d.Field)
				}
			}
			assert.Equal(t, tt.unknown, strings.Join(unknown, " "))
		})
	}
}

// TestBadExtraFields checks what is said about a wrong declaration, and that a declared field is
// suggested.
func TestBadExtraFields(t *testing.T) {
	for data, want := range map[string]string{
		`{"datasets": [], "extra_fields": "l0"}`:                 `a.json:1:34: error: extra_fields: must be a list of strings, not a string [wrong-type]`,
		`{"datasets": [], "extraFields": ["l0", " "]}`:           `a.json:1:40: error: extraFields[1]: must not be empty [empty-field]`,
		`{"datasets": [], "extra_field": ["l0"]}`:                `a.json:1:18: warning: extra_field: unknown top-level key; it has no effect (did you mean "extra_fields"?) [unknown-field]`,
		goodJSON + `, "sed": 1, "extra_fields": ["l0", "seed"]}`: `a.json:1:107: warning: sed: unknown field, kept as an extra field (did you mean "seed"?) [unknown-field]`,
		goodJSON + `, "l9": 1, "extra_fields": ["l0", "l1"]}`:    `a.json:1:107: warning: l9: ` + unknownField + ` [unknown-field]`,
	} {
		_, found := config.Parse("a.json", []byte(data))
		require.Len(t, found, 1, data)
		assert.Equal(t, want, found[0].String())
	}
}

// TestConvertBothSpellings checks that a converted document has what both spellings of a key of the
// envelope declare.
func TestConvertBothSpellings(t *testing.T) {
	for _, to := range []string{"toml", "json"} {
		out, found, err := config.Convert("a.json", []byte(goodJSON+`, "l0": 1, "l1": 2, "extraFields": ["l0"], "extra_fields": ["l1"]}`), to)
		require.NoError(t, err)
		assert.Empty(t, found)
		_, found = config.Parse("a."+to, out)
		assert.Empty(t, found)
	}
}

// TestConvertKeepsExtraFields checks that a converted document declares the same fields.
func TestConvertKeepsExtraFields(t *testing.T) {
	for _, to := range []string{"toml", "json"} {
		out, found, err := config.Convert("a.json", []byte(goodJSON+`, "l0": 1, "extraFields": ["l0"]}`), to)
		require.NoError(t, err)
		assert.Empty(t, found)
		assert.Contains(t, string(out), map[string]string{"toml": `extra_fields = ["l0"]`, "json": `"extraFields"`}[to])
		_, found = config.Parse("a."+to, out)
		assert.Empty(t, found)
	}
}
