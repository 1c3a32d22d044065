package server

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

var errHost = errors.New("host is not allowed")

// hostPattern matches a name in ASCII or an address, as in a URL.
var hostPattern = regexp.MustCompile(`^([0-9A-Za-z._-]+|\[[0-9A-Fa-f:.]+\])$`)

// CheckHost reports whether an entry of [Options.AllowedHosts] can match.
func CheckHost(host string) error {
	if _, err := netip.ParseAddr(host); err != nil && !hostPattern.MatchString(host) {
		return fmt.Errorf("must be a name or an address without a port, like neurons.example, not %q", host)
	}
	return nil
}

// restrictHosts refuses requests that name another host than those allowed. Without it, a page
// whose name resolves to the address of this server has the server's own origin (DNS
// rebinding).
func (h *Handler) restrictHosts(next http.Handler, allowed []string) http.Handler {
	names := make([]string, len(allowed))
	for i, host := range allowed {
		names[i] = plainHost(strings.Trim(host, "[]"))
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A browser always names a host. Some probes speak HTTP/1.0 and do not.
		host := plainHost((&url.URL{Host: r.Host}).Hostname())
		if host == "" || isLoopback(host) || slices.Contains(names, host) || isLocal(r, host) {
			next.ServeHTTP(w, r)
			return
		}
		h.fail(w, r, fmt.Errorf("%w: %q; allow it with --allowed-host", errHost, host))
	})
}

func plainHost(host string) string { return strings.ToLower(strings.TrimSuffix(host, ".")) }

// isLoopback reports whether a host always means the machine itself.
func isLoopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, _ := netip.ParseAddr(host) // the zero Addr is not loopback
	return addr.Unmap().IsLoopback()
}

// isLocal reports whether a host is the address that the request came in on, as in a health
// probe.
func isLocal(r *http.Request, host string) bool {
	local, _ := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr) // nil for a Unix socket
	addr, err := netip.ParseAddr(host)
	return err == nil && local.AddrPort().Addr().Unmap() == addr.Unmap()
}
