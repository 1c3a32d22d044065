package config_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/neurondex/neurondex/config"
	"github.com/pelletier/go-toml/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestStructures compares everything that is said about each of many documents, and the datasets
// in them, with a golden file. The documents are lines of a file, in which an @ stands for
// the required fields of a dataset.
func TestStructures(t *testing.T) {
	const golden = "testdata/structures/documents.golden"
	lines, err := os.ReadFile("testdata/structures/documents.txt")
	require.NoError(t, err)
	datasets := map[string]string{"a.json": strings.TrimPrefix(goodJSON, "{"), "a.toml": good}
	var got strings.Builder
	for line := range strings.Lines(string(lines)) {
		name, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		fmt.Fprintln(&got, text)
		document := []byte(strings.NewReplacer("@", datasets[name], `\n`, "\n").Replace(text))
		specs, found := config.Parse(name, document)
		for _, d := range found {
			fmt.Fprintf(&got, "\t%s", strings.TrimPrefix(d.String(), name+":"))
			if d.Value != "" {
				fmt.Fprintf(&got, " value %q", d.Value)
			}
			got.WriteByte('\n')
		}
		for _, s := range specs {
			fmt.Fprintf(&got, "\tdataset %v\n", s.Key())
		}

		// What can be converted to TOML means the same there.
		out, _, err := config.Convert(name, document, "toml")
		if err != nil {
			continue
		}
		var full map[string]any
		require.NoError(t, toml.Unmarshal(out, &full), "%s", out)
		converted, again := config.Parse("a.toml", out)
		require.NoError(t, again.Err(), "%s", out)
		assert.True(t, equalSpecs(t, specs, converted), "%s", out)
	}
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(got.String()), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), got.String())
}
