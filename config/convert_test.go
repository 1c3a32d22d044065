package config_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/registry"
	"github.com/pelletier/go-toml/v2/unstable"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tailscale/hujson"
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
	formats := []string{"toml", "json", "jsonc"}
	for _, dir := range []string{"parse", "comments"} {
		seeds, err := filepath.Glob("testdata/" + dir + "/*.*")
		require.NoError(f, err)
		for _, file := range seeds {
			data, err := os.ReadFile(file)
			require.NoError(f, err)
			for to := range formats {
				f.Add(slices.Index(formats, config.Format(file)), to, data)
			}
		}
	}
	f.Add(0, 0, []byte("short_name=\"x\"\nderived_scalar_type=\"logits\"\nuser_visible_name=\"n\"\nneuron_dataset_path=\"p\"\n\"a.b \\u0000\\n\"={\"\"=[1,{x=2}]}"))
	f.Fuzz(func(t *testing.T, from, to int, data []byte) {
		if from < 0 || to < 0 || from > 2 || to > 2 {
			return
		}
		name, again := "a."+formats[from], "b."+formats[to]
		specs, _ := config.Parse(name, data)
		_, _, lost := config.Convert(name, data, formats[to])
		out, found, err := config.Convert(name, data, formats[to], config.WithCommentsLost())
		if err != nil {
			if found.Err() == nil {
				require.ErrorIs(t, err, config.ErrNotRepresentable)
			}
			return
		}
		converted, found := config.Parse(again, out)
		require.NoError(t, found.Err(), "%s", out)
		require.True(t, equalSpecs(t, specs, converted), "%s", out)
		twice, _, err := config.Convert(again, out, formats[to])
		require.NoError(t, err)
		require.Equal(t, string(out), string(twice))
		if from == to && (lost == nil || !strings.Contains(lost.Error(), " more comments")) {
			n := 0
			if lost != nil {
				n = strings.Count(lost.Error(), config.ErrCommentLost.Error())
			}
			require.Equal(t, countComments(t, name, data), n+countComments(t, again, out), "%v\n%s", lost, out)
		}
	})
}

var jsonComment = regexp.MustCompile(`(?s)//[^\n]*|/\*.*?\*/`)

// countComments counts the comments of a document by means of another parser.
func countComments(t *testing.T, name string, data []byte) (n int) {
	t.Helper()
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		t.Skip("the other parsers do not know UTF-16")
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if config.Format(name) == "toml" {
		p := unstable.Parser{KeepComments: true}
		p.Reset(data)
		for p.NextExpression() {
			n += countNodes(p.Expression())
		}
		require.NoError(t, p.Error())
		return n
	}
	if len(bytes.TrimSpace(jsonComment.ReplaceAll(data, nil))) == 0 {
		return len(jsonComment.FindAll(data, -1)) // hujson does not know empty documents
	}
	value, err := hujson.Parse(append(bytes.Clone(data), '\n')) // it wants a newline after a comment
	require.NoError(t, err)
	count := func(extra hujson.Extra) { n += len(jsonComment.FindAll(extra, -1)) }
	count(value.AfterExtra)
	for v := range value.All() {
		count(v.BeforeExtra)
		switch inner := v.Value.(type) {
		case *hujson.Object:
			count(inner.AfterExtra)
			for _, m := range inner.Members {
				count(m.Name.AfterExtra)
				count(m.Value.AfterExtra)
			}
		case *hujson.Array:
			count(inner.AfterExtra)
			for _, item := range inner.Elements {
				count(item.AfterExtra)
			}
		}
	}
	return n
}

// countNodes counts the comments among n, its siblings and their descendants.
func countNodes(n *unstable.Node) (found int) {
	for ; n != nil && n.Valid(); n = n.Next() {
		if n.Kind == unstable.Comment {
			found++
		}
		found += countNodes(n.Child())
	}
	return found
}
