package httpstore_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/neurondex/neurondex/release"
	"github.com/neurondex/neurondex/release/httpstore"
	"github.com/neurondex/neurondex/release/storetest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open returns the store of a server until the test ends.
func open(t *testing.T, url string, o httpstore.Options) *httpstore.Store {
	t.Helper()
	s, err := httpstore.New(url, o)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s
}

// serve returns the URL of a handler until the test ends.
func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func problem(w http.ResponseWriter, status int, code, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"status": status, "code": code, "detail": detail})
}

// anything serves every value of a memory, well-formed or not, as a server serves its releases.
func anything(m *storetest.Memory) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		key := strings.TrimPrefix(r.URL.Path, "/v1/")
		if key == "releases" {
			list := httpstore.List{Releases: []httpstore.Listed{}}
			for e := range m.List(r.Context(), "releases/", "") {
				n, _ := strconv.Atoi(strings.TrimPrefix(e.Key, "releases/"))
				list.Releases = append(list.Releases, httpstore.Listed{Number: n, Size: e.Size, Time: e.Created})
			}
			_ = json.NewEncoder(w).Encode(list)
			return
		}
		value, err := m.Get(r.Context(), key, 1<<30)
		if errors.Is(err, fs.ErrNotExist) {
			problem(w, http.StatusNotFound, "no_blob", "no such blob")
			return
		}
		_, _ = w.Write(value)
	}
}

// A composed store is written in memory, and read over HTTP.
type composed struct {
	*storetest.Memory
	reader *httpstore.Store
}

func (c composed) Get(ctx context.Context, key string, limit int64) ([]byte, error) {
	return c.reader.Get(ctx, key, limit)
}

func (c composed) List(ctx context.Context, prefix, after string) iter.Seq2[release.Entry, error] {
	if prefix == "releases/" {
		return c.reader.List(ctx, prefix, after)
	}
	return c.Memory.List(ctx, prefix, after) // only releases can be listed
}

func (c composed) Wait(ctx context.Context, prefix, after string) error {
	return c.reader.Wait(ctx, prefix, after)
}

func (c composed) Close() error { return c.reader.Close() }

// TestStore runs the conformance suite of stores on what reads.
func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) func() release.Store {
		memory := new(storetest.Memory)
		url := serve(t, anything(memory))
		return func() release.Store {
			s, err := httpstore.New(url, httpstore.Options{})
			require.NoError(t, err)
			return composed{memory, s}
		}
	})
}

// TestReadOnly checks what cannot be done.
func TestReadOnly(t *testing.T) {
	s := open(t, "http://localhost:1", httpstore.Options{})
	require.ErrorIs(t, s.Create(t.Context(), "blobs/a", nil), errors.ErrUnsupported)
	require.ErrorIs(t, s.Delete(t.Context(), "blobs/a"), errors.ErrUnsupported)
	for _, err := range s.List(t.Context(), "blobs/", "") {
		require.ErrorIs(t, err, errors.ErrUnsupported)
	}
}

// TestURLs checks which URLs are accepted, and that no error holds a password.
func TestURLs(t *testing.T) {
	for _, url := range []string{"", "relay", "relay:8000", "ftp://me:secret@relay", "http://", "http:///x", "http://me:secret@relay?x=1", "http://me:secret@relay/#x", "http://me:secret@[relay", "http://me:secret@relay:port"} {
		_, err := httpstore.New(url, httpstore.Options{})
		require.Error(t, err, url)
		assert.NotContains(t, err.Error(), "secret")
	}
	_, err := httpstore.New("http://me:secret@relay", httpstore.Options{Token: func() string { return "secret" }})
	require.ErrorContains(t, err, "exclude each other")
	assert.NotContains(t, err.Error(), "secret")
	get := func(url string) string {
		_, err := open(t, url, httpstore.Options{}).Get(t.Context(), "blobs/a", 10)
		require.Error(t, err, url)
		assert.NotContains(t, err.Error(), "secret")
		return err.Error()
	}
	assert.Contains(t, get("http://me:secret@127.0.0.1:1/prefix"), "blobs/a: http://127.0.0.1:1/prefix: dial tcp 127.0.0.1:1: connect: connection refused")
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	assert.Contains(t, get(strings.Replace(url, "://", "://me:secret@", 1)), url+": 418 I'm a teapot")
}

// TestAccess checks what is sent where.
func TestAccess(t *testing.T) {
	var path, sent string
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		path, sent = r.URL.Path, r.Header.Get("Authorization")
		problem(w, http.StatusUnauthorized, "unauthorized", "a valid token is required")
	})
	token := "first"
	for _, tt := range []struct {
		url     string
		options httpstore.Options
		path    string
		sent    string
	}{
		{url, httpstore.Options{}, "/v1/releases/00000001", ""},
		{url + "/pre/fix/", httpstore.Options{}, "/pre/fix/v1/releases/00000001", ""},
		{strings.Replace(url, "://", "://ada:secret@", 1), httpstore.Options{}, "/v1/releases/00000001", "Basic YWRhOnNlY3JldA=="},
		{url, httpstore.Options{Token: func() string { return token }}, "/v1/releases/00000001", "Bearer first"},
	} {
		_, err := open(t, tt.url, tt.options).Get(t.Context(), "releases/00000001", 10)
		assert.ErrorContains(t, err, `401 Unauthorized: "a valid token is required"; give a token, or a user in the URL`)
		assert.NotErrorIs(t, err, fs.ErrNotExist)
		assert.Equal(t, tt.path, path)
		assert.Equal(t, tt.sent, sent)
	}
	s := open(t, url, httpstore.Options{Token: func() string { return token }})
	token = "second"
	_, _ = s.Get(t.Context(), "blobs/a", 10)
	assert.Equal(t, "Bearer second", sent, "tokens may be replaced")
}

// TestRedirects checks that requests stay on their server.
func TestRedirects(t *testing.T) {
	reached := false
	other := serve(t, func(http.ResponseWriter, *http.Request) { reached = true })
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/v1/blobs/other":
			http.Redirect(w, r, other+"/v1/blobs/other", http.StatusFound)
		case "/v1/blobs/here":
			http.Redirect(w, r, "/v1/blobs/there", http.StatusMovedPermanently)
		case "/v1/blobs/round":
			http.Redirect(w, r, "/v1/blobs/round", http.StatusFound)
		default:
			fmt.Fprint(w, r.URL.Path)
		}
	})
	s := open(t, strings.Replace(url, "://", "://ada:secret@", 1), httpstore.Options{})
	_, err := s.Get(t.Context(), "blobs/other", 100)
	assert.ErrorContains(t, err, "redirect to another server is refused: \""+other+"\"")
	assert.False(t, reached)
	_, err = s.Get(t.Context(), "blobs/round", 100)
	assert.ErrorContains(t, err, "too many redirects")
	value, err := s.Get(t.Context(), "blobs/here", 100)
	require.NoError(t, err)
	assert.Equal(t, "/v1/blobs/there", string(value))
}

// endless writes until the client has left.
func endless(w http.ResponseWriter, text string) {
	for {
		if _, err := w.Write([]byte(text)); err != nil {
			return
		}
	}
}

// TestHostileServers checks that what a server sends has a limit, and that only a server that
// passes on releases can say that one does not exist.
func TestHostileServers(t *testing.T) {
	page := func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, "<h1>no such page</h1>")
	}
	for name, tt := range map[string]struct {
		serve func(w http.ResponseWriter)
		get   string // the errors
		list  string
		is    error // that of get
	}{
		"endless": {func(w http.ResponseWriter) { endless(w, "[1,") }, "value too large", "list of releases exceeds 1048576 bytes", release.ErrTooLarge},
		"large": {func(w http.ResponseWriter) { w.Header().Set("Content-Length", "1000000000000"); endless(w, "x") },
			"value too large", "list of releases exceeds 1048576 bytes", release.ErrTooLarge},
		"endless problem": {func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusBadGateway)
			endless(w, " ")
		}, "502 Bad Gateway", "502 Bad Gateway", nil},
		"cut":        {func(w http.ResponseWriter) { w.Header().Set("Content-Length", "9"); fmt.Fprint(w, "[") }, "unexpected EOF", "unexpected EOF", nil},
		"not found":  {page, "404 Not Found", "404 Not Found", nil},
		"no release": {func(w http.ResponseWriter) { problem(w, 404, "no_release", "x") }, "file does not exist", "file does not exist", fs.ErrNotExist},
		"no blob":    {func(w http.ResponseWriter) { problem(w, 404, "no_blob", "x") }, "file does not exist", "file does not exist", fs.ErrNotExist},
		"no relay": {func(w http.ResponseWriter) { problem(w, 404, "no_releases", "start it with \x1b[2J--cache") },
			`404 Not Found: "start it with \x1b[2J--cache"`, `404 Not Found: "start it with \x1b[2J--cache"`, nil},
		"long text":    {func(w http.ResponseWriter) { problem(w, 500, "x", strings.Repeat("x", 2000)) }, strings.Repeat("x", 300) + `"`, `500 Internal Server Error: "xxx`, nil},
		"other code":   {func(w http.ResponseWriter) { problem(w, 410, "no_blob", "gone") }, `410 Gone: "gone"`, `410 Gone: "gone"`, nil},
		"not modified": {func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotModified) }, "304 Not Modified", "304 Not Modified", nil},
		"nothing":      {func(w http.ResponseWriter) { w.WriteHeader(http.StatusNoContent) }, "204 No Content", "204 No Content", nil},
		"no JSON":      {func(w http.ResponseWriter) { fmt.Fprint(w, "<h1>") }, "", "list of releases: malformed", nil},
		"zero":         {func(w http.ResponseWriter) { fmt.Fprint(w, `{"releases":[{"number":0}]}`) }, "", "number out of range: malformed", nil},
		"large number": {func(w http.ResponseWriter) { fmt.Fprint(w, `{"releases":[{"number":1},{"number":100000000}]}`) }, "", "number out of range: malformed", nil},
		"least number": {func(w http.ResponseWriter) {
			fmt.Fprint(w, `{"releases":[{"number":-9223372036854775808},{"number":9}]}`)
		}, "", "number out of range: malformed", nil},
		"greatest":      {func(w http.ResponseWriter) { fmt.Fprint(w, `{"releases":[{"number":92233720368547758070}]}`) }, "", "list of releases: malformed", nil},
		"long header":   {func(w http.ResponseWriter) { w.Header().Set("X", strings.Repeat("x", 100_000)) }, "headers exceeded", "headers exceeded", nil},
		"other epochs":  {func(w http.ResponseWriter) { w.Header().Set(httpstore.ChainHeader, "a, <b>"); fmt.Fprint(w, `{}`) }, "", "header Neurondex-Chain: malformed", nil},
		"longest epoch": {func(w http.ResponseWriter) { w.Header().Set(httpstore.ChainHeader, strings.Repeat("a", 65)) }, "", "header Neurondex-Chain: malformed", nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, serve(t, func(w http.ResponseWriter, _ *http.Request) { tt.serve(w) }), httpstore.Options{})
			value, err := s.Get(t.Context(), "blobs/a", 1000)
			if tt.get == "" {
				assert.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, tt.get)
				assert.Nil(t, value)
				for _, kind := range []error{fs.ErrNotExist, release.ErrTooLarge} {
					assert.Equal(t, errors.Is(tt.is, kind), errors.Is(err, kind), kind)
				}
			}
			listed := 0
			for _, err := range s.List(t.Context(), "releases/", "") {
				assert.ErrorContains(t, err, tt.list)
				listed++
			}
			assert.Equal(t, 1, listed)
		})
	}
}

// TestWait checks what long polls ask, and when they return.
func TestWait(t *testing.T) {
	var prefer, tag []string
	answer := func(w http.ResponseWriter) { fmt.Fprint(w, `{}`) }
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		prefer, tag = r.Header["Prefer"], r.Header["If-None-Match"]
		w.Header().Set("ETag", `"1"`)
		answer(w)
	})
	s := open(t, url, httpstore.Options{})
	wait := func(d time.Duration) error {
		ctx, cancel := context.WithTimeout(t.Context(), d)
		defer cancel()
		return s.Wait(ctx, "releases/", "")
	}
	require.NoError(t, wait(time.Hour))
	assert.Equal(t, []string{"wait=30"}, prefer)
	assert.Nil(t, tag, "no list is known")
	require.NoError(t, wait(time.Hour))
	assert.Equal(t, []string{`"1"`}, tag)
	require.NoError(t, wait(17*time.Second))
	assert.Contains(t, []string{"wait=15", "wait=16"}, prefer[0], "the server waits a little longer")

	answer = func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) }
	require.ErrorContains(t, wait(time.Hour), "503")
	prefer = nil
	require.ErrorIs(t, wait(100*time.Millisecond), context.DeadlineExceeded)
	assert.Nil(t, prefer, "too short for a long poll")
	requests := 0
	answer = func(w http.ResponseWriter) { requests++; w.WriteHeader(http.StatusNotModified) }
	require.ErrorIs(t, wait(1100*time.Millisecond), context.DeadlineExceeded)
	assert.Equal(t, 1, requests, "one that does not wait is not asked again")
	url = serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	s = open(t, url, httpstore.Options{})
	require.ErrorIs(t, wait(1100*time.Millisecond), context.DeadlineExceeded, "one that never responds")
}

// TestChain checks which chains are refused, and what is passed on of them.
func TestChain(t *testing.T) {
	var header []string
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header()[httpstore.ChainHeader] = header
		fmt.Fprint(w, `{}`)
	})
	s := open(t, url, httpstore.Options{Epoch: "me"})
	long := strings.Split(strings.Repeat("x", httpstore.MaxChain), "")
	for _, tt := range []struct {
		header []string
		chain  []string
		err    error
		text   string
	}{
		{nil, nil, nil, ""},
		{[]string{"a"}, []string{"a"}, nil, ""},
		{[]string{"a, b", "c"}, []string{"a", "b", "c"}, nil, ""},
		{[]string{"me"}, []string{"me"}, httpstore.ErrLoop, "me -> me"},
		{[]string{"me,b"}, []string{"me", "b"}, httpstore.ErrLoop, "me -> b -> me"},
		{[]string{"b, me, b"}, []string{"me", "b"}, httpstore.ErrLoop, "me -> b -> me"},
		{[]string{"me, b, me, b"}, []string{"me", "b"}, httpstore.ErrLoop, "me -> b -> me"},
		{[]string{strings.Join(long, ",")}, long, nil, ""},
		{[]string{"me, " + strings.Join(long, ",")}, long, httpstore.ErrLoop, "me -> x"},
		{[]string{"y, " + strings.Join(long, ",")}, long, httpstore.ErrChain, "longer than 16"},
		{[]string{"b, a, b"}, []string{"b", "a", "b"}, nil, ""}, // a loop of others
	} {
		header = tt.header
		var err error
		for _, err = range s.List(t.Context(), "releases/", "") {
			require.ErrorIs(t, err, tt.err)
			assert.ErrorContains(t, err, tt.text)
		}
		if tt.err != nil {
			assert.ErrorIs(t, err, tt.err)
			assert.ErrorIs(t, s.Wait(t.Context(), "releases/", ""), tt.err)
		}
		assert.Equal(t, tt.chain, s.Chain())
	}
}
