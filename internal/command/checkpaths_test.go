package command

import (
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/registry"
	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"
)

func TestCheckPaths(t *testing.T) {
	defer goleak.VerifyNone(t)
	var mu sync.Mutex // guards asked
	asked := map[string]int{}
	handle := func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked[r.Method+" "+r.URL.Path]++
		n := asked[r.Method+" "+r.URL.Path]
		mu.Unlock()
		assert.Equal(t, "neurondex", r.UserAgent())
		switch r.URL.Path {
		case "/good/0/0.json", "/tensors/0/0.pt":
		case "/no-head/0/0.json":
			if r.Method == http.MethodHead {
				w.WriteHeader(http.StatusMethodNotAllowed)
				return
			}
			assert.Equal(t, "bytes=0-0", r.Header.Get("Range"))
			w.WriteHeader(http.StatusPartialContent)
		case "/flaky/0/0.json":
			if n < 3 {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		case "/broken/0/0.json":
			w.WriteHeader(http.StatusInternalServerError)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}
	s := httptest.NewServer(http.HandlerFunc(handle))
	defer s.Close()
	dir := t.TempDir()
	specs := []registry.Spec{
		{NeuronDatasetPath: s.URL + "/good/"},
		{NeuronDatasetPath: s.URL + "/tensors", RecordFormat: "pt"},
		{NeuronDatasetPath: s.URL + "/no-head"},
		{NeuronDatasetPath: s.URL + "/flaky"},
		{NeuronDatasetPath: s.URL + "/broken", Line: 7},
		{NeuronDatasetPath: s.URL + "/missing"},
		{NeuronDatasetPath: dir},
		{NeuronDatasetPath: "file://" + filepath.ToSlash(dir)},
		{NeuronDatasetPath: filepath.Join(dir, "nothing")},
		{NeuronDatasetPath: "az://account/container/x"},
		{NeuronDatasetPath: "http://127.0.0.1:1/refused"},
	}
	p := newProber()
	p.client.RetryWaitMin, p.client.RetryWaitMax = 0, 0
	reports := []fileReport{{name: "a.toml", document: registry.Document{Name: "a.toml", Datasets: specs}}}
	v := validation{progress: io.Discard}
	var states []string
	for _, r := range v.checkPaths(t.Context(), p, reports) {
		states = append(states, r.state)
	}
	assert.Equal(t, []string{"ok", "ok", "ok", "ok", "FAILED", "FAILED", "ok", "ok", "FAILED", "unchecked", "FAILED"}, states)
	assert.Equal(t, 4, reports[0].found.Count(config.SeverityError))
	assert.Equal(t, "a.toml:7:1: error: neuron_dataset_path: cannot reach the path of /: HTTP 500 Internal Server Error [unreachable-path]", reports[0].found[len(reports[0].found)-1].String())
	assert.Equal(t, 3, asked["HEAD /flaky/0/0.json"])
	assert.Equal(t, 3, asked["HEAD /broken/0/0.json"])
	assert.Equal(t, 1, asked["HEAD /missing/0/0.json"], "a 404 is not retried")
}
