package config_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/registry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sizes are numbers of keys around that at which an object finds its keys another way, which is
// 24, and some more.
var sizes = []int{0, 1, 2, 20, 21, 22, 23, 24, 25, 26, 27, 28, 50, 1000}

// TestManyKeys reads datasets with many extra fields, of which the required ones are first, last,
// or in the middle.
func TestManyKeys(t *testing.T) {
	required := []string{"short_name", "derived_scalar_type", "user_visible_name", "neuron_dataset_path"}
	values := []string{"x", "mlp_post_act", "X", "p"}
	for _, n := range sizes {
		for _, before := range []int{0, n / 2, n} {
			for _, format := range []string{"toml", "json"} {
				var keys, lines []string
				line := func(key, value string) {
					keys = append(keys, key)
					if format == "json" {
						lines = append(lines, fmt.Sprintf("%q: %s", key, value))
					} else {
						lines = append(lines, key+" = "+value)
					}
				}
				var want []registry.Field
				extra := func(from, to int) {
					for i := from; i < to; i++ {
						name := fmt.Sprint("k", i)
						line(name, fmt.Sprint(i))
						want = append(want, registry.Field{Name: name, Value: registry.IntegerValue(int64(i))})
					}
				}
				extra(0, before)
				for i, key := range required {
					line(key, `"`+values[i]+`"`)
				}
				extra(before, n)

				document := func(lines []string) []byte {
					if format == "json" {
						return []byte("{\n" + strings.Join(lines, ",\n") + "\n}")
					}
					return []byte(strings.Join(lines, "\n"))
				}
				what := fmt.Sprintf("%d keys before, of %d, %s", before, n, format)
				specs, found := config.Parse("a."+format, document(lines))
				require.NoError(t, found.Err(), what)
				require.Len(t, specs, 1, what)
				assert.Equal(t, registry.Key{ShortName: "x", DerivedScalarType: "mlp_post_act"}, specs[0].Key(), what)
				assert.Equal(t, want, specs[0].Extra, what)

				// Each key twice, the second one last, is one error there.
				for i, key := range keys {
					if n == 1000 && i%97 != 0 {
						continue
					}
					_, found := config.Parse("a."+format, document(append(slices.Clone(lines), lines[i])))
					duplicates := slices.DeleteFunc(found, func(d config.Diagnostic) bool { return d.Severity != config.SeverityError })
					at := len(lines) + 1
					if format == "json" {
						at++
					}
					require.Len(t, duplicates, 1, "%s: %s", what, key)
					assert.Equal(t, fmt.Sprintf("a.%s:%d:1: error: duplicate key %q [duplicate-key]", format, at, key), duplicates[0].String(), what)
				}
			}
		}
	}
}

// TestManyTopLevelKeys finds the datasets among many other keys, and conflicts of tables.
func TestManyTopLevelKeys(t *testing.T) {
	dataset := "[[datasets]]\n" + good
	for _, n := range sizes {
		var tables strings.Builder
		for i := range n {
			fmt.Fprintf(&tables, "[t%d]\nx = 1\n", i)
		}
		for _, doc := range []string{dataset + tables.String(), tables.String() + dataset, tables.String() + dataset + "[z]\n" + strings.Replace(dataset, `"x"`, `"y"`, 1)} {
			specs, found := config.Parse("a.toml", []byte(doc))
			require.NoError(t, found.Err(), "%d tables", n)
			assert.Len(t, specs, strings.Count(doc, "[[datasets]]"), "%d tables", n)
			assert.Equal(t, min(n+strings.Count(doc, "[z]"), config.MaxDiagnostics), min(len(found), config.MaxDiagnostics), "a warning for each table that has no effect")
		}
		if n == 0 {
			continue
		}
		for doc, want := range map[string]string{
			dataset + tables.String() + "[t0]":               `duplicate key "t0"`,
			dataset + tables.String() + "[t0.x.y]":           `duplicate key "x"`,
			dataset + tables.String() + "[datasets]":         "[datasets] is a single table",
			dataset + tables.String() + "[t0.z]\n[t0.z.y]":   "",
			dataset + tables.String() + "[t0.z.y]\n[t0.z]":   "",
			dataset + tables.String() + "[t0.z]\ny=1\n[z]":   "",
			dataset + tables.String() + "[t0.z.y]\n[t0.z.y]": `duplicate key "y"`,
		} {
			_, found := config.Parse("a.toml", []byte(doc))
			if want == "" {
				require.NoError(t, found.Err(), "%d tables", n)
				continue
			}
			require.Error(t, found.Err(), "%d tables: %s", n, want)
			assert.Contains(t, found.Err().Error(), want, "%d tables", n)
		}
	}
}

// TestManyNamedDatasets reads legacy maps of many datasets.
func TestManyNamedDatasets(t *testing.T) {
	for _, n := range append([]int{99, 100, 101, 102, 5000}, sizes...) {
		var entries []string
		for i := range n {
			key, fields := fmt.Sprintf("d%d", i), `"derived_scalar_type": "mlp_post_act", `
			if i%2 == 1 {
				key, fields = key+"/attn_write_norm", ""
			}
			entries = append(entries, fmt.Sprintf(`%q: {%s"user_visible_name": "D %d", "neuron_dataset_path": "p%d"}`, key, fields, i, i))
		}
		for _, doc := range []string{"{%s}", `{"datasets": {%s}}`, `{"schema_version": 1, %s}`} {
			if n == 0 {
				continue
			}
			what := fmt.Sprintf(doc, fmt.Sprint(n, " datasets"))
			specs, found := config.Parse("a.json", fmt.Appendf(nil, doc, strings.Join(entries, ", ")))
			require.NoError(t, found.Err(), what)
			require.Len(t, found, 1, "one warning of the legacy form: %s", what)
			assert.Equal(t, config.RuleLegacyForm, found[0].Rule)
			require.Len(t, specs, n, what)
			for i, s := range specs {
				types := []registry.DerivedScalarType{"mlp_post_act", "attn_write_norm"}
				want := registry.Spec{ShortName: fmt.Sprint("d", i), DerivedScalarType: types[i%2], UserVisibleName: fmt.Sprint("D ", i), NeuronDatasetPath: fmt.Sprint("p", i), Line: 1}
				assert.Equal(t, want, s)
			}

			// The last one again, by its field instead of the key, is a duplicate.
			last := n - 1
			again := fmt.Sprintf(`"other": {"short_name": "d%d", "derived_scalar_type": %q, "user_visible_name": "again", "neuron_dataset_path": "p"}`, last, specs[last].DerivedScalarType)
			specs, found = config.Parse("a.json", fmt.Appendf(nil, doc, strings.Join(append(slices.Clone(entries), again), ", ")))
			assert.Equal(t, 1, found.Count(config.SeverityError), what)
			require.Error(t, found.Err(), what)
			assert.Contains(t, found.Err().Error(), "is already defined on line 1", what)
			assert.Empty(t, specs, what)
		}
	}
}

// TestManyDatasets finds the one dataset of a list that is defined twice.
func TestManyDatasets(t *testing.T) {
	for _, n := range append([]int{3, 4, 5, 7, 8, 9, 99, 100, 101, 4096}, sizes...) {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "[[datasets]]\nshort_name = 'd%d'\nderived_scalar_type = 'mlp_post_act'\nuser_visible_name = 'D'\nneuron_dataset_path = 'p'\n", i)
		}
		specs, found := config.Parse("a.toml", []byte(b.String()))
		require.NoError(t, found.Err())
		require.Len(t, specs, n)
		for i, s := range specs {
			assert.Equal(t, fmt.Sprint("d", i), s.ShortName)
			assert.Equal(t, 5*i+1, s.Line)
		}
		for _, i := range []int{0, n / 2, n - 1} {
			if n == 0 {
				continue
			}
			_, found := config.Parse("a.toml", fmt.Appendf([]byte(b.String()),
				"[[datasets]]\nshort_name = 'd%d'\nderived_scalar_type = 'mlp_post_act'\nuser_visible_name = 'E'\nneuron_dataset_path = 'q'\n", i))
			require.Len(t, found, 1)
			assert.Equal(t, fmt.Sprintf(`a.toml:%d:14: error: datasets[%d].short_name: dataset d%d/mlp_post_act is already defined on line %d [duplicate-dataset]`, 5*n+2, n, i, 5*i+1), found[0].String())
			// The same name with another type is another dataset.
			specs, found := config.Parse("a.toml", fmt.Appendf([]byte(b.String()),
				"[[datasets]]\nshort_name = 'd%d'\nderived_scalar_type = 'attn_write_norm'\nuser_visible_name = 'E'\nneuron_dataset_path = 'q'\n", i))
			assert.Empty(t, found)
			assert.Len(t, specs, n+1)
		}
	}
}

// TestDocumentSize reads documents around the limit on their size.
func TestDocumentSize(t *testing.T) {
	document := []byte(good)
	for _, format := range []string{"toml", "json"} {
		if format == "json" {
			document = []byte(goodJSON + "}")
		}
		for _, over := range []int{-1, 0, 1} {
			_, found := config.Parse("a."+format, document, config.WithMaxBytes(int64(len(document)-over)))
			if over <= 0 {
				assert.Empty(t, found)
			} else {
				require.Len(t, found, 1)
				assert.Equal(t, fmt.Sprintf("a.%s: error: exceeds the limit of %d bytes [too-large]", format, len(document)-1), found[0].String())
			}
		}
	}
}

// TestManyDuplicatesInPlaceOfAList has more errors before that of the form than are reported.
func TestManyDuplicatesInPlaceOfAList(t *testing.T) {
	_, found := config.Parse("a.json", []byte(`{"datasets": {`+strings.Repeat(`"layers": 1, `, 150)+`"short_name": "x"}}`))
	require.Len(t, found, config.MaxDiagnostics+1)
	assert.Equal(t, config.RuleDuplicateKey, found[0].Rule)
	assert.Equal(t, "a.json: error: 50 more problems are not shown [more-problems]", found[config.MaxDiagnostics].String())
}

// TestManyNumbers reads TOML documents that have more separators than a document may have values,
// and fewer values.
func TestManyNumbers(t *testing.T) {
	start := "datasets = []\n" + strings.Repeat("a.", 64) + "a = 1.5\n" + strings.Repeat("e.", 64) + "e = 1\n[" + strings.Repeat("b.", 63) + "b]\n['#' . \"[\\\"[\"]\nx = 1.5 # [.[.[\ns = [ # c\n'" + strings.Repeat(".", 70) + "']\n[[c]]\n[[c]]\n"
	for name, value := range map[string]string{
		"floats": "1.5,", "tables": "{a = 1.5},", "strings": "'.=[{',", "more strings": `".=[{\"",`, "long strings": `'''.='[{''','''.'''' ,`,
		"comments": "1, # ,.=[{\n", "lists": "[1.5],",
	} {
		separators := 0
		for _, c := range ",.=[{" {
			separators += strings.Count(value, string(c))
		}
		n := config.DefaultMaxBytes/10/separators + 1
		_, found := config.Parse("a.toml", []byte(start+"list = ["+strings.Repeat(value, n)+"]"))
		require.NoError(t, found.Err(), name)
	}
}

// TestLongCharacters checks that a text is shortened by characters, and that one that is not too
// long is not.
func TestLongCharacters(t *testing.T) {
	for n, want := range map[int]string{60: strings.Repeat("\u00e9", 60), 80: strings.Repeat("\u00e9", 80), 81: strings.Repeat("\u00e9", 80) + "..."} {
		_, found := config.Parse("a.json", []byte(strings.Replace(goodJSON, "mlp_post_act", strings.Repeat("\u00e9", n), 1)+"}"))
		require.Len(t, found, 1)
		assert.Equal(t, want, found[0].Value)
	}
}
