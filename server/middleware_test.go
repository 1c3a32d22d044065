package server_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/server"
	"github.com/neurondex/neurondex/watcher"
)

func TestPanic(t *testing.T) {
	log := new(bytes.Buffer)
	h := server.New(registry.New(), server.Options{
		LocalOrigins: true, Log: slog.New(slog.NewTextHandler(log, nil)),
		CheckHealth: func() error { panic("boom") },
		ModelInfo:   func() ([]byte, error) { panic(errors.New("bang")) },
		Records: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"half":`)
			panic("late")
		}),
	})
	w := ask(h, http.MethodGet, "/readyz", "Origin", "http://localhost")
	assert.Equal(t, http.StatusInternalServerError, w.Code)
	assert.Equal(t, problem{"about:blank", "Internal Server Error", 500, "internal error; see the log of the server", "internal", ""}, decode[problem](t, w))
	assert.Equal(t, "http://localhost", w.Header().Get("Access-Control-Allow-Origin"), "CORS headers of an error")
	assert.Contains(t, log.String(), `msg="panic in a handler" method=GET path=/readyz panic=boom stack=`)
	assert.JSONEq(t, `{"message":"internal error; see the log of the server"}`, ask(h, http.MethodPost, "/model_info").Body.String())
	assert.Contains(t, log.String(), `panic=bang`)
	// What is half sent is cut off, not continued.
	w = httptest.NewRecorder()
	assert.PanicsWithValue(t, http.ErrAbortHandler, func() { h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/neuron_record", nil)) })
	assert.Equal(t, `{"half":`, w.Body.String())
	assert.Contains(t, log.String(), `panic=late`)
}

func TestObserve(t *testing.T) {
	var seen []string
	o := server.Options{
		AllowedHosts: []string{"example.com"},
		Observe: func(r *http.Request, route string, status int, elapsed time.Duration) {
			assert.Positive(t, elapsed)
			seen = append(seen, fmt.Sprintf("%s %s: %q %d", r.Method, r.URL.Path, route, status))
		},
		CheckHealth: func() error { panic("boom") }, Log: slog.New(slog.DiscardHandler),
		ModelInfo: func() ([]byte, error) { panic(http.ErrAbortHandler) },
	}
	h := server.New(builtinRegistry(t), o)
	ask(h, http.MethodGet, "/v1/datasets")
	ask(h, http.MethodHead, "/v1/datasets/gpt2-small/mlp_post_act", "If-None-Match", "*")
	ask(h, http.MethodGet, "/v1/datasets/a/b")
	ask(h, http.MethodGet, "/nowhere")
	ask(h, http.MethodPut, "/v1/status")
	ask(h, http.MethodGet, "/readyz")
	assert.Panics(t, func() { ask(h, http.MethodGet, "/model_info") })
	r := httptest.NewRequest(http.MethodGet, "/healthz", nil)
	r.Host = "evil.example"
	h.ServeHTTP(httptest.NewRecorder(), r)
	assert.Equal(t, []string{
		`GET /v1/datasets: "GET /v1/datasets" 200`,
		`HEAD /v1/datasets/gpt2-small/mlp_post_act: "GET /v1/datasets/{short_name}/{derived_scalar_type}" 304`,
		`GET /v1/datasets/a/b: "GET /v1/datasets/{short_name}/{derived_scalar_type}" 404`,
		`GET /nowhere: "" 404`,
		`PUT /v1/status: "" 405`,
		`GET /readyz: "GET /readyz" 500`,
		`GET /model_info: "GET /model_info" 200`,
		`GET /healthz: "" 421`,
	}, seen)
}

func TestBodyLimit(t *testing.T) {
	read := 0
	h := server.New(registry.New(), server.Options{Records: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		read = len(b)
		if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
			read = -int(tooLarge.Limit)
		}
	})})
	for _, tt := range []struct {
		path            string
		size, announced int64
		status, read    int
	}{
		{"/neuron_record", 1 << 20, 1 << 20, 200, 1 << 20},
		{"/neuron_record", 1<<20 + 1, 1<<20 + 1, 413, 0},
		{"/neuron_record", 1 << 20, -1, 200, 1 << 20},
		{"/neuron_record", 1<<20 + 1, -1, 200, -1 << 20},
		{"/neuron_datasets_metadata", 1 << 21, 1 << 21, 413, 0},
		{"/neuron_datasets_metadata", 1 << 10, 1 << 10, 200, 0},
	} {
		read = 0
		r := httptest.NewRequest(http.MethodPost, tt.path, strings.NewReader(strings.Repeat("x", int(tt.size))))
		r.ContentLength = tt.announced
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		assert.Equal(t, tt.status, w.Code, "%+v", tt)
		assert.Equal(t, tt.read, read, "%+v", tt)
		if tt.status == http.StatusRequestEntityTooLarge {
			assert.Equal(t, "close", w.Header().Get("Connection"))
			assert.JSONEq(t, `{"message":"body exceeds the limit of 1048576 bytes"}`, w.Body.String())
		}
	}
	r := httptest.NewRequest(http.MethodGet, "/v1/datasets", nil)
	r.ContentLength = 1 << 30
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	assert.Equal(t, "body_too_large", decode[problem](t, w).Code)
}

// TestPaths checks that responses do not say where files are on the server's disk.
func TestPaths(t *testing.T) {
	missing := &fs.PathError{Op: "open", Path: "/srv/secret place/datasets", Err: fs.ErrNotExist}
	link := &os.LinkError{Op: "rename", Old: "/srv/old", New: "relative/new", Err: fs.ErrExist}
	unready := errors.Join(watcher.ErrNotReady, fmt.Errorf("%w: %w", watcher.ErrSource, missing))
	o := server.Options{
		CheckHealth: func() error { return unready },
		Reload:      func(context.Context) error { return fmt.Errorf("%w: %w and %w", watcher.ErrSource, missing, link) },
		Status:      func() watcher.Status { return watcher.Status{SourceError: missing.Error()} },
		ModelInfo:   func() ([]byte, error) { return nil, missing }, Log: slog.New(slog.DiscardHandler),
	}
	for _, expose := range []bool{false, true} {
		o.ExposePaths = expose
		h := server.New(registry.New(), o)
		place, old := "datasets", "old"
		if expose {
			place, old = missing.Path, link.Old
		}
		assert.Contains(t, ask(h, http.MethodGet, "/readyz").Body.String(), "open "+place+": file does not exist")
		assert.Contains(t, ask(h, http.MethodGet, "/v1/status").Body.String(), `"sourceError":"open `+place+`: file does not exist"`)
		assert.Contains(t, ask(h, http.MethodPost, "/-/reload").Body.String(), "open "+place+": file does not exist and rename "+old+" relative/new: file already exists")
		assert.Contains(t, ask(h, http.MethodPost, "/model_info").Body.String(), "this server has no model information: open "+place+": file does not exist")
	}
}

func TestCORSOff(t *testing.T) {
	h := server.New(registry.New(), server.Options{})
	w := ask(h, http.MethodGet, "/v1/datasets", "Origin", "http://localhost:1234")
	assert.Equal(t, http.StatusOK, w.Code)
	assert.Empty(t, w.Header().Get("Access-Control-Allow-Origin"))
	assert.Equal(t, []string{"Accept-Encoding"}, w.Header()["Vary"])
}

// TestVaryOfOthers checks that the Vary header of a middleware is kept.
func TestVaryOfOthers(t *testing.T) {
	h := server.New(builtinRegistry(t), server.Options{})
	for _, vary := range [][]string{{"Cookie"}, {"Origin", "Cookie"}, {"Cookie", "Origin"}} {
		w := httptest.NewRecorder()
		w.Header()["Vary"] = slices.Clone(vary)
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v1/datasets", nil))
		assert.Equal(t, append(vary, "Accept-Encoding"), w.Header()["Vary"])
	}
}

// TestViewerOrigin does what the public neuron viewer does: POST without a body, and the
// preflight that some browsers send before it from a public page to a local server.
func TestViewerOrigin(t *testing.T) {
	h := server.New(builtinRegistry(t), server.Options{LocalOrigins: true, CORSOrigins: []string{"https://viewer.example"}})
	w := ask(h, http.MethodPost, "/neuron_datasets_metadata", "Origin", "http://localhost:1234")
	assert.Equal(t, http.StatusOK, w.Code)
	assert.Equal(t, "http://localhost:1234", w.Header().Get("Access-Control-Allow-Origin"))
	assert.Equal(t, []string{"Origin, Accept-Encoding"}, w.Header()["Vary"])
	assert.Equal(t, "Etag, Preference-Applied, Retry-After", w.Header().Get("Access-Control-Expose-Headers"))
	for origin, allowed := range map[string]bool{"https://viewer.example": true, "https://other.example": false} {
		w := ask(h, http.MethodOptions, "/model_info", "Origin", origin, "Access-Control-Request-Method", "POST", "Access-Control-Request-Private-Network", "true")
		assert.Equal(t, http.StatusNoContent, w.Code)
		want := ""
		if allowed {
			want = "true"
		}
		assert.Equal(t, want, w.Header().Get("Access-Control-Allow-Private-Network"), origin)
	}
	h = server.New(builtinRegistry(t), server.Options{LocalOrigins: true})
	w = ask(h, http.MethodOptions, "/model_info", "Origin", "http://localhost", "Access-Control-Request-Method", "POST", "Access-Control-Request-Private-Network", "true")
	assert.Empty(t, w.Header().Get("Access-Control-Allow-Private-Network"), "no public origin is allowed")
}

// TestStatus checks every field that is not the watcher's.
func TestStatus(t *testing.T) {
	reg := registry.New()
	put(t, reg, "a", "a/t", "b/mlp_post_act", "c/t", "d/mlp_post_act")
	h := server.New(reg, server.Options{ViewerSafe: true})
	w := ask(h, http.MethodGet, "/v1/status")
	assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	got := decode[map[string]any](t, w)
	assert.Regexp(t, "^[0-9a-f]{16}$", got["epoch"])
	delete(got, "epoch")
	assert.Equal(t, map[string]any{
		"ready": true, "generation": 1.0, "hash": reg.Snapshot().Hash().String(), "datasets": 4.0, "loadSeconds": 0.0, "reloads": 0.0, "documents": []any{},
		"streams": 0.0, "hiddenFromViewer": 2.0,
	}, got)
	// What comes after a hidden dataset is not lost.
	metadata := decode[[]map[string]any](t, ask(h, http.MethodPost, "/neuron_datasets_metadata"))
	require.Len(t, metadata, 2)
	assert.Equal(t, []any{"b", "d"}, []any{metadata[0]["shortName"], metadata[1]["shortName"]})
	assert.NotEqual(t, ask(h, http.MethodGet, "/v1/datasets").Header().Get("ETag"), ask(h, http.MethodGet, "/neuron_datasets_metadata").Header().Get("ETag"))
}
