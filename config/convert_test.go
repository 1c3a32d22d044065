package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/registry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestConvert compares conversions of the parse examples with golden files, and checks that
// converting the result again does not change it.
func TestConvert(t *testing.T) {
	for _, name := range []string{"list.toml", "list.json", "single.toml", "array.json", "map.toml", "map-under-datasets.toml", "version.json", "none.toml", "casing.json"} {
		data, err := os.ReadFile(filepath.Join("testdata/parse", name))
		require.NoError(t, err)
		for _, to := range []string{"toml", "json"} {
			got, _, err := config.Convert(name, data, to)
			if err != nil {
				require.ErrorIs(t, err, config.ErrNotRepresentable)
				got = []byte(err.Error() + "\n")
			} else {
				again, _, err := config.Convert("x."+to, got, to)
				require.NoError(t, err)
				assert.Equal(t, string(got), string(again), "%s to %s: a second conversion changes the document", name, to)
			}
			golden := filepath.Join("testdata/convert", name+"."+to)
			if *update {
				require.NoError(t, os.WriteFile(golden, got, 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			assert.Equal(t, string(want), string(got))
		}
	}
}

func TestConvertToUnknownFormat(t *testing.T) {
	out, _, err := config.Convert("a.toml", []byte(good), "yaml")
	assert.Empty(t, out)
	assert.EqualError(t, err, `config: cannot convert to format "yaml"`)
}

func TestCountComments(t *testing.T) {
	for _, tt := range []struct {
		name, data string
		n, line    int
	}{
		{"a.toml", "a = 1\n", 0, 0},
		{"a.toml", "a = '#'\n# one\n[b] # two\nc = [ # three\n 1, # four\n]\n", 4, 2},
		{"a.json", `{"a": "// none"}`, 0, 0},
		{"a.jsonc", "{\n\"a\": \"// none\", // one\n/* two * / */ \"b\": [1, /* three */]} // four", 4, 2},
	} {
		n, line := config.CountComments(tt.name, []byte(tt.data))
		assert.Equal(t, tt.n, n, tt.data)
		assert.Equal(t, tt.line, line, tt.data)
	}
}

// equalSpecs reports whether two lists of datasets are equal in content.
func equalSpecs(t *testing.T, a, b []registry.Spec) bool {
	t.Helper()
	hash := func(specs []registry.Spec) registry.Hash {
		reg := registry.New()
		u, err := reg.Apply(registry.Change{Put: []registry.Document{{Name: "d", Datasets: specs}}})
		require.NoError(t, err)
		return u.After.Hash()
	}
	return hash(a) == hash(b)
}

func FuzzConvert(f *testing.F) {
	seeds, err := filepath.Glob("testdata/parse/*")
	require.NoError(f, err)
	for _, file := range seeds {
		data, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(strings.HasSuffix(file, ".json"), strings.HasSuffix(file, ".json"), data)
		f.Add(strings.HasSuffix(file, ".json"), !strings.HasSuffix(file, ".json"), data)
	}
	f.Add(false, false, []byte("short_name=\"x\"\nderived_scalar_type=\"logits\"\nuser_visible_name=\"n\"\nneuron_dataset_path=\"p\"\n\"a.b \\u0000\\n\"={\"\"=[1,{x=2}]}"))
	f.Fuzz(func(t *testing.T, fromJSON, toJSON bool, data []byte) {
		format := map[bool]string{true: "json", false: "toml"}
		specs, _ := config.Parse("a."+format[fromJSON], data)
		out, found, err := config.Convert("a."+format[fromJSON], data, format[toJSON])
		if err != nil {
			if found.Err() == nil {
				require.ErrorIs(t, err, config.ErrNotRepresentable)
			}
			return
		}
		again, found := config.Parse("b."+format[toJSON], out)
		require.NoError(t, found.Err(), "%s", out)
		require.True(t, equalSpecs(t, specs, again), "%s", out)
		twice, _, err := config.Convert("b."+format[toJSON], out, format[toJSON])
		require.NoError(t, err)
		require.Equal(t, string(out), string(twice))
	})
}
