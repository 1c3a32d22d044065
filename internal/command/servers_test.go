package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestServersFinishRequests(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	started, finish, drained := make(chan struct{}), make(chan struct{}), make(chan struct{})
	s := newServers(slog.New(slog.DiscardHandler))
	s.start(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(started)
		<-finish
		_, _ = io.WriteString(w, "done")
	}), serveOpenly)
	served := make(chan error, 1)
	go func() { served <- s.wait(ctx, func() { close(drained) }, 10*time.Second) }()
	answer := make(chan string, 1)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	go func() {
		resp, err := client.Get("http://" + l.Addr().String())
		if err != nil {
			answer <- err.Error()
			return
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		answer <- string(b)
	}()
	<-started
	cancel()
	<-drained
	close(finish)
	assert.Equal(t, "done", <-answer, "response to an active request")
	assert.NoError(t, <-served)
}

func TestServersCutOffRequests(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	started := make(chan struct{})
	s := newServers(slog.New(slog.DiscardHandler))
	s.start(l, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(started)
		<-r.Context().Done()
	}), serveOpenly)
	served := make(chan error, 1)
	go func() { served <- s.wait(ctx, func() {}, time.Millisecond) }()
	answer := make(chan error, 1)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	go func() {
		_, err := client.Get("http://" + l.Addr().String())
		answer <- err
	}()
	<-started
	cancel()
	assert.NoError(t, <-served)
	assert.ErrorIs(t, <-answer, io.EOF)
}

// TestEndWithin checks that a command ends although something does not: the error of what it
// does counts if it ends in time.
func TestEndWithin(t *testing.T) {
	failed := errors.New("failed")
	for name, tt := range map[string]struct {
		takes    time.Duration // after ctx is done
		ends     error
		want     error
		after    time.Duration
		complain bool
	}{
		"cancelled": {time.Second, fmt.Errorf("--dir: %w", context.Canceled), nil, time.Second, false},
		"at once":   {0, failed, failed, 0, false},
		"in time":   {4 * time.Second, failed, failed, 4 * time.Second, false},
		"well":      {4 * time.Second, nil, nil, 4 * time.Second, false},
		"too late":  {time.Minute, failed, nil, 5 * time.Second, true},
		"by itself": {-time.Second, failed, failed, -time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				var log strings.Builder
				start := time.Now()
				err := endWithin(ctx, 5*time.Second, slog.New(slog.NewTextHandler(&log, nil)), func() error {
					time.Sleep(time.Hour + tt.takes)
					return tt.ends
				})
				assert.Equal(t, tt.want, err)
				assert.Equal(t, time.Hour+tt.after, time.Since(start))
				assert.Equal(t, tt.complain, strings.Contains(log.String(), `level=WARN msg="the source does not answer; ending without closing it"`), log.String())
				time.Sleep(time.Hour) // what is too late ends, too
			})
		})
	}
}
