package server_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/server"
)

// TestAllowedHosts checks that a page cannot read or reload a server by making its own name
// resolve to the server's address.
func TestAllowedHosts(t *testing.T) {
	reloads := 0
	reload := func(context.Context) error { reloads++; return nil }
	restricted := server.New(registry.New(), server.Options{AllowedHosts: []string{"Neurons.example", "203.0.113.5", "2001:db8::5"}, Reload: reload})
	anyHost := server.New(registry.New(), server.Options{Reload: reload})
	local := &net.TCPAddr{IP: net.ParseIP("10.1.2.3"), Port: 8000}
	for host, allowed := range map[string]bool{
		"localhost": true, "localhost:8000": true, "LOCALHOST:1": true, "localhost.": true, "viewer.localhost:8000": true,
		"127.0.0.1": true, "127.0.0.1:8000": true, "127.9.9.9": true, "[::1]": true, "[::1]:8000": true, "[::ffff:127.0.0.1]:8000": true,
		"neurons.example": true, "neurons.example:8000": true, "neurons.example.:8000": true, "203.0.113.5:80": true, "[2001:db8::5]:80": true,
		"10.1.2.3:8000": true, // the address of the connection, which a probe names
		"":              true, // HTTP/1.0, which no browser speaks
		"evil.example":  false, "evil.example:8000": false, "localhost.evil.example": false, "notlocalhost": false, "127.0.0.1.evil.example": false,
		"sub.neurons.example": false, "10.1.2.4": false, "0.0.0.0:8000": false, "[::]:8000": false, "2130706433": false, "localhost:8000:evil": false, ".localhost": true,
	} {
		for _, method := range []string{http.MethodPost, http.MethodOptions} {
			r := httptest.NewRequest(method, "/-/reload", nil)
			r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, net.Addr(local)))
			r.Host = host
			r.Header.Set("Origin", "http://"+host)
			r.Header.Set("Access-Control-Request-Method", http.MethodPost)
			reloads = 0
			w := httptest.NewRecorder()
			restricted.ServeHTTP(w, r)
			if allowed {
				assert.NotEqual(t, http.StatusMisdirectedRequest, w.Code, "%s %s", method, host)
			} else {
				assert.Equal(t, http.StatusMisdirectedRequest, w.Code, "%s %s", method, host)
				assert.Contains(t, w.Body.String(), `"code":"host_not_allowed"`)
				assert.Contains(t, w.Body.String(), `--allowed-host`)
				assert.Zero(t, reloads)
			}
			w = httptest.NewRecorder()
			anyHost.ServeHTTP(w, r)
			assert.NotEqual(t, http.StatusMisdirectedRequest, w.Code, "%s %s", method, host)
		}
	}
}

func TestCheckHost(t *testing.T) {
	for _, host := range []string{"neurons.example", "Neurons", "my_upstream", "203.0.113.5", "2001:db8::5", "[2001:db8::5]"} {
		assert.NoError(t, server.CheckHost(host), host)
	}
	for _, host := range []string{"", "*", "*.example", "https://neurons.example", "neurons.example:8000", "[2001:db8::5]:80", "neurons.example/", "a b", "bücher.example"} {
		assert.ErrorContains(t, server.CheckHost(host), "must be a name or an address without a port, like neurons.example, not", host)
	}
}
