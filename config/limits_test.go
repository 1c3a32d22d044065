package config_test

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/registry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// list returns a JSON document of n datasets with the given further fields.
func list(n int, fields string) string {
	var b strings.Builder
	b.WriteString("[")
	for i := range n {
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, goodItem+"%s}", i, fields)
	}
	return b.String() + "]"
}

// conflict gives a dataset a warning of its own.
const conflict = `, "short_name": "other"`

func TestLimit(t *testing.T) {
	for name, tt := range map[string]struct {
		data                    string
		errors, warnings, hints int
		more                    string
	}{
		"100 warnings":              {list(100, conflict), 0, 100, 0, ""},
		"101 warnings":              {list(101, conflict), 0, 100, 0, "a.json: warning: 1 more problem is not shown [more-problems]"},
		"4000 warnings":             {list(4000, conflict), 0, 100, 0, "a.json: warning: 3900 more problems are not shown [more-problems]"},
		"4000 errors":               {list(4000, `, "layers": -1`), 100, 0, 0, "a.json: error: 3900 more problems are not shown [more-problems]"},
		"60 errors, 60 warnings":    {list(60, `, "layers": -1`+conflict), 60, 40, 0, "a.json: warning: 20 more problems are not shown [more-problems]"},
		"100 warnings and an error": {strings.TrimSuffix(list(100, conflict), "]") + ", {}]", 4, 96, 0, "a.json: warning: 4 more problems are not shown [more-problems]"},
		"150 of each":               {list(150, `, "layers": -1`+conflict+`, "explanationDatasetPaths": ["az://a/b"]`), 100, 0, 0, "a.json: error: 201 more problems are not shown [more-problems]"},
		"hints":                     {list(150, `, "explanationDatasetPaths": ["az://a/b"]`), 0, 0, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			specs, found := config.Parse("a.json", []byte(tt.data))
			assert.Equal(t, tt.errors > 0, len(specs) == 0, "a document is rejected for its errors, and only for them")
			_, converted, err := config.Convert("a.json", []byte(tt.data), "json")
			assert.Equal(t, found, converted)
			assert.Equal(t, tt.errors > 0, err != nil)
			if tt.more != "" {
				last := found[len(found)-1]
				assert.Equal(t, tt.more, last.String())
				assert.Positive(t, last.More)
				found = found[:len(found)-1]
			}
			assert.Equal(t, []int{tt.errors, tt.warnings, tt.hints},
				[]int{found.Count(config.SeverityError), found.Count(config.SeverityWarning), found.Count(config.SeverityHint)})
			for i := range found[1:] {
				assert.LessOrEqual(t, found[i].Column, found[i+1].Column, "diagnostics are in the order of the document")
			}
		})
	}
}

func TestLimitCombines(t *testing.T) {
	_, a := config.Parse("a.json", []byte(list(300, conflict)))
	_, b := config.Parse("a.json", []byte(list(300, `, "layers": -1`)))
	both := append(a, b...).Limit()
	require.Len(t, both, config.MaxDiagnostics+1)
	assert.Equal(t, config.MaxDiagnostics, both[:config.MaxDiagnostics].Count(config.SeverityError))
	assert.Equal(t, "a.json: error: 500 more problems are not shown [more-problems]", both[config.MaxDiagnostics].String())
	assert.Equal(t, both, both.Limit(), "a second call changes nothing")
	assert.Empty(t, config.Diagnostics(nil).Limit())
	assert.Equal(t, a[98:], a[98:].Limit(), "few diagnostics, one of which stands for others")
	twice := slices.Concat(a[99:], a[99:]).Limit()
	assert.Equal(t, []config.Rule{a[99].Rule, a[99].Rule, config.RuleMoreProblems}, []config.Rule{twice[0].Rule, twice[1].Rule, twice[2].Rule})
	assert.Equal(t, 400, twice[2].More)
}

func TestLintLimit(t *testing.T) {
	document := func(name string) registry.Document {
		doc := registry.Document{Name: name}
		for i := range 300 {
			doc.Datasets = append(doc.Datasets, registry.Spec{ShortName: fmt.Sprint("x_", i), DerivedScalarType: "mlp_post_act", Line: i + 1})
		}
		return doc
	}
	docs := []registry.Document{document("a"), document("b"), document("c")}
	found := config.Lint(docs)
	require.Len(t, found, 2*(config.MaxDiagnostics+1))
	assert.Equal(t, "b: warning: 200 more problems are not shown [more-problems]", found[config.MaxDiagnostics].String())
	assert.Equal(t, "c: warning: 200 more problems are not shown [more-problems]", found[2*config.MaxDiagnostics+1].String())
	assert.Len(t, config.LintViewer(docs), 3*(config.MaxDiagnostics+1))
}

// TestPositions checks the positions of diagnostics that are found out of order, on one line
// and on many.
func TestPositions(t *testing.T) {
	for name, tt := range map[string]struct{ file, data, want string }{
		"one line":  {"a.json", `[{"é": 1, "é2": 2}, 3, {"é3": 4}]`, "1:2 1:2 1:2 1:2 1:3 1:11 1:21 1:24 1:24 1:24 1:24 1:25"},
		"two lines": {"a.json", "[{},\n\té]", "2:2"},
		"CRLF":      {"a.toml", "datasets = []\r\nx = 1\r\n  \"é\" = 1; y", "3:10"},
		"envelope":  {"a.json", "{\"x\": 1, \"datasets\": [\n1], \"y\": 2,\n\"schema_version\": 0}", "1:2 2:1 2:5 3:19"},
	} {
		_, found := config.Parse(tt.file, []byte(tt.data))
		var got []string
		for _, d := range found {
			got = append(got, fmt.Sprintf("%d:%d", d.Line, d.Column))
		}
		assert.Equal(t, tt.want, strings.Join(got, " "), name)
	}
}

// TestCostIsLinear checks for every workload that eight times the document does not allocate
// far more than eight times as much. A cost that grows with the square would be sixty-four
// times as much, and gigabytes. [BenchmarkParseLinear] shows the time.
func TestCostIsLinear(t *testing.T) {
	allocated := func(w workload, size int) uint64 {
		data := w.document(size)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		config.Parse(w.file, data)
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	for _, w := range workloads() {
		small, large := allocated(w, 1<<15), allocated(w, 1<<18)
		assert.Less(t, large, 16*small+64<<20, "%s: %s", w.file, w.name)
	}
}

// TestLongTexts checks that no diagnostic repeats a long text of the document.
func TestLongTexts(t *testing.T) {
	long := strings.Repeat("x", 10_000)
	for name, doc := range map[string]struct{ file, data string }{
		"value":          {"a.json", strings.Replace(goodJSON, `"p"`, `"://`+long+`"`, 1) + "}"},
		"type":           {"a.json", strings.Replace(goodJSON, "mlp_post_act", long, 1) + "}"},
		"key":            {"a.json", goodJSON + `, "` + long + `": 1}`},
		"top-level key":  {"a.json", `{"datasets": [], "` + long + `": 1}`},
		"duplicate key":  {"a.json", `{"` + long + `": 1, "` + long + `": 1}`},
		"duplicate":      {"a.json", "[" + strings.ReplaceAll(goodJSON+"},"+goodJSON+"}]", `"x"`, `"`+long+`"`)},
		"map key":        {"a.json", `{"` + long + `": {}}`},
		"TOML key":       {"a.toml", long + " = 1\n" + long + " = 1"},
		"TOML number":    {"a.toml", "x = 1" + strings.Repeat("1", 10_000)},
		"TOML date":      {"a.toml", "x = 1979-05-27T00:00:00." + strings.Repeat("1", 10_000) + "x"},
		"literal":        {"a.jsonc", "[" + long + "]"},
		"azure":          {"a.json", strings.Replace(goodJSON, `"p"`, `"az://a/`+long+`"`, 1) + "}"},
		"record format":  {"a.json", goodJSON + `, "recordFormat": "` + long + `"}`},
		"schema version": {"a.json", `{"datasets": [], "schema_version": "` + long + `"}`},
	} {
		_, found := config.Parse(doc.file, []byte(doc.data))
		require.NotEmpty(t, found, name)
		for _, d := range found {
			assert.Less(t, len(d.String())+len(d.Value), 1000, "%s: %s", name, d.Rule)
		}
	}
}

// TestSuggestionsAreBounded checks that an unknown type is not compared with a great number of
// declared types.
func TestSuggestionsAreBounded(t *testing.T) {
	suggestion := func(declared int) string {
		types := make([]registry.DerivedScalarType, declared)
		for i := range types {
			types[i] = registry.DerivedScalarType(fmt.Sprintf("my_kind_of_scalar_%04d", i))
		}
		_, found := config.Parse("a.json", []byte(strings.Replace(goodJSON, "mlp_post_act", "my_kind_of_scalar_000x", 1)+"}"), config.WithExtraScalarTypes(types...))
		require.Len(t, found, 1)
		return found[0].Suggestion
	}
	assert.Equal(t, "my_kind_of_scalar_0000", suggestion(10))
	assert.Empty(t, suggestion(10_000))
}

// TestLongDeclaredTypes checks that a declared type that is too long to be suggested keeps no
// other one from being suggested.
func TestLongDeclaredTypes(t *testing.T) {
	types := []registry.DerivedScalarType{"my_kind_of_scalar"}
	for i := range 50 {
		types = append(types, registry.DerivedScalarType(strings.Repeat("my_kind_of_scalar", 5+i)))
	}
	_, found := config.Parse("a.json", []byte(strings.Replace(goodJSON, "mlp_post_act", "my_kind_of_scala", 1)+"}"), config.WithExtraScalarTypes(types...))
	require.Len(t, found, 1)
	assert.Equal(t, "my_kind_of_scalar", found[0].Suggestion)
}

func TestLargestMaxBytes(t *testing.T) {
	specs, found := config.Parse("a.toml", []byte(good), config.WithMaxBytes(math.MaxInt64))
	assert.Len(t, specs, 1)
	assert.Empty(t, found)
	r, err := config.LoadFile("testdata/parse/single.toml", config.WithMaxBytes(math.MaxInt64))
	require.NoError(t, err)
	assert.Len(t, r.Documents[0].Datasets, 1)
}

// TestMaxValues checks that a document whose values would take far more memory than its text is
// rejected, and that the limit grows with that on the size.
func TestMaxValues(t *testing.T) {
	const limit = config.DefaultMaxBytes / 10
	parse := func(n int, opts ...config.Option) config.Diagnostics {
		_, found := config.Parse("a.json", []byte(`{"datasets": [], "x": [`+strings.Repeat("1,", n)+`1]}`), opts...)
		return found
	}
	require.NoError(t, parse(limit-10).Err())
	found := parse(limit + 10)
	require.Len(t, found, 1)
	assert.Equal(t, "a.json:1:3355460: error: exceeds the limit of 1677721 values [too-large]", found[0].String())
	require.NoError(t, parse(limit+10, config.WithMaxBytes(2*config.DefaultMaxBytes)).Err())
}

// TestMaxValuesOfKeys checks that the tables of dotted keys count.
func TestMaxValuesOfKeys(t *testing.T) {
	key := strings.Repeat(".a", 60) + " = 1\n"
	for n, rejected := range map[int]bool{config.DefaultMaxBytes / 10 / 62: false, config.DefaultMaxBytes/10/61 + 1: true} {
		b := []byte("datasets = []\n")
		for i := range n {
			b = append(fmt.Append(b, i), key...)
		}
		_, found := config.Parse("a.toml", b)
		assert.Equal(t, rejected, found.Err() != nil)
		if rejected {
			assert.Contains(t, found.Err().Error(), fmt.Sprintf("a.toml:%d:", n+1))
			assert.Contains(t, found.Err().Error(), "exceeds the limit of 1677721 values [too-large]")
		}
	}
}
