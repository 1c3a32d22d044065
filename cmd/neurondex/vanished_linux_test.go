package main

import (
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestServeVanishedClients checks that the system ends a connection whose client acknowledges
// nothing, within two heartbeats of an event stream. Nothing else does: a write succeeds as long as
// the buffer of the socket has room.
func TestServeVanishedClients(t *testing.T) {
	s := startServer(t)
	client, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	require.NoError(t, err)
	defer client.Close()
	_, err = io.WriteString(client, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
	require.NoError(t, err)
	_, err = client.Read(make([]byte, 1)) // the connection is served
	require.NoError(t, err)

	// The server runs in this process, so its end of the connection is one of the descriptors.
	own := client.LocalAddr().(*net.TCPAddr).AddrPort()
	for fd := range 1024 {
		peer, err := unix.Getpeername(fd)
		if err != nil {
			continue
		}
		if v4, ok := peer.(*unix.SockaddrInet4); ok && netip.AddrPortFrom(netip.AddrFrom4(v4.Addr), uint16(v4.Port)) == own {
			timeout, err := unix.GetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT)
			require.NoError(t, err)
			assert.Equal(t, 15_000, timeout)
			return
		}
	}
	assert.Fail(t, "the connection is not among the descriptors")
}
