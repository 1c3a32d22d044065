package config_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/neurondex/neurondex/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMistakes compares what is said about each of many documents, most with one mistake, with a
// golden file. The documents are lines of a file: the name, and the quoted text.
func TestMistakes(t *testing.T) {
	const golden = "testdata/mistakes/documents.golden"
	lines, err := os.ReadFile("testdata/mistakes/documents.txt")
	require.NoError(t, err)
	var got strings.Builder
	for line := range strings.Lines(string(lines)) {
		name, quoted, _ := strings.Cut(strings.TrimSpace(line), " ")
		text, err := strconv.Unquote(quoted)
		require.NoError(t, err, line)
		_, found := config.Parse(name, []byte(text))
		require.NotEmpty(t, found, line)
		fmt.Fprintf(&got, "%s\n\t%s\n", quoted, found[0])
		for _, d := range found {
			assert.NotEqual(t, config.RuleInternal, d.Rule, line)
			assert.LessOrEqual(t, d.Column, len(text)+1, line)
			assert.LessOrEqual(t, d.Line, strings.Count(text, "\n")+1, line)
		}
	}
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(got.String()), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), got.String())
}
