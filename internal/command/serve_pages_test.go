//go:build unix

package command

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestServePages checks what the flags of serve make of the pages for people.
func TestServePages(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "broken.toml"), []byte("a = ? # secret\n"), 0o644))
	builtin := "/datasets/gpt2-xl/mlp_post_act"
	t.Run("defaults", func(t *testing.T) {
		s := startServer(t, "--dir", dir, "--builtin")
		_, body := s.ask("GET", builtin)
		assert.Contains(t, body, "GPT-2 XL - MLP neurons")
		assert.NotContains(t, body, "neuron viewer")
		_, body = s.ask("GET", "/documents")
		assert.Contains(t, body, "/broken.toml:1:5</b>")
		assert.NotContains(t, body, "secret")
		assert.NotContains(t, body, dir)
		status, body := s.ask("GET", "/")
		assert.Equal(t, 404, status, "who does not ask for HTML gets none: %s", body)
	})
	for _, confined := range [][]string{nil, {"--confined"}} {
		t.Run("all", func(t *testing.T) {
			s := startServer(t, append([]string{"--dir", dir, "--builtin", "--viewer-url", "http://localhost:1234/", "--expose-paths"}, confined...)...)
			_, body := s.ask("GET", builtin)
			assert.Contains(t, body, `href="http://localhost:1234/gpt2-xl/mlp_neuron/0/0"`)
			_, body = s.ask("GET", "/documents")
			assert.Contains(t, body, "a = <mark>?</mark> # secret")
		})
	}
	t.Run("empty", func(t *testing.T) {
		empty := t.TempDir()
		s := startServer(t, "--dir", empty, "--expose-paths")
		_, body := s.ask("GET", "/documents")
		assert.Contains(t, body, "<code>"+empty+"</code>")
	})
}
