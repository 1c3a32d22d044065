package server

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// limitUnacknowledged limits how long data may stay unacknowledged before the connection ends.
// It is an improvement, so that errors do not matter.
func limitUnacknowledged(c *net.TCPConn, d time.Duration) {
	raw, err := c.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(d.Milliseconds()))
	})
}
