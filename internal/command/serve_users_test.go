//go:build unix

package command

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"
)

// TestServeUsersRemoved checks that no request gets access while users are removed from the web
// configuration and added to it again: tokens stay required.
func TestServeUsersRemoved(t *testing.T) {
	dir := t.TempDir()
	hash, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost)
	require.NoError(t, err)
	config, token := filepath.Join(dir, "web.yml"), filepath.Join(dir, "token")
	write := func(text string) {
		require.NoError(t, os.WriteFile(config+".new", []byte(text), 0o600))
		require.NoError(t, os.Rename(config+".new", config))
	}
	users := fmt.Sprintf("basic_auth_users:\n  ada: %s\n", hash)
	write(users)
	require.NoError(t, os.WriteFile(token, []byte("first\n"), 0o600))
	s := startServer(t, "--web.config.file", config, "--token-file", token)
	url := s.url + "/v1/datasets"
	const ada = "Basic YWRhOnNlY3JldA=="
	for range 3 {
		write(users)
		assert.Equal(t, http.StatusOK, s.code(url, ada))
		assert.Equal(t, http.StatusUnauthorized, s.code(url, ""))
		write("# nobody\n")
		assert.Equal(t, http.StatusUnauthorized, s.code(url, ""), "without users")
		assert.Equal(t, http.StatusUnauthorized, s.code(url, ada), "a user who was removed")
		assert.Equal(t, http.StatusOK, s.code(url, "Bearer first"))
	}
}
