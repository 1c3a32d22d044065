package server_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/neurondex/neurondex/server"
)

// An accepted listener hands on the connections that it accepts.
type accepted struct {
	net.Listener
	conns chan net.Conn
}

// Accept implements [net.Listener].
func (a accepted) Accept() (net.Conn, error) {
	c, err := a.Listener.Accept()
	if err == nil {
		a.conns <- c
	}
	return c, err
}

// TestVanishedClients checks that the system ends a connection whose client acknowledges nothing,
// within two heartbeats of an event stream.
func TestVanishedClients(t *testing.T) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	listener := accepted{l, make(chan net.Conn, 1)}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error)
	go func() {
		served <- server.Serve(ctx, listener, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), slog.New(slog.DiscardHandler))
	}()
	client, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer client.Close()
	_, err = io.WriteString(client, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	require.NoError(t, err)
	_, err = client.Read(make([]byte, 1)) // the connection is served
	require.NoError(t, err)

	raw, err := (<-listener.conns).(*net.TCPConn).SyscallConn()
	require.NoError(t, err)
	var timeout int
	require.NoError(t, raw.Control(func(fd uintptr) { timeout, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT) }))
	require.NoError(t, err)
	assert.Equal(t, 15_000, timeout)
	stop()
	require.NoError(t, <-served)
}
