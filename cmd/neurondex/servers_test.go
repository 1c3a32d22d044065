package main

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
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
