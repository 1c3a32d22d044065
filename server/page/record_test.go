package page_test

import (
	"context"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/neurondex/neurondex/records"
	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/server/page"
)

// newRecordPage returns pages of datasets of the type mlp_post_act by their short names and
// paths.
func newRecordPage(t *testing.T, o page.Options, paths map[string]string) *page.Handler {
	t.Helper()
	r := registry.New()
	var specs []registry.Spec
	for name, path := range paths {
		s := spec(name)
		s.NeuronDatasetPath = path
		specs = append(specs, s)
	}
	put(t, r, "a.toml", specs...)
	return newPage(t, r, o)
}

const storedRecords = "../../records/testdata"

// TestRecordStatus checks what is said, and with which status, where no record is shown.
func TestRecordStatus(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "0"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "0", "0.json"), []byte("<html>"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "0", "1.pt"), nil, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o600))
	storage := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	t.Cleanup(storage.Close)
	transport := storage.Client().Transport
	t.Cleanup(storage.Client().CloseIdleConnections)
	h := newRecordPage(t, page.Options{Records: &records.Store{Transport: transport}}, map[string]string{
		"m": storedRecords + "/mlp", "html": dir, "denied": storage.URL, "file": filepath.Join(dir, "file"), "odd": "gs://bucket/x"})
	for address, want := range map[string]struct {
		status int
		text   string
	}{
		"m/mlp_post_act":                            {200, "Record Layer Index Show Fields"},
		"m/mlp_post_act?layer=0&index=0":            {200, "Record of layer 0, index 0 Layer Index Show Next Shaded by activation, from 0 to 7.477: Top activations"},
		"m/mlp_post_act?layer=0":                    {200, "Record of layer 0, index 0"},
		"m/mlp_post_act?layer=0&index=1":            {404, "Show Previous Next There is no record of layer 0, index 1. Fields"},
		"m/mlp_post_act?layer=-1&index=1":           {400, "Layer and index must be numbers, 0 or greater."},
		"m/mlp_post_act?layer=../0&index=1":         {400, "Layer and index must be numbers, 0 or greater."},
		"m/mlp_post_act?index=99999999999999999999": {400, "Layer and index must be numbers, 0 or greater."},
		"html/mlp_post_act?layer=0&index=1":         {404, "There is no record of layer 0, index 1; file does not exist; a .pt file exists, but PyTorch files are not supported; convert it to .json."},
		"html/mlp_post_act?layer=0&index=0":         {502, "The record cannot be shown: must be JSON, but looks like a page of HTML."},
		"denied/mlp_post_act?layer=0&index=0":       {502, "/0/0.json: HTTP 403 Forbidden."},
		"odd/mlp_post_act?layer=0&index=0":          {502, "gs:// is not supported; use https, az or a directory."},
		"file/mlp_post_act?layer=0&index=0":         {502, "The record cannot be shown:"},
	} {
		w := get(h, "/datasets/"+address)
		assert.Equal(t, want.status, w.Code, address)
		assert.Contains(t, text(w), want.text, address)
		assert.NotContains(t, text(w), "open "+dir, "no path of the disk: %s", address)
	}
	none := newRecordPage(t, page.Options{}, map[string]string{"m": storedRecords + "/mlp"})
	assert.NotContains(t, get(none, "/datasets/m/mlp_post_act?layer=0&index=0").Body.String(), `id="record"`)
}

// TestRecordTimeout checks that a page does not wait for slow storage for ever, and that the
// download goes on for the next request.
func TestRecordTimeout(t *testing.T) {
	release := make(chan struct{})
	storage := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		<-release
		_, _ = w.Write([]byte(`{"most_positive_activation_records":[]}`))
	}))
	t.Cleanup(storage.Close)
	h := newRecordPage(t, page.Options{Records: &records.Store{Transport: storage.Client().Transport}}, map[string]string{"slow": storage.URL})
	const address = "/datasets/slow/mlp_post_act?layer=0&index=0"
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, address, http.NoBody).WithContext(ctx))
	assert.Equal(t, http.StatusGatewayTimeout, w.Code)
	assert.Contains(t, text(w), "The record did not arrive within 15 seconds. Try again later.")
	close(release)
	w = get(h, address)
	assert.Equal(t, http.StatusOK, w.Code)
	assert.Contains(t, text(w), "Top activations None stored.")
}

// TestRecordForm checks that the form and the links of a record keep the dataset, whatever its
// names are.
func TestRecordForm(t *testing.T) {
	paths := make(map[string]string)
	for _, name := range []string{"a", "..", "a/b?c", strings.Repeat("long", 1000)} {
		paths[name] = storedRecords + "/mlp"
	}
	h := newRecordPage(t, page.Options{Records: new(records.Store)}, paths)
	origin, err := url.Parse("http://example.com/")
	require.NoError(t, err)
	links := regexp.MustCompile(`class="name"><a href="([^"]+)"`).FindAllStringSubmatch(get(h, "/").Body.String(), -1)
	require.Len(t, links, len(paths))
	for _, m := range links {
		page, err := origin.Parse(html.UnescapeString(m[1]))
		require.NoError(t, err)
		body := get(h, page.RequestURI()).Body.String()
		form := regexp.MustCompile(`<form action="([^"]+)#record">(.*)`).FindStringSubmatch(body)
		require.NotNil(t, form)
		target, err := page.Parse(html.UnescapeString(form[1]))
		require.NoError(t, err)
		values := url.Values{"layer": {"0"}, "index": {"0"}}
		for _, in := range regexp.MustCompile(`type="hidden" name="([^"]+)" value="([^"]*)"`).FindAllStringSubmatch(form[2], -1) {
			values.Set(in[1], html.UnescapeString(in[2]))
		}
		target.RawQuery = values.Encode()
		w := get(h, target.RequestURI())
		require.Equal(t, http.StatusOK, w.Code, target)
		assert.Contains(t, text(w), "Record of layer 0, index 0")
		next, err := target.Parse(html.UnescapeString(regexp.MustCompile(`rel="next" href="([^"]+)"`).FindStringSubmatch(w.Body.String())[1]))
		require.NoError(t, err)
		assert.Contains(t, text(get(h, next.RequestURI())), "There is no record of layer 0, index 1.")
	}
}

// TestRecordExplanations checks that explanations that cannot be read do not hide the others, or the
// record.
func TestRecordExplanations(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "0"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "0", "0.jsonl"), []byte(`{"scored_explanations": 1}`), 0o600))
	r := registry.New()
	s := spec("a")
	s.NeuronDatasetPath, s.ExplanationDatasetPaths, s.RecordFormat = storedRecords+"/mlp", []string{dir + "/none", dir, storedRecords + "/expl/"}, "pt"
	put(t, r, "a.toml", s)
	h := newPage(t, r, page.Options{Records: new(records.Store)})
	shown := text(get(h, "/datasets/a/mlp_post_act?layer=0&index=0"))
	assert.Contains(t, shown, "Explanations words about cats <b> score 0.61, expl numbers no score, expl")
	assert.Contains(t, shown, "Explanations cannot be shown: /scored_explanations: must be a list.")
	assert.Contains(t, shown, "Top activations")
	shown = text(get(h, "/datasets/a/mlp_post_act?layer=7&index=0"))
	assert.Contains(t, shown, "There is no record of layer 7, index 0; record_format of a/mlp_post_act is pt; only json is supported.")
}

// TestRecordBounds checks that a large record does not make a large page.
func TestRecordBounds(t *testing.T) {
	for name, one := range map[string]string{
		"long texts":  `{"tokens": ["` + strings.Repeat(`x","`, 199_999) + `y"], "activations": [` + strings.Repeat("1,", 199_999) + `1]}`,
		"long tokens": `{"tokens": ["` + strings.Repeat(`\u202e`, 1_000_000) + `"], "activations": [1]}`,
		"empty texts": strings.TrimSuffix(strings.Repeat(`{"tokens": [], "activations": []},`, 30_000), ","),
	} {
		dir := t.TempDir()
		require.NoError(t, os.Mkdir(filepath.Join(dir, "0"), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "0", "0.json"), []byte(`{"random_sample": [`+one+","+one+`]}`), 0o600))
		w := get(newRecordPage(t, page.Options{Records: new(records.Store)}, map[string]string{"a": dir}), "/datasets/a/mlp_post_act?layer=0&index=0")
		require.Equal(t, http.StatusOK, w.Code, name)
		assert.Less(t, w.Body.Len(), 1_200_000, name)
	}
}
