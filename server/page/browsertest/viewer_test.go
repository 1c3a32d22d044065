package browsertest

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/neurondex/neurondex/records"
	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/server"
	serverrecords "github.com/neurondex/neurondex/server/records"
)

// given is where the stored files and the answers of the public activation server are.
const given = "../../../records/testdata/"

// newBackEnd serves the given records to pages of the local machine and of some origins, and
// counts the preflight requests of browsers.
func newBackEnd(t *testing.T, origins ...string) (url string, preflights *atomic.Int32) {
	t.Helper()
	reg := registry.New()
	spec := func(typ registry.DerivedScalarType, path string, explanations ...string) registry.Spec {
		return registry.Spec{ShortName: "m", DerivedScalarType: typ, UserVisibleName: "M", NeuronDatasetPath: path, ExplanationDatasetPaths: explanations}
	}
	_, err := reg.Apply(registry.Change{Put: []registry.Document{{Name: "a", Datasets: []registry.Spec{
		spec(registry.MLPPostAct, given+"mlp", given+"expl"), spec(registry.AttnWriteNorm, given+"attn")}}}})
	require.NoError(t, err)
	h := server.New(reg, server.Options{
		Log: slog.New(slog.DiscardHandler), LocalOrigins: true, CORSOrigins: origins,
		Records: serverrecords.New(reg, new(records.Store)),
	})
	preflights = new(atomic.Int32)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodOptions {
			preflights.Add(1)
		}
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	return srv.URL, preflights
}

// newViewer serves an empty page that stands for the viewer, as a host of this machine.
func newViewer(t *testing.T, host string) (origin string) {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Skip("cannot listen on", host)
	}
	srv := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(`<!doctype html><link rel="icon" href="data:,"><title>viewer</title>`))
	})}}
	srv.Start()
	t.Cleanup(srv.Close)
	return "http://" + net.JoinHostPort(host, strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
}

// ask sends a request as the viewer does, and returns the status and the text of the response.
func (t *tab) ask(url, body string) (status int, text string) {
	t.Helper()
	options := `{method: "POST", headers: {Accept: "application/json"}}`
	if body != "" {
		options = fmt.Sprintf(`{method: "POST", headers: {Accept: "application/json", "Content-Type": "application/json"}, body: %q}`, body)
	}
	got, err := chromedp.Run(t.ctx, chromedp.Evaluate[struct {
		Status int    `json:"status"`
		Text   string `json:"text"`
	}](fmt.Sprintf(`fetch(%q, %s).then(async (r) => ({status: r.status, text: await r.text()}), (err) => ({status: 0, text: String(err)}))`, url, options), chromedp.EvalAwaitPromise))
	require.NoError(t, err)
	return got.Status, got.Text
}

// The requests of the viewer for the pages of a neuron and of an attention head.
const (
	neuronBody      = `{"dst":"mlp_post_act","layerIndex":0,"activationIndex":0,"datasets":["m"]}`
	headBody        = `{"dst":"attn_write_norm","layerIndex":0,"activationIndex":0,"datasets":["m"]}`
	explanationBody = `{"dst":"mlp_post_act","layerIndex":0,"activationIndex":0,"explanationDatasets":[],"neuronDataset":"m"}`
)

// TestViewer sends what the viewer sends, from a page of another origin, and expects what the
// public activation server answers.
func TestViewer(t *testing.T) {
	for _, host := range []string{"localhost", "127.0.0.1"} {
		t.Run(host, func(t *testing.T) { testViewer(t, newViewer(t, host)) })
	}
	t.Run("other origin", func(t *testing.T) {
		origin := newViewer(t, "127.0.0.2")
		testViewer(t, origin, origin)
	})
}

func testViewer(t *testing.T, origin string, allowed ...string) {
	t.Helper()
	url, preflights := newBackEnd(t, allowed...)
	tb := newTab(t, "status of 404")
	tb.do(chromedp.Navigate(origin + "/"))
	require.Equal(t, "viewer", tb.text(`document.title`))
	status, text := tb.ask(url+"/neuron_datasets_metadata", "")
	assert.Equal(t, http.StatusOK, status)
	assert.JSONEq(t, `[{"shortName":"m","derivedScalarType":"mlp_post_act","userVisibleName":"M","neuronDatasetPath":"`+given+`mlp"},
		{"shortName":"m","derivedScalarType":"attn_write_norm","userVisibleName":"M","neuronDatasetPath":"`+given+`attn"}]`, text)
	assert.Zero(t, preflights.Load(), "a request without a body needs none")
	for _, tt := range []struct{ route, body, want string }{
		{"/neuron_record", neuronBody, "neuron_record.json"},
		{"/attention_head_record", headBody, "attention_head_record.json"},
		{"/existing_explanations", explanationBody, "existing_explanations.json"},
	} {
		status, text := tb.ask(url+tt.route, tt.body)
		assert.Equal(t, http.StatusOK, status, tt.route)
		b, err := os.ReadFile(given + tt.want)
		require.NoError(t, err)
		assertClose(t, strings.ReplaceAll(string(b), "DATA/", given), text)
	}
	assert.Positive(t, preflights.Load(), "JSON needs one")
	status, text = tb.ask(url+"/neuron_record", strings.Replace(neuronBody, `"layerIndex":0`, `"layerIndex":7`, 1))
	assert.Equal(t, http.StatusNotFound, status, "an error can be read too")
	assert.Contains(t, text, `"message"`)
}

// TestViewerOfAnotherOrigin checks that a page of an origin that is not allowed reads nothing.
func TestViewerOfAnotherOrigin(t *testing.T) {
	url, _ := newBackEnd(t)
	tb := newTab(t, "127.0.0.1") // which the browser says it has blocked
	tb.do(chromedp.Navigate(newViewer(t, "127.0.0.2") + "/"))
	for _, body := range []string{"", neuronBody} {
		status, text := tb.ask(url+"/neuron_record", body)
		assert.Zero(t, status)
		assert.Equal(t, "TypeError: Failed to fetch", text)
	}
}

// assertClose asserts that two JSON texts are equal, numbers to 1e-9 relative.
func assertClose(t *testing.T, want, got string) {
	t.Helper()
	var w, g any
	require.NoError(t, json.Unmarshal([]byte(want), &w))
	require.NoError(t, json.Unmarshal([]byte(got), &g), got)
	assert.True(t, isClose(w, g), "want %s, got %s", want, got)
}

func isClose(want, got any) bool {
	switch w := want.(type) {
	case float64:
		g, ok := got.(float64)
		return ok && math.Abs(w-g) <= 1e-9*math.Abs(w)
	case []any:
		g, ok := got.([]any)
		for i := 0; ok && i < len(w) && i < len(g); i++ {
			ok = isClose(w[i], g[i])
		}
		return ok && len(w) == len(g)
	case map[string]any:
		g, ok := got.(map[string]any)
		for k := range w {
			ok = ok && isClose(w[k], g[k])
		}
		return ok && len(w) == len(g)
	}
	return want == got
}
