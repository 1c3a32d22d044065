package server_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/server"
)

// poll sends a long poll that waits for others than a tag, and returns where its response comes.
func poll(ctx context.Context, h http.Handler, target, tag, prefer string) <-chan *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	r.Header.Set("If-None-Match", tag)
	r.Header.Set("Prefer", prefer)
	answer := make(chan *httptest.ResponseRecorder, 1)
	go func() {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		answer <- w
	}()
	return answer
}

func TestLongPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := registry.New()
		put(t, reg, "a", "a/t")
		h := server.New(reg, server.Options{})
		defer h.Drain()
		tag := ask(h, http.MethodGet, "/v1/datasets").Header().Get("ETag")
		for _, target := range []string{"/v1/datasets", "/v1/datasets?limit=5"} {
			answer := poll(t.Context(), h, target, tag, "wait=30")
			time.Sleep(20 * time.Second)
			put(t, reg, "b", "b/t")
			synctest.Wait()
			w := <-answer
			assert.Equal(t, http.StatusOK, w.Code)
			assert.Equal(t, "wait=30", w.Header().Get("Preference-Applied"))
			assert.NotEqual(t, tag, w.Header().Get("ETag"))
			assert.Equal(t, "a b", decode[list](t, w).names())
			_, err := reg.Apply(registry.Change{Remove: []string{"b"}})
			assert.NoError(t, err)
		}
	})
}

func TestLongPollEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := server.New(registry.New(), server.Options{})
		defer h.Drain()
		tag := ask(h, http.MethodGet, "/v1/datasets").Header().Get("ETag")
		for prefer, want := range map[string]struct {
			least   time.Duration
			applied string
		}{
			"wait=32":                         {32 * time.Second, "wait=32"},
			`respond-async, Wait = "16" ;x=1`: {16 * time.Second, "wait=16"},
			"wait=100000":                     {5 * time.Minute, "wait=300"},
			"wait=0":                          {}, "wait=-1": {}, "wait": {}, "wait=x": {}, "waiting=5": {}, "": {},
			"wait=99999999999999999999": {},
		} {
			for _, tags := range []string{tag, "W/" + tag, "*"} {
				start := time.Now()
				w := <-poll(t.Context(), h, "/v1/datasets", tags, prefer)
				assert.Equal(t, http.StatusNotModified, w.Code, prefer)
				assert.Equal(t, want.applied, w.Header().Get("Preference-Applied"), prefer)
				assert.GreaterOrEqual(t, time.Since(start), want.least, prefer)
				assert.LessOrEqual(t, time.Since(start), want.least+want.least/16, prefer)
			}
		}
		start := time.Now()
		assert.Equal(t, http.StatusOK, (<-poll(t.Context(), h, "/v1/datasets", `"x"`, "wait=30")).Code)
		assert.Equal(t, start, time.Now(), "who has other content does not wait")

		ctx, cancel := context.WithCancel(t.Context())
		answer := poll(ctx, h, "/v1/datasets", tag, "wait=30")
		synctest.Wait()
		cancel()
		<-answer
		answer = poll(t.Context(), h, "/v1/datasets", tag, "wait=30")
		synctest.Wait()
		h.Drain()
		assert.Equal(t, http.StatusNotModified, (<-answer).Code)
		assert.Equal(t, start, time.Now(), "who leaves does not wait")
	})
}
