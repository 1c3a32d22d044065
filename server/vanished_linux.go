package server

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// maxSilence is how long a client may leave data unacknowledged. With the heartbeats of event
// streams, the stream of a client that has vanished ends within twice their interval.
const maxSilence = 15 * time.Second

// ConnContext is for [net/http.Server.ConnContext]. On Linux it ends a connection whose client
// has vanished: which has not acknowledged data for 15 seconds. Without it a write to such a
// client succeeds for as long as the buffer of the socket has room, which is hours of
// heartbeats.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return ctx
	}
	if raw, err := tcp.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { // the system's own limit of about 15 minutes remains if it fails
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(maxSilence.Milliseconds()))
		})
	}
	return ctx
}
