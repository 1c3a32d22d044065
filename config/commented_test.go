package config_test

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/neurondex/neurondex/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestComments compares the conversions of many short documents with comments to TOML and JSON
// with a golden file. The documents are lines of a file: the name, and the quoted text.
func TestComments(t *testing.T) {
	const golden = "testdata/commented/documents.golden"
	lines, err := os.ReadFile("testdata/commented/documents.txt")
	require.NoError(t, err)
	var got strings.Builder
	for line := range strings.Lines(string(lines)) {
		name, quoted, _ := strings.Cut(strings.TrimSpace(line), " ")
		text, err := strconv.Unquote(quoted)
		require.NoError(t, err, line)
		for _, to := range []string{"toml", "jsonc"} {
			fmt.Fprintf(&got, "== %s %s to %s\n", name, quoted, to)
			_, _, lost := config.Convert(name, []byte(text), to)
			out, found, err := config.Convert(name, []byte(text), to, config.WithCommentsLost())
			if err != nil {
				fmt.Fprintf(&got, "%v\n", err)
				require.True(t, found.Err() != nil || errors.Is(err, config.ErrNotRepresentable), "%s: %v", line, err)
				continue
			}
			got.Write(out)
			if lost != nil {
				fmt.Fprintf(&got, "lost: %v\n", lost)
			}
			again, _, err := config.Convert("again."+to, out, to)
			require.NoError(t, err, "%s: %s", line, out)
			assert.Equal(t, string(out), string(again), line)
		}
	}
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(got.String()), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), got.String())
}
