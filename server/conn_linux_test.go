package server_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/neurondex/neurondex/server"
)

// TestConnContext checks that connections, with TLS and without, do not outlive their clients.
func TestConnContext(t *testing.T) {
	for _, secured := range []bool{false, true} {
		accepted := make(chan net.Conn, 1)
		s := httptest.NewUnstartedServer(http.NotFoundHandler())
		s.Config.ConnState = func(c net.Conn, state http.ConnState) {
			if state == http.StateActive {
				accepted <- c
			}
		}
		s.Config.ConnContext = server.ConnContext
		if secured {
			s.StartTLS()
		} else {
			s.Start()
		}
		resp, err := s.Client().Get(s.URL)
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, resp.Body) // otherwise the client ends the connection
		require.NoError(t, err)
		resp.Body.Close()
		c := <-accepted
		if tls, ok := c.(interface{ NetConn() net.Conn }); ok {
			c = tls.NetConn()
		}
		raw, err := c.(*net.TCPConn).SyscallConn()
		require.NoError(t, err)
		require.NoError(t, raw.Control(func(fd uintptr) {
			got, err := unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT)
			assert.NoError(t, err)
			assert.Equal(t, 15_000, got)
		}))
		s.Close()
	}
}
