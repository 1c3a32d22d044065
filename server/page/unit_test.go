package page_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/neurondex/neurondex/records"
	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/server/page"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// store writes a stored file below a directory.
func store(t *testing.T, dir, name, content string) {
	t.Helper()
	name = filepath.Join(dir, filepath.FromSlash(name))
	require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
	require.NoError(t, os.WriteFile(name, []byte(content), 0o644))
}

func TestRecord(t *testing.T) {
	dir := t.TempDir()
	store(t, dir, "1/0.json", `{"most_positive_activation_records": [
		{"tokens": ["The", " <b>", " \n"], "activations": [-1, 9, 4.5]}, {"tokens": [" "], "activations": [1]}],
		"random_sample": [{"tokens": ["quiet"], "activations": [-2]}]}`)
	store(t, dir, "1/0.jsonl", `{"scored_explanations": [{"explanation": "markup & <i>", "scored_simulation": {"ev_correlation_score": 0.25}}, {"explanation": "other"}]}`)
	store(t, dir, "1/1.json", `{"random_sample": [{"tokens": ["a", "b"], "activations": [1]}]}`)
	store(t, dir, "1/2.json", `<!doctype html>`)
	store(t, dir, "1/3.json", `{"random_sample": []}`)
	store(t, dir, "1/3.jsonl", `{"scored_explanations": 1}`)
	r := registry.New()
	s := spec("a")
	s.NeuronDatasetPath, s.ExplanationDatasetPaths = dir, []string{dir}
	s.Layers, s.NodesPerLayer = 3, 4
	dots := s
	dots.ShortName = ".."
	none := spec("none")
	none.NeuronDatasetPath, none.RecordFormat = filepath.Join(dir, "none"), "pt"
	put(t, r, "a.toml", s, dots, none)
	h := newPage(t, r, page.Options{Records: new(records.Store)})

	for _, tt := range []struct {
		query string
		want  []string
		not   []string
	}{
		{"", []string{"Record Layer Index Show Use it"}, []string{"Previous", "There is no record"}},
		{"?layer=1&index=0", []string{
			"The largest activation of the most positive texts is 9.",
			"markup & <i> score 0.250, " + filepath.Base(dir), "other " + filepath.Base(dir),
			"Most positive The <b> ⏎ strongest: <b> 9 strongest: 1 Random sample quiet Use it", "Next",
		}, []string{"Previous"}},
		{"?layer=1&index=1", []string{"cannot be shown: random_sample[0] has 2 tokens and 1 activations", "Previous", "Next"}, nil},
		{"?layer=1&index=2", []string{"cannot be shown: must be JSON, but looks like a page of HTML"}, nil},
		{"?layer=1&index=3", []string{"Most positive None. Random sample None.", "Some explanations cannot be shown: /scored_explanations: must be a list", "Previous"}, []string{"Next"}},
		{"?layer=2&index=0", []string{"There is no record of layer 2, index 0 below the path of this dataset."}, nil},
		{"?layer=1", []string{"Layer and index must be numbers, 0 or greater."}, nil},
		{"?layer=1&index=-1", []string{"Layer and index must be numbers"}, nil},
		{"?layer=1&index=99999999999999999999", []string{"Layer and index must be numbers"}, nil},
	} {
		w := get(h, "/datasets/a/mlp_post_act"+tt.query)
		assert.Equal(t, http.StatusOK, w.Code, tt.query)
		got := text(w)
		_, got, _ = strings.Cut(got, "History")
		got, _, _ = strings.Cut(got, " Path Copy")
		for _, want := range tt.want {
			assert.Contains(t, got, want, tt.query)
		}
		for _, not := range tt.not {
			assert.NotContains(t, got, not, tt.query)
		}
	}
	body := get(h, "/datasets/a/mlp_post_act?layer=1&index=0").Body.String()
	assert.Contains(t, body, `The<mark class=a9 title="9"> &lt;b&gt;</mark><mark class=a4 title="4.5"> ⏎`)
	assert.Contains(t, body, `name="layer" min="0" max="2" value="1"`)
	assert.Contains(t, body, `name="index" min="0" max="3" value="0"`)
	assert.Contains(t, body, `href="?index=1&amp;layer=1#record"`)

	body = get(h, "/datasets?short_name=..&derived_scalar_type=mlp_post_act&layer=1&index=1").Body.String()
	assert.Contains(t, body, `<input type="hidden" name="short_name" value="..">`)
	assert.Contains(t, body, `href="?derived_scalar_type=mlp_post_act&amp;index=0&amp;layer=1&amp;short_name=..#record"`)

	assert.Contains(t, text(get(h, "/datasets/none/mlp_post_act?layer=1&index=0")), "path of this dataset; record_format of none/mlp_post_act is pt, and only json is read.")
	assert.NotContains(t, get(h, "/datasets/none/mlp_post_act?layer=1&index=0").Body.String(), dir+"/none/1", "paths of the disk")
	assert.NotContains(t, get(newPage(t, r, page.Options{}), "/datasets/a/mlp_post_act?layer=1&index=0").Body.String(), `id="record"`)
}

// TestRecordOfPairs shades by the strongest attention of each token.
func TestRecordOfPairs(t *testing.T) {
	dir := t.TempDir()
	store(t, dir, "0/0.json", `{"most_positive_activation_records": [{"tokens": ["a", "b"], "activations": [0.5, 1, 0.25]}]}`)
	r := registry.New()
	s := spec("a")
	s.NeuronDatasetPath, s.DerivedScalarType = dir, "attn_qk_probs"
	put(t, r, "a.toml", s)
	w := get(newPage(t, r, page.Options{Records: new(records.Store)}), "/datasets/a/attn_qk_probs?layer=0&index=0")
	assert.Contains(t, text(w), "Tokens are shaded by the strongest attention that they pay to any other.")
	assert.Contains(t, w.Body.String(), `<mark class=a4 title="0.5">a</mark><mark class=a9 title="1">b</mark>`)
}

// TestRecordBounds shows the beginning of a record that is too large for a page.
func TestRecordBounds(t *testing.T) {
	dir := t.TempDir()
	one := `{"tokens": ["` + strings.Repeat(`x","`, 1999) + strings.Repeat("y", 10_000) + `"], "activations": [` + strings.Repeat("0,", 1999) + `0]}`
	store(t, dir, "0/0.json", `{"random_sample": [`+strings.Repeat(one+",", 29)+one+`]}`)
	r := registry.New()
	s := spec("a")
	s.NeuronDatasetPath = dir
	put(t, r, "a.toml", s)
	w := get(newPage(t, r, page.Options{Records: new(records.Store)}), "/datasets/a/mlp_post_act?layer=0&index=0")
	assert.Contains(t, text(w), "x … 1,000 tokens more")
	assert.Contains(t, text(w), "10 texts more are stored.")
	assert.Less(t, w.Body.Len(), 100_000)
}
