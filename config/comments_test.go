package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/neurondex/neurondex/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestConvertKeepsComments compares conversions of commented documents with golden files,
// which have what is lost at their end, and checks that converting the result again does not
// change it.
func TestConvertKeepsComments(t *testing.T) {
	files, err := filepath.Glob("testdata/comments/*.*")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, to := range []string{"toml", "jsonc"} {
			name := filepath.Base(file)
			t.Run(name+" to "+to, func(t *testing.T) {
				var lost string
				if _, _, err := config.Convert(name, data, to); err != nil {
					require.ErrorIs(t, err, config.ErrCommentLost)
					lost = err.Error() + "\n"
				}
				out, _, err := config.Convert(name, data, to, config.WithCommentsLost())
				require.NoError(t, err)
				again, _, err := config.Convert("again."+to, out, to)
				require.NoError(t, err)
				assert.Equal(t, string(out), string(again), "a second conversion changes the document")
				golden := filepath.Join("testdata/comments/converted", name+"."+to)
				if *update {
					require.NoError(t, os.WriteFile(golden, []byte(string(out)+lost), 0o644))
				}
				want, err := os.ReadFile(golden)
				require.NoError(t, err)
				assert.Equal(t, string(want), string(out)+lost)
			})
		}
	}
}

// TestConvertNamesEverythingLost checks that an error has all values and comments that cannot
// be kept, in their order, up to a limit.
func TestConvertNamesEverythingLost(t *testing.T) {
	const rest = "derived_scalar_type = 'logits'\nuser_visible_name = 'A'\nneuron_dataset_path = 'p'\n"
	_, _, err := config.Convert("a.toml", []byte("short_name = 'a' # name\n"+rest+"x = [nan, {y = 07:32:00}]\n# end\n"), "json")
	require.ErrorIs(t, err, config.ErrNotRepresentable)
	require.ErrorIs(t, err, config.ErrCommentLost)
	assert.EqualError(t, err, `a.toml:1:18: comment cannot be kept: JSON has no comments; use jsonc
a.toml:5:6: datasets[0].x[0]: value cannot be represented: JSON has no nan; use a string or keep the file in TOML
a.toml:5:16: datasets[0].x[1].y: value cannot be represented: JSON has no dates and times; use a string or keep the file in TOML
a.toml:6:1: comment cannot be kept: JSON has no comments; use jsonc`)

	_, _, err = config.Convert("a.toml", []byte("short_name = 'a'\n"+rest+"x = ["+strings.Repeat("nan, ", 1234)+"]\n"), "json")
	require.ErrorIs(t, err, config.ErrNotRepresentable)
	assert.NotErrorIs(t, err, config.ErrCommentLost)
	lines := strings.Split(err.Error(), "\n")
	assert.Len(t, lines, config.MaxDiagnostics+1)
	assert.Equal(t, "a.toml: and 1134 more values", lines[len(lines)-1])

	_, _, err = config.Convert("a.toml", []byte(strings.Repeat("#\n", 1234)+"short_name = 'a'\n"+rest), "json")
	assert.NotErrorIs(t, err, config.ErrNotRepresentable)
	lines = strings.Split(err.Error(), "\n")
	assert.Len(t, lines, config.MaxDiagnostics+1)
	assert.Equal(t, "a.toml: and 1134 more comments", lines[len(lines)-1])
}

// TestConvertNamesAHundredLost checks that as many losses as are named are all of them.
func TestConvertNamesAHundredLost(t *testing.T) {
	for n, more := range map[int]string{config.MaxDiagnostics: "", config.MaxDiagnostics + 1: "a.toml: and 1 more values"} {
		_, _, err := config.Convert("a.toml", []byte(good+"x = ["+strings.Repeat("nan, ", n)+"]\n"), "json")
		lines := strings.Split(err.Error(), "\n")
		if more == "" {
			assert.Len(t, lines, n)
			assert.NotContains(t, err.Error(), "more values")
		} else {
			assert.Equal(t, more, lines[n-1])
		}
	}
}
