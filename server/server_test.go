package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/examples/datasets"
	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/server"
	"github.com/neurondex/neurondex/watcher"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func builtinRegistry(tb testing.TB) *registry.Registry {
	tb.Helper()
	r, err := config.LoadFS(datasets.FS)
	require.NoError(tb, err)
	reg := registry.New()
	_, err = reg.Apply(r.Change())
	require.NoError(tb, err)
	return reg
}

// ask returns the response to a request. The header is a list of keys and values.
func ask(h http.Handler, method, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestMetadata compares the response with that of the Transformer Debugger's own server.
func TestMetadata(t *testing.T) {
	want, err := os.ReadFile("../examples/testdata/transformer_debugger_datasets.json")
	require.NoError(t, err)
	h := server.New(builtinRegistry(t), server.Options{})
	for _, method := range []string{http.MethodPost, http.MethodGet} {
		w := ask(h, method, "/neuron_datasets_metadata")
		assert.Equal(t, http.StatusOK, w.Code)
		assert.Equal(t, "application/json", w.Header().Get("Content-Type"))
		assert.JSONEq(t, string(want), w.Body.String())
		assert.Equal(t, compact(string(want)), compact(w.Body.String()), "order of the keys")
	}
}

// compact removes the insignificant space of a JSON document.
func compact(s string) string {
	return strings.NewReplacer("\n", "", `", "`, `","`, `": "`, `":"`, ", {", ",{").Replace(s)
}

func TestMetadataOfEmptyRegistry(t *testing.T) {
	h := server.New(registry.New(), server.Options{})
	assert.Equal(t, "[]\n", ask(h, http.MethodPost, "/neuron_datasets_metadata").Body.String())
}

func TestHealthAndReadiness(t *testing.T) {
	health := fmt.Errorf("%w: %w", watcher.ErrNotReady, fs.ErrNotExist)
	h := server.New(registry.New(), server.Options{CheckHealth: func() error { return health }})
	assert.Equal(t, http.StatusOK, ask(h, http.MethodGet, "/healthz").Code)
	w := ask(h, http.MethodGet, "/readyz")
	assert.Equal(t, http.StatusServiceUnavailable, w.Code)
	assert.Contains(t, w.Body.String(), "file does not exist")
	health = watcher.ErrStale
	assert.Equal(t, http.StatusOK, ask(h, http.MethodGet, "/readyz").Code, "stale documents do not make the server unready")
	health = nil
	assert.Equal(t, http.StatusOK, ask(h, http.MethodGet, "/readyz").Code)
	assert.Equal(t, http.StatusOK, ask(server.New(registry.New(), server.Options{}), http.MethodGet, "/readyz").Code)
}

func TestCORS(t *testing.T) {
	h := server.New(builtinRegistry(t), server.Options{LocalOrigins: true, CORSOrigins: []string{"https://viewer.example"}})
	for origin, allowed := range map[string]bool{
		"http://localhost": true, "https://localhost:1234": true, "http://localhost:5173": true, "http://127.0.0.1:80": true, "http://[::1]:3000": true,
		"https://viewer.example": true, "http://viewer.example": false, "http://localhost.evil.example": false, "http://evil.example/localhost": false,
		"http://localhost:x": false, "null": false,
	} {
		for _, path := range []string{"/neuron_datasets_metadata", "/v1/datasets/none/none", "/nowhere"} {
			w := ask(h, http.MethodGet, path, "Origin", origin)
			if allowed {
				assert.Equal(t, origin, w.Header().Get("Access-Control-Allow-Origin"), path)
				assert.Equal(t, "true", w.Header().Get("Access-Control-Allow-Credentials"), path)
			} else {
				assert.Empty(t, w.Header().Get("Access-Control-Allow-Origin"), "%s %s", origin, path)
			}
			assert.Contains(t, w.Header().Get("Vary"), "Origin")
		}
	}
	w := ask(h, http.MethodOptions, "/neuron_datasets_metadata", "Origin", "http://localhost:5173",
		"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type")
	assert.Equal(t, http.StatusNoContent, w.Code)
	assert.Equal(t, "POST", w.Header().Get("Access-Control-Allow-Methods"))
	assert.Equal(t, "content-type", w.Header().Get("Access-Control-Allow-Headers"))
}

func TestViewerSafe(t *testing.T) {
	reg := builtinRegistry(t)
	_, err := reg.Apply(registry.Change{Put: []registry.Document{{Name: "x", Datasets: []registry.Spec{
		{ShortName: "gpt2", DerivedScalarType: "logits", UserVisibleName: "n", NeuronDatasetPath: "p"}}}}})
	require.NoError(t, err)
	invalid := config.Diagnostics{{File: "x.toml", Rule: config.RuleSyntax, Message: "broken"}}
	status := watcher.Status{Ready: true, Datasets: 10, Documents: []watcher.DocumentStatus{{Name: "x.toml", State: watcher.StateStale, Diagnostics: invalid}}}
	for _, safe := range []bool{true, false} {
		h := server.New(reg, server.Options{ViewerSafe: safe, Status: func() watcher.Status { return status }})
		var list []any
		require.NoError(t, json.Unmarshal(ask(h, http.MethodPost, "/neuron_datasets_metadata").Body.Bytes(), &list))
		var got struct {
			Datasets, HiddenFromViewer int
			Documents                  []watcher.DocumentStatus
		}
		require.NoError(t, json.Unmarshal(ask(h, http.MethodGet, "/v1/status").Body.Bytes(), &got))
		assert.Equal(t, 10, got.Datasets)
		assert.Equal(t, status.Documents, got.Documents)
		if safe {
			assert.Len(t, list, 9)
			assert.Equal(t, 1, got.HiddenFromViewer)
		} else {
			assert.Len(t, list, 10)
			assert.Zero(t, got.HiddenFromViewer)
		}
		assert.Contains(t, ask(h, http.MethodGet, "/v1/datasets").Body.String(), "logits")
	}
}

func TestReload(t *testing.T) {
	reg := registry.New()
	var result error
	h := server.New(reg, server.Options{Reload: func(ctx context.Context) error {
		_, limited := ctx.Deadline()
		assert.True(t, limited, "Reload has a deadline")
		return result
	}})
	pending := &watcher.StaleError{Documents: []watcher.DocumentStatus{{Name: "a.toml", State: watcher.StatePending}}}
	for _, tt := range []struct {
		result error
		status int
		body   string
	}{
		{nil, http.StatusOK, `"generation":0`},
		{&watcher.StaleError{}, http.StatusUnprocessableEntity, `"code":"stale"`},
		{errors.Join(context.DeadlineExceeded, pending), http.StatusGatewayTimeout, `a.toml: pending`},
		{&watcher.ShrinkError{Removed: 2, Of: 3}, http.StatusConflict, `"code":"held"`},
		{watcher.ErrClosed, http.StatusServiceUnavailable, `"code":"closed"`},
		{fmt.Errorf("%w: %w", watcher.ErrSource, fs.ErrPermission), http.StatusServiceUnavailable, `cannot read source; serving last good data: permission denied`},
	} {
		result = tt.result
		w := ask(h, http.MethodPost, "/-/reload")
		assert.Equal(t, tt.status, w.Code)
		assert.Contains(t, w.Body.String(), tt.body)
	}
	w := ask(h, http.MethodPost, "/-/reload", "Origin", "http://localhost:1234")
	assert.Equal(t, http.StatusForbidden, w.Code, "an origin that may read must not reload")
	assert.Contains(t, w.Body.String(), "cross_origin")
	assert.Equal(t, http.StatusMethodNotAllowed, ask(h, http.MethodGet, "/-/reload").Code)
	assert.Equal(t, http.StatusNotFound, ask(server.New(reg, server.Options{}), http.MethodPost, "/-/reload").Code)
}
