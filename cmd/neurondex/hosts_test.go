//go:build unix

package main

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestServeRestrictsHosts checks which hosts a server answers to.
func TestServeRestrictsHosts(t *testing.T) {
	ask := func(s *process, host string) int {
		r, err := http.NewRequest(http.MethodPost, s.url+"/-/reload", nil)
		require.NoError(t, err)
		r.Host = host
		r.Header.Set("Origin", "http://"+host)
		resp, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		return resp.StatusCode
	}
	t.Run("loopback", func(t *testing.T) {
		s := startServer(t, "--enable-reload")
		assert.Equal(t, http.StatusMisdirectedRequest, ask(s, "evil.example"))
		assert.Equal(t, http.StatusOK, ask(s, "localhost:8000"))
	})
	t.Run("loopback and a name", func(t *testing.T) {
		s := startServer(t, "--enable-reload", "--allowed-host", "neurons.example")
		assert.Equal(t, http.StatusMisdirectedRequest, ask(s, "evil.example"))
		assert.Equal(t, http.StatusOK, ask(s, "neurons.example"))
		assert.Equal(t, http.StatusOK, ask(s, "localhost:8000"))
	})
	t.Run("every address", func(t *testing.T) {
		s := startServer(t, "--enable-reload", "--listen", ":0")
		assert.Regexp(t, `^http://localhost:\d+$`, s.url, "a URL that opens")
		assert.Equal(t, http.StatusOK, ask(s, "any.example"))
	})
	t.Run("every address, restricted", func(t *testing.T) {
		s := startServer(t, "--enable-reload", "--listen", "0.0.0.0:0", "--allowed-host", "neurons.example")
		assert.Equal(t, http.StatusMisdirectedRequest, ask(s, "evil.example"))
		assert.Equal(t, http.StatusOK, ask(s, "neurons.example"))
		assert.Equal(t, http.StatusOK, ask(s, "127.0.0.1"))
	})
}
