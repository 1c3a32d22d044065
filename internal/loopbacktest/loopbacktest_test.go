package loopbacktest_test

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/neurondex/neurondex/internal/loopbacktest"
)

// TestAddress checks that addresses differ, and that the one of a stopped server stays free.
func TestAddress(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		address := loopbacktest.Address(t)
		require.False(t, seen[address], address)
		seen[address] = true
		for range 2 { // the server starts, and starts again
			l, err := net.Listen("tcp", address)
			require.NoError(t, err)
			assert.True(t, netip.MustParseAddrPort(address).Addr().IsLoopback())
			assert.NotEqual(t, address, loopbacktest.Address(t))
			require.NoError(t, l.Close())
		}
	}
}
