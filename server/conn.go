package server

import (
	"context"
	"net"
)

// ConnContext is for the field of [http.Server] of the same name. It lets the system end a
// connection that has not acknowledged data for 15 seconds, where it can (Linux). Without it,
// a client that vanishes without closing its connection counts as an open event stream for
// up to a quarter of an hour; with it, for at most two heartbeats.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	if secured, ok := c.(interface{ NetConn() net.Conn }); ok {
		c = secured.NetConn()
	}
	if tcp, ok := c.(*net.TCPConn); ok {
		limitUnacknowledged(tcp, heartbeatInterval)
	}
	return ctx
}
