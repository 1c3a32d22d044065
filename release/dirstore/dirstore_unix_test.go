//go:build unix

package dirstore_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/neurondex/neurondex/release/dirstore"
	"github.com/stretchr/testify/require"
)

// TestIrregularFiles checks that pipes and directories do not block a reader.
func TestIrregularFiles(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "blobs"), 0o755))
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "blobs", "a"), 0o644))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "blobs", "b"), 0o755))
	for _, key := range []string{"blobs/a", "blobs/b"} {
		_, err := dirstore.New(dir).Get(t.Context(), key, 1<<20)
		require.ErrorContains(t, err, "not a regular file", key)
	}
}
