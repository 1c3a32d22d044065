package command

import (
	"bytes"
	"os"
	"testing"

	"github.com/fatih/color"
	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/registry"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// reportsForTest returns reports with names and texts that every format must escape.
func reportsForTest() []fileReport {
	return []fileReport{
		{name: "a b/x:1,2%.toml", source: []byte("\tshort_name = \"\x01\" # <é>\n"), found: config.Diagnostics{
			{Severity: config.SeverityError, Rule: config.RuleEmptyField, File: "a b/x:1,2%.toml", Line: 1, Column: 15, Field: "short_name", Message: "must not be empty"},
			{Severity: config.SeverityWarning, Rule: config.RuleUnknownField, File: "a b/x:1,2%.toml", Line: 1, Column: 2, Field: "nam\ne", Message: "100%\nbad", Suggestion: "name"},
		}},
		{name: "empty.json", found: config.Diagnostics{{Severity: config.SeverityWarning, Rule: config.RuleEmptyDocument, File: "empty.json", Message: "nothing in it"}}},
		{name: "fine.toml", document: registry.Document{Datasets: make([]registry.Spec, 2)}, found: config.Diagnostics{
			{Severity: config.SeverityHint, Rule: config.RuleAzurePath, File: "fine.toml", Line: 3, Column: 1, Value: "az://x", Message: "hint"}}},
	}
}

func TestSARIFIsValid(t *testing.T) {
	schema, err := jsonschema.NewCompiler().Compile("testdata/sarif-schema-2.1.0.json")
	require.NoError(t, err)
	for _, reports := range [][]fileReport{reportsForTest(), nil} {
		var out bytes.Buffer
		require.NoError(t, writeSARIF(&out, reports))
		doc, err := jsonschema.UnmarshalJSON(&out)
		require.NoError(t, err)
		assert.NoError(t, schema.Validate(doc))
		results := doc.(map[string]any)["runs"].([]any)[0].(map[string]any)["results"].([]any)
		if reports != nil {
			require.Len(t, results, 4)
			first := results[0].(map[string]any)
			assert.Equal(t, "empty-field", first["ruleId"])
			location := first["locations"].([]any)[0].(map[string]any)["physicalLocation"].(map[string]any)
			assert.Equal(t, "a%20b/x:1,2%25.toml", location["artifactLocation"].(map[string]any)["uri"])
		}
	}
}

func TestReports(t *testing.T) {
	for _, format := range []string{"text", "json", "github"} {
		color.NoColor = format != "text"
		var out bytes.Buffer
		require.NoError(t, reportWriters[format](&out, reportsForTest()))
		golden := "testdata/report." + format
		if os.Getenv("UPDATE_SCRIPTS") != "" {
			require.NoError(t, os.WriteFile(golden, out.Bytes(), 0o644))
		}
		want, err := os.ReadFile(golden)
		require.NoError(t, err)
		assert.Equal(t, string(want), out.String())
	}
	color.NoColor = true
}
