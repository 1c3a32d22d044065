package server_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/server"
)

// startUpstream starts an upstream, and returns a handler before it.
func startUpstream(t *testing.T, o server.Options, serve http.HandlerFunc) http.Handler {
	t.Helper()
	upstream := httptest.NewServer(serve)
	t.Cleanup(upstream.Close)
	target, err := url.Parse(upstream.URL)
	require.NoError(t, err)
	o.Upstream = target
	return server.New(registry.New(), o)
}

// TestUpstreamRequest checks what a request to the upstream says of its client, under which
// route it is observed, how long it may last, and that no proxy is asked.
func TestUpstreamRequest(t *testing.T) {
	transport := http.DefaultTransport.(*http.Transport)
	proxy := transport.Proxy
	transport.Proxy = func(*http.Request) (*url.URL, error) { return nil, errors.New("a proxy is asked") }
	defer func() { transport.Proxy = proxy }()
	var got http.Header
	route := ""
	h := startUpstream(t, server.Options{Observe: func(_ *http.Request, r string, _ int, _ time.Duration) { route = r }},
		func(_ http.ResponseWriter, r *http.Request) { got = r.Header })
	w := &patient{ResponseRecorder: httptest.NewRecorder()}
	r := httptest.NewRequest(http.MethodGet, "http://front.example/explainer", nil)
	r.RemoteAddr = "203.0.113.5:1234"
	h.ServeHTTP(w, r)
	assert.Equal(t, http.StatusOK, w.Code, w.Body.String())
	assert.Equal(t, "203.0.113.5", got.Get("X-Forwarded-For"))
	assert.Equal(t, "front.example", got.Get("X-Forwarded-Host"))
	assert.Equal(t, "http", got.Get("X-Forwarded-Proto"))
	assert.Equal(t, "upstream", route)
	for _, deadline := range []time.Time{w.read, w.write} {
		assert.Greater(t, time.Until(deadline), 9*time.Minute)
	}
}

// TestUpstreamClientLeaves checks that a client that disconnects gets no response and is not
// counted as a failure of the upstream.
func TestUpstreamClientLeaves(t *testing.T) {
	log := new(bytes.Buffer)
	ctx, cancel := context.WithCancel(t.Context())
	h := startUpstream(t, server.Options{Log: slog.New(slog.NewTextHandler(log, nil))},
		func(_ http.ResponseWriter, r *http.Request) {
			cancel()
			<-r.Context().Done()
		})
	w := httptest.NewRecorder()
	assert.PanicsWithValue(t, http.ErrAbortHandler, func() {
		h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/explainer", nil))
	})
	assert.Empty(t, w.Body.String())
	assert.Empty(t, log.String())
}

// TestUpstreamTimesOut checks that an upstream that exceeds the deadline of a request is a
// failure of the upstream.
func TestUpstreamTimesOut(t *testing.T) {
	log := new(bytes.Buffer)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	h := startUpstream(t, server.Options{Log: slog.New(slog.NewTextHandler(log, nil))},
		func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/explainer", nil))
	assert.Equal(t, http.StatusBadGateway, w.Code)
	assert.Contains(t, log.String(), "cannot reach the upstream")
}

// TestRewriteUpstreamFails checks that a body that cannot be read is not forwarded, and that
// only the bodies of POST requests are rewritten.
func TestRewriteUpstreamFails(t *testing.T) {
	asked := 0
	h := startUpstream(t, server.Options{RewriteUpstream: func([]byte) []byte { return []byte("rewritten") }},
		func(w http.ResponseWriter, r *http.Request) {
			asked++
			_, _ = io.Copy(w, r.Body)
		})
	send := func(method string, body io.Reader) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, "/explainer", body))
		return w
	}
	w := send(http.MethodPost, iotest.ErrReader(errors.New("connection reset")))
	assert.Equal(t, http.StatusBadRequest, w.Code)
	assert.Equal(t, map[string]any{"message": "cannot read the body: connection reset"}, decode[map[string]any](t, w))
	assert.Zero(t, asked)
	assert.Equal(t, "as it is", send(http.MethodGet, strings.NewReader("as it is")).Body.String())
	assert.Equal(t, "rewritten", send(http.MethodPost, strings.NewReader("as it is")).Body.String())
}
