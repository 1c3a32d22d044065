package server_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/server"
	"github.com/neurondex/neurondex/watcher"
)

// TestContentLength checks that responses have a Content-Length.
func TestContentLength(t *testing.T) {
	h := everything(t)
	for _, target := range []string{"/v1/datasets", "/v1/datasets/full", "/v1/datasets/full/t", "/v1/datasets/none", "/v1/status", "/readyz", "/nowhere"} {
		w := ask(h, http.MethodGet, target)
		assert.NotZero(t, w.Body.Len(), target)
		assert.Equal(t, strconv.Itoa(w.Body.Len()), w.Header().Get("Content-Length"), target)
	}
}

// TestOneBody checks that a response has a single body, whatever failed before it.
func TestOneBody(t *testing.T) {
	h := server.New(registry.New(), server.Options{
		AllowedHosts: []string{"localhost"},
		Reload:       func(context.Context) error { return watcher.ErrClosed },
		Status:       func() watcher.Status { return watcher.Status{LastLoad: time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)} },
	})
	for target, status := range map[string]int{"/v1/status": 500, "/healthz": 200, "/-/reload": 503, "/v1/datasets": 200} {
		method := http.MethodGet
		if target == "/-/reload" {
			method = http.MethodPost
		}
		r := httptest.NewRequest(method, target, nil)
		r.Host = "localhost"
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		assert.Equal(t, status, w.Code, target)
		assert.Equal(t, strconv.Itoa(w.Body.Len()), w.Header().Get("Content-Length"), target)
		decode[map[string]any](t, w)
	}
}

// TestHostsWithoutTCP checks a request that arrived on a Unix socket.
func TestHostsWithoutTCP(t *testing.T) {
	h := server.New(registry.New(), server.Options{AllowedHosts: []string{"localhost"}})
	for host, status := range map[string]int{"localhost": 200, "127.0.0.1": 200, "evil.example": 421, "10.0.0.1": 421} {
		r := httptest.NewRequest(http.MethodGet, "/healthz", nil)
		r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, net.Addr(&net.UnixAddr{Name: "/run/x", Net: "unix"})))
		r.Host = host
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		assert.Equal(t, status, w.Code, host)
	}
}

// TestModelInfoFails checks that a failure other than a missing file is logged, and is a 500.
func TestModelInfoFails(t *testing.T) {
	log := new(bytes.Buffer)
	h := server.New(registry.New(), server.Options{
		ModelInfo: func() ([]byte, error) { return nil, errors.New("is a directory") }, Log: slog.New(slog.NewTextHandler(log, nil)),
	})
	w := ask(h, http.MethodGet, "/model_info")
	assert.Equal(t, http.StatusInternalServerError, w.Code)
	assert.JSONEq(t, `{"message":"is a directory"}`, w.Body.String())
	assert.Contains(t, log.String(), `msg="cannot read the model information" err="is a directory"`)
}

// TestReloadIsFreed checks that the context of a reload ends with its response.
func TestReloadIsFreed(t *testing.T) {
	var ctx context.Context
	h := server.New(registry.New(), server.Options{Reload: func(c context.Context) error { ctx = c; return nil }})
	assert.Equal(t, http.StatusOK, ask(h, http.MethodPost, "/-/reload").Code)
	assert.ErrorIs(t, ctx.Err(), context.Canceled)
}

// TestSourceErrorWithoutHealth checks that the status has the error of the source without
// CheckHealth.
func TestSourceErrorWithoutHealth(t *testing.T) {
	h := server.New(registry.New(), server.Options{Status: func() watcher.Status { return watcher.Status{SourceError: "gone"} }})
	assert.Equal(t, "gone", decode[map[string]any](t, ask(h, http.MethodGet, "/v1/status"))["sourceError"])
}

// TestDefaultLog checks that a handler without a logger uses the default one.
func TestDefaultLog(t *testing.T) {
	log, before := new(bytes.Buffer), slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(log, nil)))
	defer slog.SetDefault(before)
	h := server.New(registry.New(), server.Options{CheckHealth: func() error { panic("boom") }})
	assert.Equal(t, http.StatusInternalServerError, ask(h, http.MethodGet, "/readyz").Code)
	assert.Contains(t, log.String(), "panic=boom")
}

// TestObservedStatus checks which status counts if a handler sends several, and that the time
// is that of the request.
func TestObservedStatus(t *testing.T) {
	var seen []int
	send := func(statuses ...int) {
		h := server.New(registry.New(), server.Options{
			Observe: func(_ *http.Request, _ string, status int, elapsed time.Duration) {
				seen = append(seen, status)
				assert.Less(t, elapsed, time.Hour)
			},
			Records: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				for _, status := range statuses {
					w.WriteHeader(status)
				}
			}),
		})
		ask(h, http.MethodPost, "/neuron_record")
	}
	send(http.StatusEarlyHints, http.StatusNotFound)
	send(http.StatusOK, http.StatusNotFound)
	send(http.StatusNotFound, http.StatusOK)
	send()
	assert.Equal(t, []int{404, 200, 404, 200}, seen)
}

// TestPanicAfterHeaders checks that the response to a panic has none of the headers set before
// it, and that the connection is closed if a status was sent.
func TestPanicAfterHeaders(t *testing.T) {
	sent := false
	h := server.New(registry.New(), server.Options{Log: slog.New(slog.DiscardHandler),
		Records: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			for _, name := range []string{"Content-Encoding", "Content-Length", "ETag", "Preference-Applied"} {
				w.Header().Set(name, "1")
			}
			if sent {
				w.WriteHeader(http.StatusOK)
			}
			panic("boom")
		}),
	})
	w := ask(h, http.MethodPost, "/neuron_record")
	assert.Equal(t, http.StatusInternalServerError, w.Code)
	for _, name := range []string{"Content-Encoding", "ETag", "Preference-Applied"} {
		assert.Empty(t, w.Header().Get(name), name)
	}
	assert.Equal(t, strconv.Itoa(w.Body.Len()), w.Header().Get("Content-Length"))

	sent = true
	w = httptest.NewRecorder()
	assert.PanicsWithValue(t, http.ErrAbortHandler, func() { h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/neuron_record", nil)) })
	assert.Empty(t, w.Body.String())
}

// TestRefusedEncodings checks that a refused encoding is not sent, even if the client accepts
// any other.
func TestRefusedEncodings(t *testing.T) {
	h := server.New(builtinRegistry(t), server.Options{})
	for accept, want := range map[string]string{
		"zstd;q=0, *": "gzip", "gzip;q=0, zstd;q=0, *": "", "gzip;q=0, *": "zstd",
	} {
		assert.Equal(t, want, ask(h, http.MethodGet, "/v1/datasets", "Accept-Encoding", accept).Header().Get("Content-Encoding"), accept)
	}
}

// TestOddTags checks malformed and empty tags.
func TestOddTags(t *testing.T) {
	h := server.New(builtinRegistry(t), server.Options{})
	tag := ask(h, http.MethodGet, "/v1/datasets").Header().Get("ETag")
	for header, status := range map[string]int{
		`"", ` + tag: 304, tag + `, ""`: 304, `W/"", W/` + tag: 304,
		`"`: 200, `""`: 200, `"x`: 200, `"x` + tag: 200, `x, ` + tag: 200, tag[:len(tag)-1]: 200, tag[1:]: 200,
	} {
		assert.Equal(t, status, ask(h, http.MethodGet, "/v1/datasets", "If-None-Match", header).Code, header)
	}
}

// TestLimits checks both ends of the length of a page.
func TestLimits(t *testing.T) {
	h := server.New(builtinRegistry(t), server.Options{})
	for limit, status := range map[string]int{"1": 200, "1000": 200, "0": 400, "1001": 400, "-1": 400, "x": 400, "99999999999999999999": 400, "1.5": 400} {
		w := ask(h, http.MethodGet, "/v1/datasets?limit="+limit)
		assert.Equal(t, status, w.Code, limit)
		if status == http.StatusBadRequest {
			assert.Equal(t, fmt.Sprintf("limit: must be a number between 1 and 1000, not %q", limit), decode[problem](t, w).Detail)
		}
	}
}

// TestSuggestedParameter checks that a name that is too different from a parameter is not
// suggested for it.
func TestSuggestedParameter(t *testing.T) {
	h := server.New(registry.New(), server.Options{})
	for name, want := range map[string]string{
		"limxy": "unknown query parameter (did you mean limit?)", "limxyz": "unknown query parameter; use short_name, derived_scalar_type, model, tag, q, sort, limit, cursor",
		"sag": "unknown query parameter (did you mean tag?)", "If-None-Match": "unknown query parameter; use short_name, derived_scalar_type, model, tag, q, sort, limit, cursor",
	} {
		assert.Equal(t, name+": "+want, decode[problem](t, ask(h, http.MethodGet, "/v1/datasets?"+name+"=1")).Detail)
	}
}

// TestOneKindOfOrigin checks that allowing CORS origins does not allow local pages, and the
// reverse.
func TestOneKindOfOrigin(t *testing.T) {
	const local, other = "http://localhost:1234", "https://viewer.example"
	allowed := func(o server.Options, origin string) string {
		return ask(server.New(registry.New(), o), http.MethodGet, "/healthz", "Origin", origin).Header().Get("Access-Control-Allow-Origin")
	}
	assert.Empty(t, allowed(server.Options{CORSOrigins: []string{other}}, local))
	assert.Equal(t, other, allowed(server.Options{CORSOrigins: []string{other}}, other))
	assert.Empty(t, allowed(server.Options{LocalOrigins: true}, other))
	assert.Equal(t, local, allowed(server.Options{LocalOrigins: true}, local))
}

func TestOriginWithoutScheme(t *testing.T) {
	require.EqualError(t, server.CheckOrigin("//a.example"), `must have the form scheme://host[:port], like https://viewer.example, not "//a.example"`)
}

// TestConnContextOfClosed checks that ConnContext accepts a closed connection.
func TestConnContextOfClosed(t *testing.T) {
	assert.Equal(t, t.Context(), server.ConnContext(t.Context(), &net.TCPConn{}))
}

// A patient response takes deadlines, and remembers them.
type patient struct {
	*httptest.ResponseRecorder
	read, write time.Time
}

func (p *patient) SetReadDeadline(t time.Time) error  { p.read = t; return nil }
func (p *patient) SetWriteDeadline(t time.Time) error { p.write = t; return nil }

// TestMounts checks which requests go to the handlers of the options, and under which route
// they are observed.
func TestMounts(t *testing.T) {
	named := func(name string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, name) })
	}
	route := ""
	all := server.Options{Page: named("page"), Profiles: named("profiles"), Metrics: named("metrics"), Observe: func(_ *http.Request, r string, _ int, _ time.Duration) { route = r }}
	none := server.Options{Observe: all.Observe}
	for _, tt := range []struct{ method, path, accept, body, route string }{
		{http.MethodGet, "/metrics", "", "metrics", "GET /metrics"},
		{http.MethodGet, "/debug/pprof/", "", "profiles", "profiles"},
		{http.MethodPost, "/debug/pprof/symbol", "", "profiles", "profiles"},
		{http.MethodGet, "/debug/pprof", "", "", ""},
		{http.MethodGet, "/", "text/html", "page", "page"},
		{http.MethodHead, "/", "text/html", "page", "page"},
		{http.MethodPost, "/", "text/html", "", ""},
		{http.MethodGet, "/", "application/json", "", ""},
		{http.MethodGet, "/datasets", "", "page", "page"},
		{http.MethodPost, "/datasets", "", "", ""},
		{http.MethodGet, "/documents", "", "page", "page"},
		{http.MethodGet, "/changes", "", "page", "page"},
		{http.MethodGet, "/favicon.ico", "", "page", "page"},
		{http.MethodGet, "/datasets/a/b", "", "page", "page"},
		{http.MethodGet, "/assets/a.css", "", "page", "page"},
		{http.MethodGet, "/assets", "", "", ""},
		{http.MethodGet, "/nowhere", "text/html", "", ""},
	} {
		w := &patient{ResponseRecorder: httptest.NewRecorder()}
		r := httptest.NewRequest(tt.method, tt.path, nil)
		r.Header.Set("Accept", tt.accept)
		server.New(registry.New(), all).ServeHTTP(w, r)
		assert.Equal(t, tt.route, route, tt.path)
		if tt.body == "" {
			assert.Equal(t, http.StatusNotFound, w.Code, tt.path)
		} else {
			assert.Equal(t, tt.body, w.Body.String(), tt.path)
		}
		if tt.body == "profiles" { // it takes the time that it is asked for
			assert.Greater(t, time.Until(w.write), 9*time.Minute)
		} else {
			assert.Zero(t, w.write)
		}
		w = &patient{ResponseRecorder: httptest.NewRecorder()}
		server.New(registry.New(), none).ServeHTTP(w, r)
		assert.Equal(t, http.StatusNotFound, w.Code, tt.path)
		assert.Empty(t, route)
	}
}
