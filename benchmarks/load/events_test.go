package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestStream follows a server that closes its first connection, and one that has restarted.
func TestStream(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	connections := 0
	var resumed []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		connections++
		resumed = append(resumed, r.Header.Get("Last-Event-ID"))
		w.Header().Set("Content-Type", "text/event-stream")
		switch connections {
		case 1:
			fmt.Fprint(w, "retry: 1\n: comment\n\nid: e.1\ndata: {\"type\":\"snapshot\",\"hash\":\"a\"}\n\n")
			fmt.Fprint(w, "id: e.2\ndata: {\"type\":\"change\",\ndata: \"before\":\"a\",\"after\":\"b\"}\n\n: comment\n\n")
			fmt.Fprint(w, "data: {\"type\":\"bye\"}\n\n")
		case 2:
			http.Error(w, "no", http.StatusServiceUnavailable)
		case 3:
			fmt.Fprint(w, "id: f.1\ndata: {\"type\":\"reset\"}\n\nid: f.1\ndata: {\"type\":\"snapshot\",\"hash\":\"b\"}\n\ndata: {\"type\":\"other\"}\n\n")
			fmt.Fprint(w, "id:f.2\ndata:{\"type\":\"change\",\"before\":\"b\",\"after\":\"c\"}\n\n")
		default:
			cancel()
		}
	}))
	defer server.Close()
	var n names
	s := &stream{address: strings.TrimPrefix(server.URL, "http://"), names: &n, start: time.Now()}
	s.run(ctx)

	a, b, c := n.number([]byte("a")), n.number([]byte("b")), n.number([]byte("c"))
	e, f := n.number([]byte("e")), n.number([]byte("f"))
	want := []entry{
		{kind: connected},
		{kind: snapshotEvent, epoch: e, generation: 1, after: a},
		{kind: changeEvent, epoch: e, generation: 2, before: a, after: b},
		{kind: byeEvent, epoch: e, generation: 2},
		{kind: disconnected},
		{kind: connected},
		{kind: resetEvent, epoch: f, generation: 1},
		{kind: snapshotEvent, epoch: f, generation: 1, after: b},
		{kind: changeEvent, epoch: f, generation: 2, before: b, after: c},
		{kind: disconnected},
	}
	require.GreaterOrEqual(t, len(s.history), len(want))
	for i := range want {
		require.NotZero(t, s.history[i].at)
		s.history[i].at = 0
	}
	assert.Equal(t, want, s.history[:len(want)])
	assert.Equal(t, []string{"", "e.2", "e.2", "f.2"}, resumed[:4])
	assert.EqualValues(t, 2, s.sessions.Load())
	assert.Equal(t, c, s.last.Load())
	assert.Greater(t, s.bytes.Load(), int64(200))
	assert.NoError(t, checkHistory(s.history, []int32{a, b, c}, false))
}

func TestQuantile(t *testing.T) {
	list := []time.Duration{1, 2, 3, 4}
	assert.EqualValues(t, 0, quantile(nil, 0.5))
	assert.EqualValues(t, 2, quantile(list, 0.5))
	assert.EqualValues(t, 4, quantile(list, 0.99))
	assert.EqualValues(t, 4, quantile(list, 1))
}
