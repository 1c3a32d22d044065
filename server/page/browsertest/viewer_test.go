package browsertest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// viewerRequests are what the public viewer asks for: on its home page, without a body, and
// on the page of a neuron.
var viewerRequests = []struct{ path, body string }{
	{"/neuron_datasets_metadata", ""},
	{"/model_info", ""},
	{"/neuron_record", `{"dst":"mlp_post_act","layerIndex":1,"activationIndex":2,"datasets":["small"]}`},
	{"/neuron_record", `{"dst":"mlp_post_act","layerIndex":1,"activationIndex":3,"datasets":["small"]}`},
	{"/existing_explanations", `{"dst":"mlp_post_act","layerIndex":1,"activationIndex":2,"explanationDatasets":[],"neuronDataset":"small"}`},
	{"/attention_head_record", `{"dst":"attn_qk_probs","layerIndex":0,"activationIndex":0,"datasets":["none"]}`},
}

// TestViewer sends the requests of the viewer from a page of another origin. A browser asks
// with a preflight whether it may send JSON there, and gives the page what it may read only.
func TestViewer(t *testing.T) {
	s, tb := newSite(t, map[string]string{"0.toml": stored()}), newTab(t)
	tb.allow = s.addr // the browser reports each 404, and what another site does not get
	viewer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, `<!doctype html><title>viewer</title><link rel="icon" href="data:,">`)
	}))
	t.Cleanup(viewer.Close)
	origin := strings.Replace(viewer.URL, "127.0.0.1", "localhost", 1)
	tb.do(chromedp.Navigate(origin))
	for _, r := range viewerRequests {
		init := `{method: "POST"}`
		if r.body != "" {
			init = `{method: "POST", headers: {"Content-Type": "application/json", Accept: "application/json"}, body: JSON.stringify(` + r.body + `)}`
		}
		got, err := chromedp.Run(tb.ctx, chromedp.Evaluate[string](`fetch("`+s.url(r.path)+`", `+init+`).then((r) => r.text())`, chromedp.EvalAwaitPromise))
		require.NoError(t, err, r.path)
		resp, err := http.Post(s.url(r.path), "application/json", strings.NewReader(r.body))
		require.NoError(t, err)
		want, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		require.NoError(t, err)
		assert.Equal(t, string(want), got, r.path)
		assert.Contains(t, got, map[int]string{http.StatusOK: `"`, http.StatusNotFound: `{"message":`}[resp.StatusCode], r.path)
	}
	// Another site gets nothing.
	other := strings.Replace(origin, "localhost", "other.localhost", 1)
	tb.do(chromedp.Navigate(other))
	got, err := chromedp.Run(tb.ctx, chromedp.Evaluate[string](`fetch("`+s.url("/neuron_datasets_metadata")+`", {method: "POST"}).then((r) => r.text(), (err) => err.name)`, chromedp.EvalAwaitPromise))
	require.NoError(t, err)
	assert.Equal(t, "TypeError", got)
}
