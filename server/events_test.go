package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/server"
	"github.com/neurondex/neurondex/watcher"
)

// A client is a connection with an event stream.
type client struct {
	t      *testing.T
	cancel context.CancelFunc
	header http.Header
	done   chan struct{}

	mu       sync.Mutex
	status   int
	text     strings.Builder
	read     int
	flushed  int // bytes of text
	deadline time.Time
	stuck    bool // takes no data
}

// connect opens an event stream. The test is in a bubble of synctest.
func connect(t *testing.T, h http.Handler, header ...string) *client {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	c := &client{t: t, cancel: cancel, header: make(http.Header), done: make(chan struct{})}
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/v1/events", nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	go func() {
		defer close(c.done)
		h.ServeHTTP(c, r)
	}()
	return c
}

func (c *client) Header() http.Header    { return c.header }
func (c *client) WriteHeader(status int) { c.status = status }

func (c *client) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stuck {
		wait := time.Until(c.deadline)
		c.mu.Unlock()
		time.Sleep(wait)
		c.mu.Lock()
		return 0, os.ErrDeadlineExceeded
	}
	return c.text.Write(p)
}

func (c *client) Flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flushed = c.text.Len()
}

func (c *client) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	return nil
}

// next returns the text that came since the last call.
func (c *client) next() string {
	c.t.Helper()
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	assert.Equal(c.t, c.text.Len(), c.flushed, "bytes flushed")
	text := c.text.String()[c.read:]
	c.read = c.text.Len()
	return text
}

// An event is what a client library makes of an event stream.
type event struct {
	id   string
	data map[string]any
}

func (e event) kind() string { return e.data["type"].(string) }

// events returns the events that came since the last call.
func (c *client) events() []event {
	c.t.Helper()
	var events []event
	for _, block := range strings.Split(c.next(), "\n\n") {
		var e event
		for _, line := range strings.Split(block, "\n") {
			if name, value, _ := strings.Cut(line, ": "); name == "id" {
				e.id = value
			} else if name == "data" {
				require.NoError(c.t, json.Unmarshal([]byte(value), &e.data))
			} else {
				require.Contains(c.t, []string{"retry", ""}, name, "no other fields")
			}
		}
		if e.data != nil {
			events = append(events, e)
		}
	}
	return events
}

func kinds(events []event) string {
	var list []string
	for _, e := range events {
		list = append(list, e.kind())
	}
	return strings.Join(list, " ")
}

func TestEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := registry.New()
		put(t, reg, "a", "a/t", "b/t")
		h := server.New(reg, server.Options{})
		defer h.Drain()
		c := connect(t, h)
		text := c.next()
		hash := reg.Snapshot().Hash().String()
		assert.Regexp(t, `^retry: [2-4]\d{3}\n\nid: [0-9a-f]{16}\.1\ndata: {"type":"snapshot","hash":"`+hash+`","datasets":2,"documents":1}\n\n$`, text)
		assert.Equal(t, "text/event-stream", c.header.Get("Content-Type"))
		assert.Equal(t, "no-store", c.header.Get("Cache-Control"))
		assert.Equal(t, 1, h.Streams())

		last := hash
		for i := range 20 {
			u := put(t, reg, "a", fmt.Sprint("n", i, "/t"))
			events := c.events()
			require.Len(t, events, 1)
			e := events[0]
			assert.Regexp(t, fmt.Sprintf(`^[0-9a-f]{16}\.%d$`, u.After.Generation()), e.id)
			assert.Equal(t, "change", e.kind())
			assert.Equal(t, last, e.data["before"])
			last = u.After.Hash().String()
			assert.Equal(t, last, e.data["after"])
			assert.Equal(t, []any{map[string]any{"shortName": fmt.Sprint("n", i), "derivedScalarType": "t"}}, e.data["added"])
			assert.Len(t, e.data["removed"], []int{2, 1}[min(i, 1)])
			assert.Empty(t, e.data["updated"])
		}
		c.cancel()
		<-c.done
		assert.Zero(t, h.Streams())
	})
}

func TestResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := registry.New()
		put(t, reg, "a", "a/t")
		h := server.New(reg, server.Options{})
		defer h.Drain()
		c := connect(t, h)
		id := c.events()[0].id
		c.cancel()
		<-c.done
		put(t, reg, "b", "b/t")
		synctest.Wait()
		put(t, reg, "c", "c/t")

		again := connect(t, h, "Last-Event-ID", id)
		events := again.events()
		assert.Equal(t, "change change", kinds(events))
		assert.Equal(t, events[0].data["after"], events[1].data["before"])
		last := connect(t, h, "Last-Event-ID", events[1].id)
		assert.Empty(t, last.events(), "nothing has happened since")
		assert.NotEmpty(t, last.header.Get("Content-Type"))
		put(t, reg, "d", "d/t")
		assert.Equal(t, "change", kinds(last.events()))

		epoch, _, _ := strings.Cut(id, ".")
		for header, reason := range map[string]string{
			"x": "another process", "0011223344556677.1": "another process", epoch: "another process", epoch + ".x": "another process", epoch + ".-1": "another process",
			epoch + ".0": "too old", epoch + ".99": "too old",
		} {
			other := connect(t, h, "Last-Event-ID", header)
			events := other.events()
			require.Equal(t, "reset snapshot", kinds(events), header)
			assert.Contains(t, events[0].data["reason"], reason, header)
			assert.Empty(t, events[0].id)
			assert.Equal(t, reg.Snapshot().Hash().String(), events[1].data["hash"])
			assert.Equal(t, epoch+".4", events[1].id)
		}
		assert.Equal(t, 9, h.Streams())
	})
}

// TestHeartbeat checks that an idle stream has traffic, and that who has vanished is found by it.
func TestHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := server.New(registry.New(), server.Options{})
		defer h.Drain()
		c := connect(t, h)
		c.next()
		time.Sleep(15*time.Second - time.Nanosecond)
		assert.Empty(t, c.next())
		time.Sleep(time.Nanosecond)
		assert.Equal(t, ": heartbeat\n\n", c.next())
		c.mu.Lock()
		c.stuck = true
		c.mu.Unlock()
		time.Sleep(30 * time.Second)
		synctest.Wait()
		assert.Zero(t, h.Streams(), "after two heartbeats")
		<-c.done
	})
}

// TestSlowClient checks that a client that takes no data delays no other one, and that one that
// has missed events is told so.
func TestSlowClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := registry.New()
		h := server.New(reg, server.Options{})
		defer h.Drain()
		slow, fast := connect(t, h), connect(t, h)
		id := slow.events()[0].id
		fast.events()
		slow.mu.Lock()
		slow.stuck = true
		slow.mu.Unlock()
		start := time.Now()
		for i := range 1100 {
			put(t, reg, "a", fmt.Sprint("n", i, "/t"))
			require.Equal(t, "change", kinds(fast.events()))
		}
		assert.Equal(t, start, time.Now(), "time passed for the fast client")
		time.Sleep(10 * time.Second)
		synctest.Wait()
		assert.Equal(t, 1, h.Streams(), "the slow client is cut off")
		assert.Equal(t, "reset snapshot", kinds(connect(t, h, "Last-Event-ID", id).events()))
	})
}

func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := server.New(registry.New(), server.Options{})
		c := connect(t, h)
		c.next()
		h.Drain()
		assert.Regexp(t, `^retry: [2-4]\d{3}\n\ndata: {"type":"bye","reason":"the server is stopping"}\n\n$`, c.next())
		<-c.done
		for range 2 {
			w := ask(h, http.MethodGet, "/v1/events")
			assert.Equal(t, http.StatusServiceUnavailable, w.Code)
			assert.Regexp(t, `^[2-5]$`, w.Header().Get("Retry-After"))
			assert.Equal(t, "draining", decode[problem](t, w).Code)
			w = ask(h, http.MethodGet, "/readyz")
			assert.Equal(t, http.StatusServiceUnavailable, w.Code)
			assert.Equal(t, "draining", decode[problem](t, w).Code)
			assert.Equal(t, http.StatusOK, ask(h, http.MethodGet, "/healthz").Code)
			assert.Equal(t, http.StatusOK, ask(h, http.MethodGet, "/v1/datasets").Code, "requests are answered until the end")
			h.Drain()
		}
	})
}

func TestMaxStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := server.New(registry.New(), server.Options{MaxStreams: 2})
		defer h.Drain()
		first := connect(t, h)
		connect(t, h)
		synctest.Wait()
		w := ask(h, http.MethodGet, "/v1/events")
		assert.Equal(t, http.StatusServiceUnavailable, w.Code)
		assert.NotEmpty(t, w.Header().Get("Retry-After"))
		assert.Equal(t, "too_many_streams", decode[problem](t, w).Code)
		assert.Equal(t, 2, h.Streams())
		tag := ask(h, http.MethodGet, "/v1/datasets").Header().Get("ETag")
		assert.Equal(t, http.StatusServiceUnavailable, ask(h, http.MethodGet, "/v1/datasets", "If-None-Match", tag, "Prefer", "wait=1").Code)
		first.cancel()
		<-first.done
		assert.Equal(t, "snapshot", kinds(connect(t, h).events()))
		assert.Equal(t, http.StatusOK, ask(h, http.MethodHead, "/healthz").Code)
	})
}

// TestDocuments checks the events of documents that become invalid and valid.
func TestDocuments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		states := map[string]watcher.State{"a.toml": watcher.StateOK, "b.toml": watcher.StateInvalid}
		set := func(name string, s watcher.State) { mu.Lock(); defer mu.Unlock(); states[name] = s }
		h := server.New(registry.New(), server.Options{
			Status: func() watcher.Status {
				mu.Lock()
				defer mu.Unlock()
				var s watcher.Status
				for _, name := range []string{"a.toml", "b.toml"} {
					s.Documents = append(s.Documents, watcher.DocumentStatus{Name: name, State: states[name], Diagnostics: config.Diagnostics{}})
				}
				return s
			},
			CheckHealth: func() error {
				mu.Lock()
				defer mu.Unlock()
				n := 0
				for _, s := range states {
					if s != watcher.StateOK {
						n++
					}
				}
				return fmt.Errorf("%d documents", n)
			},
		})
		defer h.Drain()
		c := connect(t, h)
		assert.Equal(t, "snapshot", kinds(c.events()))
		step := func(wait time.Duration, invalid, valid []any) {
			t.Helper()
			time.Sleep(wait)
			events := c.events()
			require.Equal(t, "documents", kinds(events))
			assert.Equal(t, invalid, events[0].data["invalid"])
			assert.Equal(t, valid, events[0].data["valid"])
			assert.Regexp(t, `\.0$`, events[0].id)
		}
		set("a.toml", watcher.StateStale)
		step(time.Second, []any{"a.toml"}, []any{})
		set("a.toml", watcher.StateOK)
		step(time.Second, []any{}, []any{"a.toml"})
		set("a.toml", watcher.StateInvalid)
		set("b.toml", watcher.StateOK)
		time.Sleep(2 * time.Second)
		assert.Empty(t, c.events(), "the health is as before")
		time.Sleep(10 * time.Second)
		step(4*time.Second, []any{"a.toml"}, []any{"b.toml"})
	})
}

// TestStreamEnds checks that a connection that fails ends its stream.
func TestStreamEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := server.New(registry.New(), server.Options{})
		defer h.Drain()
		h.ServeHTTP(failing{httptest.NewRecorder()}, httptest.NewRequest(http.MethodGet, "/v1/events", nil))
		assert.Zero(t, h.Streams())
		w := ask(h, http.MethodHead, "/v1/events")
		assert.Equal(t, "text/event-stream", w.Header().Get("Content-Type"))
		assert.Empty(t, w.Body.String())
	})
}

// A failing connection is broken.
type failing struct{ *httptest.ResponseRecorder }

func (failing) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }
