//go:build linux && (amd64 || arm64)

package disk

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestUnknownTypes: the types of entries are found out on file systems that do not tell them.
func TestUnknownTypes(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(root, "sub", "dir"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(root, "sub", "a.toml"), nil, 0o644))
	require.NoError(t, os.Symlink("a.toml", filepath.Join(root, "sub", "link.toml")))
	w := Walker{FS: Dir(root)}
	for name, want := range map[string]byte{"a.toml": unix.DT_REG, "link.toml": unix.DT_LNK, "dir": unix.DT_DIR, "gone": unix.DT_UNKNOWN} {
		assert.Equal(t, want, w.typeOf("sub", name), name)
	}
}
