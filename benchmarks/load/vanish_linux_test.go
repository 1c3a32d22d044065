package main

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestVanish checks that a peer that has vanished acknowledges nothing, and says nothing.
func TestVanish(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer client.Close()
	peer, err := l.Accept()
	require.NoError(t, err)
	defer peer.Close()
	raw, err := peer.(*net.TCPConn).SyscallConn()
	require.NoError(t, err)
	require.NoError(t, raw.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, 500)
	}))
	require.NoError(t, err)

	send := func() {
		_, err := io.WriteString(peer, "heartbeat")
		require.NoError(t, err)
	}
	send()
	_, err = io.ReadFull(client, make([]byte, len("heartbeat")))
	require.NoError(t, err)

	require.NoError(t, vanish(client.(*net.TCPConn)))
	send() // into the buffer of the socket, which is all that a write shows
	require.NoError(t, peer.SetReadDeadline(time.Now().Add(30*time.Second)))
	_, err = peer.Read(make([]byte, 1))
	assert.ErrorIs(t, err, unix.ETIMEDOUT)
}
