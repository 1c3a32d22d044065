package server_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/server"
	"github.com/neurondex/neurondex/watcher"
)

// TestStreamHeaders checks the headers that proxies and browsers need, which come at once.
func TestStreamHeaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := server.New(registry.New(), server.Options{})
		defer h.Drain()
		c := connect(t, h)
		assert.NotEmpty(t, c.next())
		for name, want := range map[string]string{
			"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no", "X-Content-Type-Options": "nosniff",
		} {
			assert.Equal(t, want, c.header.Get(name), name)
		}
	})
}

// TestResumeOfSeveral checks that a client that resumes gets every change since its last event
// at once.
func TestResumeOfSeveral(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := registry.New()
		h := server.New(reg, server.Options{})
		defer h.Drain()
		c := connect(t, h)
		id := c.events()[0].id
		c.cancel()
		<-c.done
		for i := range 3 {
			put(t, reg, "a", fmt.Sprint("n", i, "/t"))
			synctest.Wait()
		}
		again := connect(t, h, "Last-Event-ID", id)
		assert.Equal(t, "change change change", kinds(again.events()))
	})
}

// A halting connection takes no data while it is halted.
type halting struct {
	*client
	halted *atomic.Bool
	gate   chan struct{}
}

func (c *halting) Write(p []byte) (int, error) {
	if c.halted.Load() {
		<-c.gate
	}
	return c.client.Write(p)
}

// TestSlowClientGoesOn checks that a slow client that missed events gets a reset and the current
// state, and follows from there.
func TestSlowClientGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := registry.New()
		h := server.New(reg, server.Options{})
		defer h.Drain()
		var halted atomic.Bool
		gate := make(chan struct{})
		c := connect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h.ServeHTTP(&halting{w.(*client), &halted, gate}, r)
		}))
		assert.Equal(t, "snapshot", kinds(c.events()))
		halted.Store(true)
		for i := range 1100 { // more than the log holds
			put(t, reg, "a", fmt.Sprint("n", i, "/t"))
			synctest.Wait()
		}
		halted.Store(false)
		close(gate)
		events := c.events()
		require.Equal(t, "change reset snapshot", kinds(events)) // the first change was being sent
		assert.Equal(t, "the client is too slow; events were dropped", events[1].data["reason"])
		assert.Equal(t, reg.Snapshot().Hash().String(), events[2].data["hash"])
		put(t, reg, "a", "last/t")
		assert.Equal(t, "change", kinds(c.events()))
	})
}

// A breaking connection fails once, at one of its writes.
type breaking struct {
	*httptest.ResponseRecorder
	at, writes int
}

func (b *breaking) Write(p []byte) (int, error) {
	b.writes++
	if b.writes == b.at {
		return 0, errors.New("broken pipe")
	}
	return len(p), nil
}

// TestNothingAfterAFailure checks that nothing is written to a stream after a failed write, even
// if later writes would succeed.
func TestNothingAfterAFailure(t *testing.T) {
	for at := 1; at <= 3; at++ { // the time to connect again, the reset, and the state
		h := server.New(registry.New(), server.Options{})
		b := &breaking{ResponseRecorder: httptest.NewRecorder(), at: at}
		r := httptest.NewRequest(http.MethodGet, "/v1/events", nil)
		r.Header.Set("Last-Event-ID", "x.1")
		h.ServeHTTP(b, r)
		assert.Equal(t, at, b.writes)
		h.Drain()
	}
}

// TestStreamsWithHalfAStatus checks that events about documents need both Status and
// CheckHealth.
func TestStreamsWithHalfAStatus(t *testing.T) {
	for _, o := range []server.Options{
		{Status: func() watcher.Status { return watcher.Status{} }},
		{CheckHealth: func() error { return nil }},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := server.New(registry.New(), o)
			c := connect(t, h)
			assert.Equal(t, "snapshot", kinds(c.events()))
			time.Sleep(time.Minute)
			assert.NotContains(t, c.next(), "data:")
			h.Drain()
			<-c.done
		})
	}
}

// TestDrainWaits checks that the handler does not call Status after Drain has returned.
func TestDrainWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asking atomic.Int32
		h := server.New(registry.New(), server.Options{
			Status: func() watcher.Status {
				asking.Add(1)
				defer asking.Add(-1)
				time.Sleep(time.Minute)
				return watcher.Status{}
			},
			CheckHealth: func() error { return nil },
		})
		c := connect(t, h)
		c.next()
		require.EqualValues(t, 1, asking.Load())
		h.Drain()
		assert.Zero(t, asking.Load())
		<-c.done
	})
}

// TestLongPollsTakeTurns checks that a finished long poll frees its place, and that a request
// that need not wait takes none.
func TestLongPollsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := registry.New()
		put(t, reg, "a", "a/t")
		h := server.New(reg, server.Options{MaxStreams: 1})
		defer h.Drain()
		tag := ask(h, http.MethodGet, "/v1/datasets").Header().Get("ETag")
		for range 3 {
			assert.Equal(t, http.StatusNotModified, (<-poll(t.Context(), h, "/v1/datasets", tag, "wait=1")).Code)
		}
		answer := poll(t.Context(), h, "/v1/datasets", tag, "wait=60")
		synctest.Wait()
		w := <-poll(t.Context(), h, "/v1/datasets", `"x"`, "wait=60")
		assert.Equal(t, http.StatusOK, w.Code)
		assert.Empty(t, w.Header().Get("Preference-Applied"), "it did not wait")
		start := time.Now()
		put(t, reg, "b", "b/t")
		assert.Equal(t, http.StatusOK, (<-answer).Code)
		assert.Equal(t, start, time.Now(), "the response comes with the change")
	})
}

// TestLongPollDeadlines checks that the deadlines of a connection allow for the wait of a long
// poll and for its response.
func TestLongPollDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := server.New(registry.New(), server.Options{})
		defer h.Drain()
		start := time.Now()
		w := &patient{ResponseRecorder: httptest.NewRecorder()}
		r := httptest.NewRequest(http.MethodGet, "/v1/datasets", nil)
		r.Header.Set("If-None-Match", "*")
		r.Header.Set("Prefer", "wait=60")
		h.ServeHTTP(w, r)
		for _, deadline := range []time.Time{w.read, w.write} {
			assert.GreaterOrEqual(t, deadline.Sub(start), time.Minute+5*time.Minute)
			assert.Less(t, deadline.Sub(start), 7*time.Minute)
		}
	})
}
