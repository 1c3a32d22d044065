// Package loopbacktest gives tests addresses for servers that start later or start again.
package loopbacktest

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
)

// firstPort is below the ports that the system assigns.
const firstPort = 10_000

// handedOut is the number of addresses so far.
var handedOut atomic.Int32

// Address returns a host and port of this machine that no server listens on. No other process gets
// it, even while the server of the test is stopped.
//
// A free port of 127.0.0.1 would not do: the system may assign it to a listener or a connection of
// any process. On Linux, where all of 127.0.0.0/8 is this machine, each process that runs tests has
// a host of its own. Elsewhere the host is 127.0.0.1, and the port is only unlikely to be used.
func Address(tb testing.TB) string {
	tb.Helper()
	host := net.IPv4(127, 0, 0, 1)
	if pid := os.Getpid(); runtime.GOOS == "linux" {
		host = net.IPv4(127, byte(128+pid>>16), byte(pid>>8), byte(pid)) // an ID has up to 22 bits
	}
	var listener net.ListenConfig
	for {
		port := firstPort + handedOut.Add(1)
		if port >= 1<<15 {
			tb.Fatal("no address is left")
		}
		address := net.JoinHostPort(host.String(), fmt.Sprint(port))
		if l, err := listener.Listen(tb.Context(), "tcp", address); err == nil {
			_ = l.Close()
			return address
		}
	}
}
