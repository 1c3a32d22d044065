//go:build !linux

package server

import (
	"context"
	"net"
)

// ConnContext is for [net/http.Server.ConnContext]. It does nothing: the system ends a connection
// whose client has vanished when it gives up to send data again.
func ConnContext(ctx context.Context, _ net.Conn) context.Context { return ctx }
