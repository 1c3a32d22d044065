package server_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/server"
)

func TestUpstream(t *testing.T) {
	var asked []string
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asked = append(asked, fmt.Sprintf("%s %s %d", r.Method, r.RequestURI, len(body)))
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Access-Control-Allow-Credentials", "false")
		w.Header().Set("X-Host", r.Host)
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, "from upstream")
	}))
	defer upstream.Close()
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	target, err := url.Parse(upstream.URL + "/base")
	require.NoError(t, err)
	log := new(bytes.Buffer)
	o := server.Options{Upstream: target, LocalOrigins: true, Log: slog.New(slog.NewTextHandler(log, nil))}
	front := httptest.NewServer(server.New(registry.New(), o))
	defer front.Close()
	send := func(method, path string, body io.Reader) (*http.Response, string) {
		r, err := http.NewRequest(method, front.URL+path, body)
		require.NoError(t, err)
		r.Header.Set("Origin", "http://localhost:1234")
		resp, err := front.Client().Do(r)
		require.NoError(t, err)
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp, string(b)
	}
	for _, tt := range []struct {
		method, path string
		size         int
	}{
		{http.MethodPost, "/derived_scalars/x%2Fy?a=b", 3 << 20}, {http.MethodGet, "/explainer", 0}, {http.MethodPost, "/model_info", 0},
		{http.MethodPost, "/neuron_record", 10}, {http.MethodGet, "/", 0},
	} {
		asked = nil
		resp, body := send(tt.method, tt.path, strings.NewReader(strings.Repeat("x", tt.size)))
		assert.Equal(t, http.StatusAccepted, resp.StatusCode, tt.path)
		assert.Equal(t, "from upstream", body)
		assert.Equal(t, []string{fmt.Sprintf("%s /base%s %d", tt.method, tt.path, tt.size)}, asked)
		assert.Equal(t, []string{"http://localhost:1234"}, resp.Header["Access-Control-Allow-Origin"])
		assert.Equal(t, []string{"true"}, resp.Header["Access-Control-Allow-Credentials"])
		assert.Equal(t, target.Host, resp.Header.Get("X-Host"))
	}
	asked = nil
	for path, status := range map[string]int{"/v1": 404, "/v1/none": 404, "/-/reload": 404, "/neuron_datasets_metadata": 200, "/healthz": 200, "/docs": 200} {
		resp, _ := send(http.MethodGet, path, nil)
		assert.Equal(t, status, resp.StatusCode, path)
	}
	resp, body := send(http.MethodDelete, "/explainer", nil)
	assert.Equal(t, http.StatusMethodNotAllowed, resp.StatusCode)
	assert.Equal(t, "GET, HEAD, POST", resp.Header.Get("Allow"))
	assert.JSONEq(t, `{"message":"method not allowed: DELETE /explainer; use GET, HEAD, POST"}`, body)
	assert.Empty(t, asked, "requests that are not for the upstream")

	upstream.Close()
	resp, body = send(http.MethodPost, "/explainer", nil)
	assert.Equal(t, http.StatusBadGateway, resp.StatusCode)
	assert.Equal(t, "application/json", resp.Header.Get("Content-Type"))
	assert.JSONEq(t, `{"message":"the activation server does not answer; see the log of the server"}`, body)
	assert.Contains(t, log.String(), "cannot reach the upstream")
}

func TestModelInfo(t *testing.T) {
	away, _ := url.Parse("http://127.0.0.1:1")
	info, err := []byte(`{"name":"gpt2"}`), error(nil)
	h := server.New(registry.New(), server.Options{ModelInfo: func() ([]byte, error) { return info, err }, Upstream: away, Log: slog.New(slog.DiscardHandler)})
	for _, method := range []string{http.MethodPost, http.MethodGet} {
		w := ask(h, method, "/model_info")
		assert.Equal(t, http.StatusOK, w.Code)
		assert.Equal(t, string(info), w.Body.String())
		assert.Equal(t, "application/json", w.Header().Get("Content-Type"))
	}
	w := ask(server.New(registry.New(), server.Options{}), http.MethodPost, "/model_info")
	assert.Equal(t, http.StatusNotFound, w.Code)
	assert.JSONEq(t, `{"message":"this server has no model information"}`, w.Body.String())
}

// TestRewriteUpstream checks which bodies the upstream gets changed.
func TestRewriteUpstream(t *testing.T) {
	var got []string
	upstream := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = append(got, fmt.Sprintf("%s %.3q %d %d", r.Method, body, len(body), r.ContentLength))
	}))
	defer upstream.Close()
	target, err := url.Parse(upstream.URL)
	require.NoError(t, err)
	h := server.New(registry.New(), server.Options{Upstream: target, RewriteUpstream: func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("a"), []byte("bb")) }})
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	const limit = 1 << 20
	for _, body := range []string{"a", "", strings.Repeat("a", limit), strings.Repeat("a", limit+1)} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/infer", strings.NewReader(body)))
		assert.Equal(t, http.StatusOK, w.Code)
	}
	assert.Equal(t, []string{
		`POST "bb" 2 2`, `POST "" 0 0`, fmt.Sprintf(`POST "bbb" %d %d`, 2*limit, 2*limit),
		fmt.Sprintf(`POST "aaa" %d %d`, limit+1, limit+1),
	}, got)
}
