package config_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf16"
	"weak"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/examples/datasets"
	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/registry/viewer"
	"github.com/pelletier/go-toml/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestParse compares the result for every file of testdata/parse with its golden file.
func TestParse(t *testing.T) {
	files, err := filepath.Glob("testdata/parse/*.[tj]*")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		if filepath.Ext(file) == ".golden" {
			continue
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			got := render(config.Parse(filepath.Base(file), data))
			if *update {
				require.NoError(t, os.WriteFile(file+".golden", []byte(got), 0o644))
			}
			want, err := os.ReadFile(file + ".golden")
			require.NoError(t, err)
			assert.Equal(t, string(want), got)
		})
	}
}

// render returns diagnostics and datasets as lines of text.
func render(specs []registry.Spec, found config.Diagnostics) string {
	var b strings.Builder
	for _, d := range found {
		fmt.Fprintln(&b, d)
	}
	reg := registry.New()
	if _, err := reg.Apply(registry.Change{Put: []registry.Document{{Name: "d", Datasets: specs}}}); err != nil {
		fmt.Fprintln(&b, "not applied:", err)
	}
	i := 0
	for d := range reg.Snapshot().All() {
		fmt.Fprintf(&b, "line %d: %s\n", specs[i].Line, d.AppendJSON(nil))
		i++
	}
	return b.String()
}

const good = `short_name = "x"
derived_scalar_type = "mlp_post_act"
user_visible_name = "X"
neuron_dataset_path = "p"
`

const goodJSON = `{"shortName": "x", "derivedScalarType": "mlp_post_act", "userVisibleName": "X", "neuronDatasetPath": "p"`

func TestBadInput(t *testing.T) {
	for name, tt := range map[string]struct{ file, data, want string }{
		"no format":         {"a.yaml", "", "a.yaml: error: file name must end in .toml, .json or .jsonc [unknown-format]"},
		"not UTF-8":         {"a.toml", "a = \"\xff\"", "a.toml:1:6: error: invalid UTF-8 byte 0xff [bad-encoding]"},
		"deep TOML list":    {"a.toml", "a = " + strings.Repeat("[", 100_000), "a.toml:1:10005: error: nesting exceeds 64 levels [too-deep]"},
		"deep JSON list":    {"a.json", strings.Repeat("[", 100_000), "a.json:1:65: error: nesting exceeds 64 levels [too-deep]"},
		"deep TOML key":     {"a.toml", strings.Repeat("a.", 100) + "a = 1", ""},
		"deep TOML header":  {"a.toml", "[" + strings.Repeat("a.", 100) + "a]", "a.toml:1:130: error: nesting exceeds 64 levels [too-deep]"},
		"trailing comma":    {"a.json", goodJSON + ",}", "a.json:1:105: error: trailing comma is not allowed in JSON; remove it, or name the file .jsonc [syntax]"},
		"comment in JSON":   {"a.json", "// hello\n" + goodJSON + "}", "a.json:1:1: error: comments are not allowed in JSON; remove them, or name the file .jsonc [syntax]"},
		"comma at the end":  {"a.json", "{\"datasets\":[]},", "a.json:1:16: error: unexpected data after the end of the document [syntax]"},
		"colon at the end":  {"a.json", "[] \n:", "a.json:2:1: error: unexpected data after the end of the document [syntax]"},
		"two values":        {"a.json", goodJSON + "}\n{}", "a.json:2:1: error: unexpected data after the end of the document [syntax]"},
		"cut JSON":          {"a.json", goodJSON, "a.json:1:105: error: unexpected end of document [syntax]"},
		"name with newline": {"a\n.yaml", "", `a\n.yaml: error: file name must end in .toml, .json or .jsonc [unknown-format]`},
		"string":            {"a.json", `"x"`, "a.json:1:1: error: document must be a dataset or a list of datasets, not a string [wrong-shape]"},
		"NUL":               {"a.toml", "a = \"\x00\"", ""},
		"only a BOM":        {"a.toml", "\ufeff", `a.toml: warning: document has no datasets; if that is intended, write datasets = [] [empty-document]`},
		"empty JSON":        {"a.json", " \n", `a.json: warning: document has no datasets; if that is intended, write {"datasets": []} [empty-document]`},
		"out of range":      {"a.toml", good + "big = 99999999999999999999", ""},
		"bad date":          {"a.toml", good + "day = 2024-13-01", "a.toml:5:7: error: invalid value 2024-13-01: impossible date [syntax]"},
		"large integer":     {"a.json", goodJSON + `, "layers": 99999999999999999999}`, "a.json:1:117: error: layers: integer is out of range [wrong-type]"},
		"too large":         {"a.toml", "# " + strings.Repeat("x", 2000), "a.toml: error: exceeds the limit of 1000 bytes [too-large]"},
	} {
		t.Run(name, func(t *testing.T) {
			var opts []config.Option
			if name == "too large" {
				opts = append(opts, config.WithMaxBytes(1000))
			}
			specs, found := config.Parse(tt.file, []byte(tt.data), opts...)
			assert.Empty(t, specs)
			require.NotEmpty(t, found)
			if tt.want != "" {
				assert.Equal(t, tt.want, found[0].String())
				assert.Len(t, found, 1)
			}
			if found[0].Severity == config.SeverityError {
				require.ErrorIs(t, found.Err(), config.ErrInvalid)
				assert.Equal(t, found[0].String(), found.Err().Error())
			} else {
				assert.NoError(t, found.Err())
			}
		})
	}
}

func TestExtraScalarTypes(t *testing.T) {
	data := []byte(strings.Replace(good, "mlp_post_act", "my_type", 1))
	_, found := config.Parse("a.toml", data)
	assert.Equal(t, `a.toml:2:23: error: derived_scalar_type: unknown derived scalar type "my_type" [unknown-scalar-type]`, found[0].String())
	_, found = config.Parse("a.toml", []byte(strings.Replace(good, "mlp_post_act", "my_typo", 1)), config.WithExtraScalarTypes("my_type"))
	assert.Equal(t, "my_type", found[0].Suggestion)
	specs, found := config.Parse("a.toml", data, config.WithExtraScalarTypes("my_type"))
	assert.Empty(t, found)
	assert.Len(t, specs, 1)
}

// TestBlankTypes checks that a blank type is an error wherever it is given, as a registry does
// not accept it.
func TestBlankTypes(t *testing.T) {
	const (
		wantEntry = `a.json:1:25: error: extra_scalar_types[0]: must not be empty [empty-field]`
		wantField = `a.json:1:41: error: derivedScalarType: must not be empty [empty-field]`
	)
	for _, blank := range []string{"", " ", "\\t\\n", "\u00a0", "\u2003\u3000"} {
		_, found := config.Parse("a.json", fmt.Appendf(nil, `{"extra_scalar_types": ["%s", "x"], "datasets": []}`, blank))
		require.Len(t, found, 1, "%q", blank)
		assert.Equal(t, wantEntry, found[0].String())

		dataset := strings.Replace(goodJSON, "mlp_post_act", blank, 1)
		unescaped := strings.NewReplacer(`\t`, "\t", `\n`, "\n").Replace(blank)
		specs, found := config.Parse("a.json", []byte(dataset+"}"), config.WithExtraScalarTypes(registry.DerivedScalarType(unescaped), "x"))
		assert.Empty(t, specs)
		require.Len(t, found, 1, "%q", blank)
		assert.Equal(t, wantField, found[0].String())

		_, found = config.Parse("a.json", fmt.Appendf(nil, `%s, "extraScalarTypes": ["%s"]}`, dataset, blank))
		require.Len(t, found, 2, "%q", blank)
		assert.Equal(t, wantField, found[0].String())
		assert.Equal(t, config.RuleEmptyField, found[1].Rule)

		_, found = config.Parse("a.json", fmt.Appendf(nil, `{"m/%s": {"user_visible_name": "X", "neuron_dataset_path": "p"}}`, blank), config.WithExtraScalarTypes(registry.DerivedScalarType(unescaped)))
		require.Error(t, found.Err(), "%q", blank)
	}
}

func TestUTF16(t *testing.T) {
	text := strings.Replace(good, `"X"`, "\"X \U0001F600\"", 1)
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		data := order.AppendUint16(nil, 0xfeff)
		for _, u := range utf16.Encode([]rune(text)) {
			data = order.AppendUint16(data, u)
		}
		specs, found := config.Parse("a.toml", data)
		require.Empty(t, found)
		assert.Equal(t, "X \U0001F600", specs[0].UserVisibleName)
		_, found = config.Parse("a.toml", data[:len(data)-1])
		assert.Equal(t, "a.toml:4:26: error: incomplete UTF-16 character at the end of the document [bad-encoding]", found[0].String())
		_, found = config.Parse("a.toml", order.AppendUint16(data, 0xd800))
		assert.Equal(t, config.RuleBadEncoding, found[0].Rule)
	}
}

func TestLint(t *testing.T) {
	specs := func(names ...string) (out []registry.Spec) {
		for i, name := range names {
			name, by, _ := strings.Cut(name, ">")
			plain := strings.TrimSuffix(name, "!")
			out = append(out, registry.Spec{ShortName: plain, DerivedScalarType: "mlp_post_act", ReplacedBy: by, Deprecated: plain != name, Line: 10 * (i + 1)})
		}
		return out
	}
	var got []string
	for _, d := range config.Lint([]registry.Document{
		{Name: "50.toml", Datasets: specs("new", "a")},
		{Name: "10.toml", Datasets: specs("a!>new", "b!>none", "c!>b")},
	}) {
		got = append(got, d.String())
	}
	assert.Equal(t, []string{
		`10.toml:20:1: warning: replaced_by: no dataset "none" [replaced-by-missing]`,
		`10.toml:30:1: warning: replaced_by: dataset "b" is itself deprecated [deprecated-in-use]`,
		`50.toml:20:1: warning: short_name: dataset a/mlp_post_act overrides the definition in 10.toml:10 [overrides-other-file]`,
	}, got)
}

func TestViewer(t *testing.T) {
	for _, tt := range []struct {
		name, typ, field string
	}{
		{"gpt2-small", "mlp_post_act", ""},
		{"gpt2-small", "attn_write_norm", ""},
		{"gpt2_small", "mlp_post_act", "short_name"},
		{"gpt2_small", "attn_write_norm", "short_name"},
		{"a/b", "mlp_post_act", "short_name"},
		{"gpt2", "logits", "derived_scalar_type"},
		{"gpt2", "my_type", "derived_scalar_type"},
		{"gpt2-small_ae-mlp-post-act-v1", "mlp_autoencoder_latent", ""},
		{"gpt2-small_ae-resid-delta-attn-v4", "flattened_attn_write_to_latent_summed_over_heads", ""},
		{"gpt2-small", "mlp_autoencoder_latent", "short_name"},
		{"gpt2-small_mine", "attention_autoencoder_latent", "short_name"},
		{"gpt2-small_a_b", "autoencoder_latent", "short_name"},
		{"gpt2-small_a", "online_autoencoder_latent", "derived_scalar_type"},
		{"gpt2 small", "mlp_post_act", "short_name"},
	} {
		found := config.LintViewer([]registry.Document{{Name: "a", Datasets: []registry.Spec{{ShortName: tt.name, DerivedScalarType: registry.DerivedScalarType(tt.typ)}}}})
		if tt.field == "" {
			assert.Empty(t, found, tt.name)
		} else if assert.Len(t, found, 1, tt.name) {
			assert.Equal(t, tt.field, found[0].Field)
		}
	}
	r, err := config.LoadFS(datasets.FS)
	require.NoError(t, err)
	assert.Empty(t, config.LintViewer(r.Documents), "the viewer can show every example")
}

func TestRulesDescribeEveryRule(t *testing.T) {
	source, err := os.ReadFile("rule.go")
	require.NoError(t, err)
	described := map[string]bool{}
	for _, r := range config.Rules() {
		described[string(r.Rule)] = true
	}
	docs, err := os.ReadFile("../docs/rules.md")
	require.NoError(t, err)
	for _, r := range config.Rules() {
		assert.Contains(t, string(docs), fmt.Sprintf("| `%s` | %v | %s |\n", r.Rule, r.Severity, r.Summary))
	}
	names := regexp.MustCompile(`Rule = "(.*)"`).FindAllStringSubmatch(string(source), -1)
	assert.Len(t, names, len(described))
	for _, name := range names {
		assert.True(t, described[name[1]], name[1])
	}
}

func TestLoadFSTheNine(t *testing.T) {
	r, err := config.LoadFS(datasets.FS)
	require.NoError(t, err)
	assert.Empty(t, r.Diagnostics)
	reg := registry.New()
	_, err = reg.Apply(r.Change())
	require.NoError(t, err)
	got := []string{}
	for d := range reg.Snapshot().All() {
		got = append(got, string(viewer.AppendMetadata(nil, d)))
	}
	want, err := os.ReadFile("../examples/testdata/transformer_debugger_datasets.json")
	require.NoError(t, err)
	assert.JSONEq(t, string(want), "["+strings.Join(got, ",")+"]")
}

func TestLoadFS(t *testing.T) {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	named := func(name string) *fstest.MapFile { return file(strings.ReplaceAll(good, `"x"`, `"`+name+`"`)) }
	r, err := config.LoadFS(fstest.MapFS{
		"b.toml": named("b"), "a/z.toml": named("z"), "a-b.toml": named("ab"), "c.json": file(goodJSON + "}"), "D.TOML": named("d"),
		"bad.toml":     file("short_name = 1"),
		".hidden.toml": named("h"), "b.toml~": named("h"), "#b.toml#": named("h"), ".git/x.toml": named("h"), "..data/x.toml": named("h"),
		"b.toml.swp": named("h"), "README.md": file("#"), "~b.toml": named("h"),
	})
	require.NoError(t, err)
	var names []string
	for _, d := range r.Documents {
		names = append(names, d.Name)
	}
	assert.Equal(t, []string{"D.TOML", "a-b.toml", "a/z.toml", "b.toml", "c.json"}, names)
	assert.Equal(t, []string{"#b.toml#", "b.toml.swp", "b.toml~", "bad.toml", "~b.toml"}, slices.Compact(files(r.Diagnostics)))
	for _, d := range r.Diagnostics {
		assert.Equal(t, d.File != "bad.toml", d.Rule == config.RuleIgnoredFile, "%v", d)
	}
}

func files(found config.Diagnostics) (names []string) {
	for _, d := range found {
		names = append(names, d.File)
	}
	return names
}

func TestLoadDirSpecialFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, data string) {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(data), 0o644))
	}
	write("sub/a.toml", good)
	write("..data/linked.toml", strings.ReplaceAll(good, `"x"`, `"linked"`))
	require.NoError(t, os.Symlink("..data/linked.toml", filepath.Join(dir, "linked.toml")))
	require.NoError(t, os.Symlink("..", filepath.Join(dir, "sub", "loop")))
	require.NoError(t, os.Symlink("nowhere", filepath.Join(dir, "dangling.toml")))
	require.NoError(t, os.Symlink("self.toml", filepath.Join(dir, "self.toml")))
	makeFIFO(t, filepath.Join(dir, "fifo.toml"))

	r, err := config.LoadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, d := range r.Documents {
		names = append(names, d.Name)
	}
	assert.Equal(t, []string{"linked.toml", "sub/a.toml"}, names)
	assert.Subset(t, files(r.Diagnostics), []string{"dangling.toml", "self.toml"})
	for _, d := range r.Diagnostics {
		assert.Equal(t, config.RuleUnreadable, d.Rule)
	}

	_, err = config.LoadDir(filepath.Join(dir, "missing"))
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = config.LoadDir(filepath.Join(dir, "linked.toml"))
	require.Error(t, err)
	_, err = config.LoadFile(dir)
	require.Error(t, err)
	r, err = config.LoadFile(filepath.Join(dir, "sub", "a.toml"))
	require.NoError(t, err)
	assert.Len(t, r.Documents, 1)
}

// TestTOMLConformance checks that Parse accepts the same documents as go-toml's Unmarshal.
func TestTOMLConformance(t *testing.T) {
	for _, doc := range []string{
		"a.b = 1\na.c = 2", "a.b = 1\na = 2", "a = 1\na.b = 2", "[a]\n[a]", "[a.b]\n[a]", "[a]\n[a.b]", "[[a]]\n[[a]]", "[a]\n[[a]]", "[[a]]\n[a]",
		"a = []\n[[a]]", "a = {}\n[a]", "a = {}\n[a.b]", "a = {}\na.b = 1", "[a]\nb.c = 1\n[a.b]", "[a]\nb.c = 1\n[a.b.d]", "[a.b.c]\nz = 1\n[a]\nb.c.t = 1",
		"[a.b.c.d]\nz = 1\n[a]\nb.c.d.k.t = 1", "[[a]]\n[a.b]\n[[a]]\n[a.b]", "[[a]]\n[a.b]\n[a.b]", "a = {b.c = 1, b.d = 2}", "a = {b.c = 1, b = 2}", "a = {b = 1, b = 2}",
		"a = {b.c = 1}\n[a.b]", "a = [{b = 1}, {b = 2}]", "a = [{b = 1}]\n[a.c]", "[[a.b]]\n[a]", "[a.b]\n[[a.b]]", "x = 1_000", "x = 1__0", "x = 0x_1", "x = 0xff", "x = 012",
		"x = +inf", "x = inf", "x = -inf", "x = nan", "x = -0", "x = -0.0", "x = 0.5", "x = 00.5", "x = -01", "x = 1.", "x = .5", "x = -.5", "x = 1.5.2", "x = --1", "x = -nan", "x = 1.5e3", "x = 1e", "x = 1979-05-27T07:32:00Z", "x = 1979-05-27 07:32:00", "x = 07:32:00", "x = 25:00:00", "x = 1979-05-32",
		`"a" = 1` + "\n" + `a = 2`, `'a'.b = 1` + "\n" + `a."c" = 2`, "[a]\nb = 1\n[c]\n[a.d]", "a = 1 b = 2", "a", "= 1", "[a", "[[a]", "a = \"\n\"", "a = '''x\r\ny'''",
		"[datasets.x]\n[[datasets]]", "[a.b]\nx=1\n[a]\nb.y=2", "[a]\n[a.b]\n[a.b.c]\n[a]", "a.b.c = 1\n[a.b]", "a.b.c = 1\n[a.d]", "a.b.c = 1\n[a]",
		"x = 9223372036854775808", "x = -9223372036854775808", "x = 1e400", "x = 0b11", "x = 0o17", "x = _1",
	} {
		var full map[string]any
		want := toml.Unmarshal([]byte(doc), &full)
		_, found := config.Parse("a.toml", []byte(doc))
		syntax := slices.ContainsFunc(found, func(d config.Diagnostic) bool {
			return d.Rule == config.RuleSyntax || d.Rule == config.RuleDuplicateKey
		})
		assert.Equal(t, want != nil, syntax, "%q: Unmarshal returns %v, Parse returns %v", doc, want, found)
	}
}

// TestParseRetainsNoInput checks that nothing that Parse and Convert return, and nothing in a
// pool, refers to the input.
func TestParseRetainsNoInput(t *testing.T) {
	files, err := filepath.Glob("testdata/parse/*.[tj]*")
	require.NoError(t, err)
	for _, file := range files {
		name := filepath.Base(file)
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		if filepath.Ext(file) == ".golden" || len(data) == 0 {
			continue
		}
		independent(t, name, data)

		given := weak.Make(&data[0])
		specs, found := config.Parse(name, data)
		out, _, _ := config.Convert(name, data, "json")
		runtime.GC() // the pooled loaders survive a first collection
		assert.Nil(t, given.Value(), name)
		runtime.KeepAlive(specs)
		runtime.KeepAlive(found)
		runtime.KeepAlive(out)
	}
}

// independent checks that the results of Parse and Convert do not change when the input is
// overwritten and another document is parsed.
func independent(t *testing.T, name string, data []byte) {
	t.Helper()
	wantSpecs, wantFound := config.Parse(name, bytes.Clone(data))
	given := bytes.Clone(data)
	specs, found := config.Parse(name, given)
	wantOut, _, wantErr := config.Convert(name, bytes.Clone(data), "json")
	out, _, err := config.Convert(name, given, "json")
	clear(given)
	config.Parse(name, bytes.Repeat([]byte("#"), len(data)))
	require.Equal(t, wantSpecs, specs)
	require.Equal(t, wantFound, found)
	require.Equal(t, wantOut, out)
	require.Equal(t, wantErr, err)
}

// hasSurrogate reports whether a document may escape half a UTF-16 character, which
// encoding/json replaces and Parse rejects.
func hasSurrogate(data []byte) bool {
	return bytes.Contains(bytes.ToLower(data), []byte(`\ud`))
}

func FuzzParse(f *testing.F) {
	formats := []string{"toml", "json", "jsonc"}
	seeds, err := filepath.Glob("testdata/parse/*")
	require.NoError(f, err)
	for _, file := range seeds {
		data, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(uint8(max(slices.Index(formats, config.Format(file)), 0)), data)
	}
	for _, tt := range explained {
		f.Add(uint8(max(slices.Index(formats, config.Format(tt.file)), 0)), []byte(tt.data))
	}
	for _, blank := range []string{"", " ", "\u2003"} {
		f.Add(uint8(0), fmt.Appendf(nil, "extra_scalar_types = [%q]\n%s", blank, strings.Replace(good, "mlp_post_act", blank, 1)))
		f.Add(uint8(1), fmt.Appendf(nil, `{"extra_scalar_types": [%q], "x/%s": {"user_visible_name": "X", "neuron_dataset_path": "p"}}`, blank, blank))
	}
	f.Fuzz(func(t *testing.T, format uint8, data []byte) {
		name := "a." + formats[int(format)%len(formats)]
		independent(t, name, data)
		specs, found := config.Parse(name, data)
		rules := map[config.Rule]bool{}
		for _, d := range found {
			assert.NotContains(t, d.String(), "\n")
			rules[d.Rule] = true
		}
		require.False(t, rules[config.RuleInternal], "%v", found)
		require.LessOrEqual(t, len(found), config.MaxDiagnostics+1)
		if name == "a.toml" && !rules[config.RuleTooDeep] && !rules[config.RuleBadEncoding] && !bytes.HasPrefix(data, []byte("\xff\xfe")) && !bytes.HasPrefix(data, []byte("\xfe\xff")) {
			var full map[string]any
			err := toml.Unmarshal(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), &full)
			require.Equal(t, err != nil, rules[config.RuleSyntax] || rules[config.RuleDuplicateKey], "Unmarshal returns %v, Parse returns %v", err, found)
		}
		if name == "a.json" && len(bytes.TrimSpace(data)) > 0 && !rules[config.RuleTooDeep] && !rules[config.RuleBadEncoding] &&
			!bytes.HasPrefix(data, []byte("\xff\xfe")) && !bytes.HasPrefix(data, []byte("\xfe\xff")) && !hasSurrogate(data) {
			data := bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
			require.Equal(t, len(bytes.TrimSpace(data)) > 0 && !json.Valid(data), rules[config.RuleSyntax], "Parse returns %v", found)
		}
		// A registry accepts what Parse returns, and Parse accepts what the registry encodes.
		reg := applied(t, name, specs)
		for d := range reg.Snapshot().All() {
			again, found := config.Parse("b.json", d.AppendJSON(nil), config.WithExtraScalarTypes(d.DerivedScalarType()))
			require.NoError(t, found.Err())
			require.Len(t, again, 1)
		}
		specs, _ = config.Parse(name, data, config.WithExtraScalarTypes("", " ", "x"))
		applied(t, name, specs)
	})
}

// applied returns a registry with one document, which it must accept.
func applied(t *testing.T, name string, specs []registry.Spec) *registry.Registry {
	t.Helper()
	reg := registry.New()
	_, err := reg.Apply(registry.Change{Put: []registry.Document{{Name: name, Datasets: specs}}})
	require.NoError(t, err)
	return reg
}
