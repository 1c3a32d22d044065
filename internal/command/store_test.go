//go:build unix

package command

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pushFile publishes a directory that holds one file.
func pushFile(t *testing.T, store, content string) {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.toml"), []byte(content), 0o644))
	var stderr strings.Builder
	code := run(context.Background(), []string{"push", "--dir", dir, "--store", store, "-m", "test"}, nil, io.Discard, &stderr)
	require.Equal(t, exitOK, code, stderr.String())
}

// TestServeStore follows a store, loses it, starts without it from the cache, and follows it
// again.
func TestServeStore(t *testing.T) {
	dir, cache := t.TempDir(), filepath.Join(t.TempDir(), "cache")
	store := "file://" + dir
	args := []string{"--store", store, "--cache", cache, "--store-interval", "100ms", "--enable-reload"}
	pushFile(t, store, entry("a", "1"))
	t.Run("follows", func(t *testing.T) {
		s := startServer(t, args...)
		assert.Equal(t, "a=1", s.names())
		pushFile(t, store, entry("a", "2"))
		s.waitForLog(0, "0 added, 1 updated, 0 removed")
		assert.Equal(t, "a=2", s.names())
		code, body := s.ask(http.MethodPost, "/-/reload")
		assert.Equal(t, http.StatusOK, code, body)
		_, body = s.ask(http.MethodGet, "/v1/status")
		assert.Regexp(t, `"release":{"number":2,"time":"[^"]+","message":"test"}`, body)

		require.NoError(t, os.Rename(dir, dir+".away"))
		s.waitForLog(0, "cannot read source; serving last good data.*no such file")
		assert.Equal(t, "a=2", s.names())
		code, _ = s.ask(http.MethodPost, "/-/reload")
		assert.Equal(t, http.StatusServiceUnavailable, code)
	})
	t.Run("starts from the cache", func(t *testing.T) {
		s := startServer(t, args...)
		assert.Equal(t, "a=2", s.names())
		code, _ := s.ask(http.MethodGet, "/readyz")
		assert.Equal(t, http.StatusOK, code)
		s.waitForLog(0, "cannot read source; serving last good data.*no such file")
		_, body := s.ask(http.MethodGet, "/v1/status")
		assert.Regexp(t, `"release":{"number":2,"time":"[^"]+","message":"test","cached":true}`, body)
		assert.Contains(t, body, "serving release 2 of the cache")
		assert.NotContains(t, body, filepath.Dir(dir), "no directory of this machine")

		require.NoError(t, os.Rename(dir+".away", dir))
		s.waitForLog(0, "source can be read again")
		pushFile(t, store, entry("a", "3"))
		s.waitForLog(0, "0 added, 1 updated, 0 removed")
		assert.Equal(t, "a=3", s.names())
		_, body = s.ask(http.MethodGet, "/v1/status")
		assert.NotContains(t, body, "cached")
		assert.NotContains(t, body, "of the cache")
	})
	t.Run("waits for the store", func(t *testing.T) {
		missing := filepath.Join(t.TempDir(), "missing")
		var stderr strings.Builder
		code := run(t.Context(), []string{"serve", "--listen", "127.0.0.1:0", "--store", "file://" + missing}, nil, io.Discard, &stderr)
		assert.Equal(t, exitFailed, code)
		assert.Contains(t, stderr.String(), "--store: ")
		assert.Contains(t, stderr.String(), "no such file or directory")
		s := startServer(t, "--store", "file://"+missing, "--wait-dir", "--store-interval", "100ms")
		require.NoError(t, os.Mkdir(missing, 0o755))
		pushFile(t, "file://"+missing, entry("a", "1"))
		s.waitForLog(0, "1 added, 0 updated")
		assert.Equal(t, "a=1", s.names())
	})
}
