package server_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/release"
	"github.com/neurondex/neurondex/release/storetest"
	"github.com/neurondex/neurondex/server"
	"github.com/neurondex/neurondex/source"
)

// A published catalog is followed by a relay.
type published struct {
	*testing.T
	store, cache *storetest.Memory
	relay        *release.Relay
	source       source.Source
}

func publish(t *testing.T) *published {
	t.Helper()
	p := &published{T: t, store: new(storetest.Memory), cache: new(storetest.Memory), relay: new(release.Relay)}
	repo := &release.Repository{Store: p.store, Cache: p.cache}
	p.source = repo.Source(release.SourceOptions{Relay: p.relay})
	return p
}

// push publishes a document whose dataset has a path, and has the relay read the release.
func (p *published) push(path string) {
	p.Helper()
	repo := &release.Repository{Store: p.store}
	head, err := repo.Head(p.Context())
	require.NoError(p, err)
	text := `{"shortName":"a","derivedScalarType":"mlp_post_act","userVisibleName":"A","neuronDatasetPath":"` + path + `"}`
	c, err := release.NewCatalog([]source.Document{{Name: "a.json", Data: []byte(text)}})
	require.NoError(p, err)
	_, err = repo.Push(p.Context(), c, head, release.PushOptions{By: "test"})
	require.NoError(p, err)
	_, err = p.source.Poll(p.Context(), source.PollAll)
	require.NoError(p, err)
}

type releaseList struct {
	Releases []struct {
		Number int
		Time   time.Time
		Size   int
		Hash   string
	}
}

// manifestOf returns the hash of the manifest in a record.
func manifestOf(t *testing.T, record []byte) string {
	t.Helper()
	var r struct{ Manifest struct{ Hash string } }
	require.NoError(t, json.Unmarshal(record, &r))
	return r.Manifest.Hash
}

// TestReleases checks the three routes of releases against what the store holds.
func TestReleases(t *testing.T) {
	p := publish(t)
	h := server.New(registry.New(), server.Options{Relay: p.relay, Epoch: "me", Chain: func() []string { return []string{"origin", "other"} }})
	w := ask(h, http.MethodGet, "/v1/releases")
	assert.Equal(t, http.StatusOK, w.Code)
	assert.JSONEq(t, `{"releases":[]}`, w.Body.String(), "none yet")
	p.push("1")
	p.push("2")
	p.push("3")

	w = ask(h, http.MethodGet, "/v1/releases")
	assert.Equal(t, "origin, other, me", w.Header().Get("Neurondex-Chain"))
	list := decode[releaseList](t, w).Releases
	require.Len(t, list, 2)
	assert.Equal(t, []int{2, 3}, []int{list[0].Number, list[1].Number})
	record, err := p.store.Get(t.Context(), "releases/00000003", 1<<20)
	require.NoError(t, err)
	assert.Equal(t, len(record), list[1].Size)
	assert.WithinDuration(t, time.Now(), list[1].Time, time.Minute)

	w = ask(h, http.MethodGet, "/v1/releases/3")
	assert.Equal(t, record, w.Body.Bytes())
	assert.Equal(t, `"`+list[1].Hash+`"`, w.Header().Get("ETag"))
	assert.Equal(t, "no-cache", w.Header().Get("Cache-Control"))
	assert.Equal(t, http.StatusOK, ask(h, http.MethodGet, "/v1/releases/00000003").Code, "as stores name it")

	manifest := manifestOf(t, record)
	w = ask(h, http.MethodGet, "/v1/blobs/"+manifest)
	blob, err := p.store.Get(t.Context(), "blobs/"+manifest, 1<<20)
	require.NoError(t, err)
	assert.Equal(t, blob, w.Body.Bytes(), "as it is")
	assert.Equal(t, "application/zstd", w.Header().Get("Content-Type"))
	assert.Equal(t, `"`+manifest+`"`, w.Header().Get("ETag"))
	assert.Contains(t, w.Header().Get("Cache-Control"), "immutable")
	assert.Empty(t, w.Header().Get("Content-Encoding"))

	for _, path := range []string{"/v1/releases", "/v1/releases/3", "/v1/blobs/" + manifest} {
		whole := ask(h, http.MethodGet, path)
		w := ask(h, http.MethodGet, path, "If-None-Match", whole.Header().Get("ETag"))
		assert.Equal(t, http.StatusNotModified, w.Code, path)
		assert.Equal(t, whole.Header().Get("ETag"), w.Header().Get("ETag"))
		assert.Equal(t, whole.Header().Get("Neurondex-Chain"), w.Header().Get("Neurondex-Chain"))
		assert.Empty(t, w.Body.Bytes())
		w = ask(h, http.MethodHead, path)
		assert.Equal(t, http.StatusOK, w.Code)
		assert.Equal(t, whole.Header().Get("Content-Length"), w.Header().Get("Content-Length"))
	}
}

// TestReleasesOfOthers checks the tags: another server with the same releases has the same.
func TestReleasesOfOthers(t *testing.T) {
	p := publish(t)
	p.push("1")
	tag := func(o server.Options) string {
		return ask(server.New(registry.New(), o), http.MethodGet, "/v1/releases").Header().Get("ETag")
	}
	first := tag(server.Options{Relay: p.relay})
	assert.Equal(t, first, tag(server.Options{Relay: p.relay, Epoch: "other"}))
	p.push("2")
	assert.NotEqual(t, first, tag(server.Options{Relay: p.relay}))
}

// TestNoReleases checks what has no response, and what is not passed on.
func TestNoReleases(t *testing.T) {
	p := publish(t)
	p.push("1")
	secret := release.Hash{1}.String()
	p.cache.Put("blobs/"+secret, []byte("secret"))
	p.cache.Put("releases/00000002", []byte("hostile"))
	var log strings.Builder
	with := server.New(registry.New(), server.Options{Relay: p.relay, Log: slog.New(slog.NewTextHandler(&log, nil))})
	without := server.New(registry.New(), server.Options{})
	record, err := p.store.Get(t.Context(), "releases/00000001", 1<<20)
	require.NoError(t, err)
	manifest := manifestOf(t, record)
	for _, tt := range []struct {
		h      http.Handler
		method string
		target string
		status int
		code   string
	}{
		{without, http.MethodGet, "/v1/releases", 404, "no_releases"},
		{without, http.MethodGet, "/v1/releases/1", 404, "no_releases"},
		{without, http.MethodGet, "/v1/blobs/" + manifest, 404, "no_releases"},
		{with, http.MethodGet, "/v1/releases/2", 404, "no_release"},
		{with, http.MethodGet, "/v1/releases/0", 404, "no_release"},
		{with, http.MethodGet, "/v1/releases/-1", 404, "no_release"},
		{with, http.MethodGet, "/v1/releases/x", 404, "no_release"},
		{with, http.MethodGet, "/v1/releases/99999999999999999999", 404, "no_release"},
		{with, http.MethodGet, "/v1/releases/4294967297", 404, "no_release"},
		{with, http.MethodGet, "/v1/releases/..%2f..%2fblobs", 404, "no_release"},
		{with, http.MethodGet, "/v1/releases/", 404, "no_route"},
		{with, http.MethodGet, "/v1/releases/1/x", 404, "no_route"},
		{with, http.MethodGet, "/v1/blobs", 404, "no_route"},
		{with, http.MethodGet, "/v1/blobs/" + secret, 404, "no_blob"},
		{with, http.MethodGet, "/v1/blobs/x", 404, "no_blob"},
		{with, http.MethodGet, "/v1/blobs/..", 404, "no_blob"},
		{with, http.MethodGet, "/v1/blobs/" + manifest + "00", 404, "no_blob"},
		{with, http.MethodGet, "/v1/blobs/" + strings.ToUpper(manifest), 404, "no_blob"},
		{with, http.MethodGet, "/v1/releases?x=1", 400, "invalid_parameter"},
		{with, http.MethodPost, "/v1/releases", 405, "method_not_allowed"},
		{with, http.MethodDelete, "/v1/releases/1", 405, "method_not_allowed"},
		{with, http.MethodPut, "/v1/blobs/" + manifest, 405, "method_not_allowed"},
	} {
		w := ask(tt.h, tt.method, tt.target)
		assert.Equal(t, tt.status, w.Code, tt.target)
		assert.Equal(t, "application/problem+json", w.Header().Get("Content-Type"), tt.target)
		assert.Equal(t, tt.code, decode[map[string]any](t, w)["code"], tt.target)
	}
	assert.Contains(t, ask(without, http.MethodGet, "/v1/releases").Body.String(), "start it with --cache DIR")

	assert.Empty(t, log.String())

	p.store.SetReachable(false)
	require.NoError(t, p.cache.Delete(t.Context(), "blobs/"+manifest))
	w := ask(with, http.MethodGet, "/v1/blobs/"+manifest)
	assert.Equal(t, http.StatusServiceUnavailable, w.Code, "it exists, and cannot be read now")
	assert.NotContains(t, w.Body.String(), "unreachable", "what is wrong with the store is not the client's")
	assert.Contains(t, log.String(), "cannot read a blob")
	assert.Contains(t, log.String(), "unreachable")
}

// TestReleasesLongPoll checks that a client that waits gets the next release at once, and
// waits no longer than it wants.
func TestReleasesLongPoll(t *testing.T) {
	publish(t).push("1") // starts goroutines that all repositories share, outside of the bubble
	synctest.Test(t, func(t *testing.T) {
		p := publish(t)
		p.push("1")
		var chain atomic.Pointer[[]string]
		chain.Store(&[]string{"one"})
		h := server.New(registry.New(), server.Options{Relay: p.relay, Epoch: "me", Chain: func() []string { return *chain.Load() }})
		defer h.Drain()
		tag := ask(h, http.MethodGet, "/v1/releases").Header().Get("ETag")
		answer := poll(t.Context(), h, "/v1/releases", tag, "wait=30")
		time.Sleep(20 * time.Second)
		start := time.Now()
		chain.Store(&[]string{"two"})
		p.push("2")
		w := <-answer
		assert.Equal(t, start, time.Now())
		assert.Equal(t, http.StatusOK, w.Code)
		assert.Equal(t, "wait=30", w.Header().Get("Preference-Applied"))
		assert.Equal(t, "two, me", w.Header().Get("Neurondex-Chain"), "as it is by now")
		assert.Len(t, decode[releaseList](t, w).Releases, 2)
		others := <-poll(t.Context(), h, "/v1/releases", tag, "wait=30")
		assert.Equal(t, http.StatusOK, others.Code)
		assert.Empty(t, others.Header().Get("Preference-Applied"))
		assert.Equal(t, start, time.Now(), "who has others does not wait")

		tag = w.Header().Get("ETag")
		assert.Empty(t, ask(h, http.MethodGet, "/v1/releases", "If-None-Match", tag).Header().Get("Preference-Applied"))
		w = <-poll(t.Context(), h, "/v1/releases", tag, "wait=32")
		assert.Equal(t, http.StatusNotModified, w.Code)
		assert.GreaterOrEqual(t, time.Since(start), 32*time.Second)
		assert.LessOrEqual(t, time.Since(start), 34*time.Second)

		start = time.Now()
		answer = poll(t.Context(), h, "/v1/releases", tag, "wait=30")
		synctest.Wait()
		h.Drain()
		assert.Equal(t, http.StatusNotModified, (<-answer).Code)
		assert.Equal(t, start, time.Now(), "the server stops")
		assert.Equal(t, http.StatusServiceUnavailable, (<-poll(t.Context(), h, "/v1/releases", tag, "wait=30")).Code)
	})
}

// TestReleasesAreLimited checks that long polls of releases take part in the limit, and that
// other requests do not.
func TestReleasesAreLimited(t *testing.T) {
	publish(t).push("1") // starts goroutines that all repositories share, outside of the bubble
	synctest.Test(t, func(t *testing.T) {
		p := publish(t)
		p.push("1")
		h := server.New(registry.New(), server.Options{Relay: p.relay, MaxStreams: 1})
		tag := ask(h, http.MethodGet, "/v1/releases").Header().Get("ETag")
		first := poll(t.Context(), h, "/v1/releases", tag, "wait=30")
		synctest.Wait()
		w := <-poll(t.Context(), h, "/v1/releases", tag, "wait=30")
		assert.Equal(t, http.StatusServiceUnavailable, w.Code)
		assert.NotEmpty(t, w.Header().Get("Retry-After"))
		assert.Equal(t, http.StatusOK, ask(h, http.MethodGet, "/v1/releases").Code)
		h.Drain()
		<-first
	})
}

// TestReleasesAreObserved checks that metrics and the access log see the routes, and not each
// blob.
func TestReleasesAreObserved(t *testing.T) {
	p := publish(t)
	p.push("1")
	var routes []string
	h := server.New(registry.New(), server.Options{Relay: p.relay, Observe: func(_ *http.Request, route string, _ int, _ time.Duration) {
		routes = append(routes, route)
	}})
	for _, target := range []string{"/v1/releases", "/v1/releases/1", "/v1/blobs/x"} {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, target, nil))
	}
	assert.Equal(t, []string{"GET /v1/releases", "GET /v1/releases/{number}", "GET /v1/blobs/{hash}"}, routes)
}
