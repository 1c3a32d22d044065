//go:build unix

package command

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/internal/spectest"
	"github.com/neurondex/neurondex/registry"
	"github.com/pelletier/go-toml/v2"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func printedSchema(t *testing.T, draft string) []byte {
	t.Helper()
	var out bytes.Buffer
	require.Equal(t, exitOK, run(t.Context(), []string{"schema", "--draft", draft}, nil, &out, io.Discard))
	return out.Bytes()
}

// compiled compiles the schema with a validator that shares no code with the generator. The
// validator also checks it against the meta-schema of the draft.
func compiled(t *testing.T, draft string) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(printedSchema(t, draft)))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	require.NoError(t, c.AddResource("file:///neurondex.schema.json", doc))
	s, err := c.Compile("file:///neurondex.schema.json")
	require.NoError(t, err)
	return s
}

func forEachDraft(t *testing.T, test func(t *testing.T, draft string)) {
	t.Helper()
	for _, draft := range slices.Sorted(maps.Keys(drafts)) {
		t.Run("draft "+draft, func(t *testing.T) { test(t, draft) })
	}
}

func TestSchemaGolden(t *testing.T) {
	forEachDraft(t, func(t *testing.T, draft string) {
		got, file := printedSchema(t, draft), "testdata/schema-"+draft+".golden.json"
		if *update {
			require.NoError(t, os.WriteFile(file, got, 0o644))
		}
		want, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.Equal(t, string(want), string(got))
	})
}

// TestSchemaDraft7 checks that the draft-07 schema has no keyword of a later draft and no
// siblings of a $ref, which draft-07 ignores.
func TestSchemaDraft7(t *testing.T) {
	var doc any
	require.NoError(t, json.Unmarshal(printedSchema(t, "7"), &doc))
	later := []string{"$defs", "$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$recursiveAnchor", "$vocabulary", "prefixItems",
		"dependentSchemas", "dependentRequired", "unevaluatedItems", "unevaluatedProperties", "minContains", "maxContains", "contentSchema"}
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, item := range v {
				walk(item)
			}
		case map[string]any:
			for key, value := range v {
				assert.NotContains(t, later, key)
				walk(value)
			}
			if ref, ok := v["$ref"].(string); ok {
				assert.True(t, strings.HasPrefix(ref, "#/definitions/"), ref)
				assert.Len(t, v, 1, ref)
			}
		}
	}
	walk(doc)
}

// TestSchemaKnowsEveryField checks that the schema has the same fields as a dataset's JSON
// form, the loader and registry.Spec.
func TestSchemaKnowsEveryField(t *testing.T) {
	spec := spectest.Full()
	spec.Extra = nil
	reg := registry.New()
	_, err := reg.Apply(registry.Change{Put: []registry.Document{{Name: "d", Datasets: []registry.Spec{spec}}}})
	require.NoError(t, err)
	d, err := reg.Snapshot().Get(spec.ShortName, spec.DerivedScalarType)
	require.NoError(t, err)
	var camel map[string]any
	require.NoError(t, json.Unmarshal(d.AppendJSON(nil), &camel))
	require.Len(t, camel, len(fieldDocs), "a field is missing from the dataset of this test, or has no description")

	names, snake := slices.Collect(maps.Keys(camel)), map[string]any{}
	var got []string
	for p := fields().Properties.Oldest(); p != nil; p = p.Next() {
		got = append(got, p.Key)
		assert.NotEmpty(t, p.Value.Description, p.Key)
		if value, ok := camel[camelCase(p.Key)]; ok && (camelCase(p.Key) != p.Key || p.Key == strings.ToLower(p.Key)) {
			snake[p.Key] = value
			if camelCase(p.Key) != p.Key {
				names = append(names, p.Key)
			}
		}
	}
	assert.ElementsMatch(t, names, got)
	require.Len(t, snake, len(camel))
	data, err := json.Marshal(snake)
	require.NoError(t, err)
	loaded, found := config.Parse("snake.json", data)
	require.NoError(t, found.Err())
	loaded[0].Line = 0
	assert.Equal(t, spec, loaded[0], "the loader accepts every snake_case name")
}

// TestGetShowsEveryField checks the rows of neurondex get.
func TestGetShowsEveryField(t *testing.T) {
	for name, spec := range spectest.Variants() {
		if name == "Extra" {
			continue
		}
		var reg registry.Registry
		_, err := reg.Apply(registry.Change{Put: []registry.Document{{Name: "d", Datasets: []registry.Spec{spec}}}})
		require.NoError(t, err)
		d, err := reg.Snapshot().Get(spec.ShortName, spec.DerivedScalarType)
		require.NoError(t, err)
		var names []string
		for _, row := range fieldRows(d) {
			assert.NotEmpty(t, row[1], name)
			names = append(names, row[0])
		}
		assert.Contains(t, names, snakeCase(name))
	}
}

func TestSchemaTakesTheExamples(t *testing.T) {
	var files []string
	for _, pattern := range []string{"datasets/*.toml", "datasets/*.json", "legacy/*.toml", "legacy/*.json"} {
		found, err := filepath.Glob("../../examples/" + pattern)
		require.NoError(t, err)
		require.NotEmpty(t, found)
		files = append(files, found...)
	}
	forEachDraft(t, func(t *testing.T, draft string) {
		schema := compiled(t, draft)
		for _, file := range files {
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			if filepath.Ext(file) == ".toml" {
				var doc any
				require.NoError(t, toml.Unmarshal(data, &doc))
				data, err = json.Marshal(doc)
				require.NoError(t, err)
			}
			assert.NoError(t, validateJSON(t, schema, string(data)), file)
		}
	})
}

func validateJSON(t *testing.T, schema *jsonschema.Schema, data string) error {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(data))
	require.NoError(t, err, data)
	return schema.Validate(doc)
}

func TestSchemaDocuments(t *testing.T) {
	const (
		rest  = `"user_visible_name": "N", "neuronDatasetPath": "/p"`
		typed = `"derived_scalar_type": "mlp_post_act", ` + rest
		whole = `"short_name": "a", ` + typed
	)
	tests := []struct {
		name, document string
		valid          bool
	}{
		{"one dataset", `{` + whole + `}`, true},
		{"one dataset with envelope", `{"$schema": "s.json", "schema_version": 1, "extra_scalar_types": ["x"], ` + whole + `}`, true},
		{"datasets", `{"$schema": "s.json", "schemaVersion": 2, "extraScalarTypes": ["x"], "datasets": [{` + whole + `}]}`, true},
		{"no datasets", `{"datasets": []}`, true},
		{"empty", `{}`, true},
		{"list", `[{` + whole + `}]`, true},
		{"map by short name", `{"schema_version": 1, "a": {` + typed + `}}`, true},
		{"map by key", `{"a/mlp_post_act": {` + rest + `}}`, true},
		{"map by a short name with a slash", `{"org/a": {` + typed + `}}`, true},
		{"map under datasets", `{"datasets": {"a": {` + typed + `}}}`, true},
		{"declared type", `{"extraScalarTypes": ["my_type"], "short_name": "a", "derivedScalarType": "my_type", ` + rest + `}`, true},
		{"declared type in a list", `{"extra_scalar_types": ["my_type"], "datasets": [{"short_name": "a", "derivedScalarType": "my_type", ` + rest + `}]}`, true},
		{"declared type in a map", `{"extra_scalar_types": ["my_type"], "a": {"derivedScalarType": "my_type", ` + rest + `}}`, true},
		{"declared type in a key", `{"extra_scalar_types": ["my_type"], "datasets": {"a/my_type": {` + rest + `}}}`, true},
		{"constant in a key", `{"a/DerivedScalarType.MLP_POST_ACT": {` + rest + `}}`, true},
		{"paths", `{"short_name": "a", "derived_scalar_type": "logits", "user_visible_name": "N", "neuron_dataset_path": "az://c/p", "explanation_dataset_paths": ["a:b", "file:///p", "HTTPS://h.example"]}`, true},
		{"constant", `{"short_name": "a", "derivedScalarType": "DerivedScalarType.MLP_POST_ACT", ` + rest + `}`, true},
		{"scalars in place of strings", `{"short_name": 7, "version": 1.5, "description": true, "tags": [1, true], ` + typed + `}`, true},
		{"null optional fields", `{"layers": null, "tags": null, "homepage": null, "record_format": null, "model": null, "deprecated": null, ` + whole + `}`, true},
		{"empty optional fields", `{"homepage": "", "recordFormat": "", "model": "", ` + whole + `}`, true},
		{"optional fields", `{"layers": 0, "nodesPerLayer": 4, "record_format": "pt", "homepage": "https://h.example", "deprecated": true, ` + whole + `}`, true},
		{"unknown fields", `{"Extra": {"a": [null]}, ` + whole + `}`, true},

		{"not a document", `"a"`, false},
		{"null", `null`, false},
		{"no short name", `{` + typed + `}`, false},
		{"no type", `{"shortName": "a", ` + rest + `}`, false},
		{"no user-visible name", `{"short_name": "a", "derived_scalar_type": "mlp_post_act", "neuron_dataset_path": "p"}`, false},
		{"no path", `[{"short_name": "a", "derived_scalar_type": "mlp_post_act", "userVisibleName": "N"}]`, false},
		{"blank short name", `{"short_name": " ", ` + typed + `}`, false},
		{"null short name", `{"shortName": null, ` + typed + `}`, false},
		{"list in place of a string", `{"short_name": ["a"], ` + typed + `}`, false},
		{"unknown type", `{"short_name": "a", "derivedScalarType": "mlp_post_acts", ` + rest + `}`, false},
		{"unknown type at the top level of a list", `[{"short_name": "a", "derived_scalar_type": "mlp_post_acts", ` + rest + `}]`, false},
		{"unknown type in a list", `{"datasets": [{"short_name": "a", "derived_scalar_type": "mlp_post_acts", ` + rest + `}]}`, false},
		{"unknown type in a map", `{"a": {"derived_scalar_type": "mlp_post_acts", ` + rest + `}}`, false},
		{"unknown type in a map under datasets", `{"datasets": {"a": {"derived_scalar_type": "mlp_post_acts", ` + rest + `}}}`, false},
		{"unknown type in a key", `{"a/mlp_post_acts": {` + rest + `}}`, false},
		{"unknown constant", `{"short_name": "a", "derivedScalarType": "MLP_POST_ACTS", ` + rest + `}`, false},
		{"number as type", `{"short_name": "a", "derivedScalarType": 7, ` + rest + `}`, false},
		{"type declared by a dataset", `{"datasets": [{"extra_scalar_types": ["my_type"], "short_name": "a", "derivedScalarType": "my_type", ` + rest + `}]}`, false},
		{"URL without host", `{"short_name": "a", "derived_scalar_type": "logits", "user_visible_name": "N", "neuron_dataset_path": "https:///p"}`, false},
		{"explanation URL without host", `{"explanation_dataset_paths": ["https://"], ` + whole + `}`, false},
		{"blank type", `{"short_name": "a", "derived_scalar_type": " ", ` + rest + `}`, false},
		{"layers as string", `{"layers": "12", ` + whole + `}`, false},
		{"layers as fraction", `{"layers": 1.5, ` + whole + `}`, false},
		{"negative layers", `{"nodesPerLayer": -1, ` + whole + `}`, false},
		{"record format", `{"record_format": "xml", ` + whole + `}`, false},
		{"record format in camelCase", `{"recordFormat": "xml", ` + whole + `}`, false},
		{"homepage", `{"homepage": "ftp://h.example", ` + whole + `}`, false},
		{"tags", `{"tags": "a", ` + whole + `}`, false},
		{"blank explanation path", `{"explanation_dataset_paths": [" "], ` + whole + `}`, false},
		{"deprecated", `{"deprecated": "yes", ` + whole + `}`, false},
		{"datasets is a string", `{"datasets": "a"}`, false},
		{"datasets is a number next to a dataset", `{"datasets": 1, ` + whole + `}`, false},
		{"datasets has a string", `{"datasets": ["a"]}`, false},
		{"bad dataset in a list", `{"datasets": [{` + whole + `}, {"short_name": "b"}]}`, false},
		{"map without type", `{"a": {` + rest + `}}`, false},
		{"map of strings", `{"a": "b"}`, false},
		{"schema version", `{"schema_version": 0, ` + whole + `}`, false},
		{"extra types", `{"extra_scalar_types": "x", "datasets": []}`, false},
	}
	forEachDraft(t, func(t *testing.T, draft string) {
		schema := compiled(t, draft)
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				_, found := config.Parse("a.json", []byte(test.document))
				assert.Equal(t, test.valid, found.Err() == nil, "what validate says of it")
				err := validateJSON(t, schema, test.document)
				if test.valid {
					assert.NoError(t, err)
				} else {
					assert.Error(t, err)
				}
			})
		}
	})
}
