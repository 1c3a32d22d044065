package disk_test

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/neurondex/neurondex/internal/disk"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestReaderDoesNotDisturbWriters renames, replaces and deletes files while they are open for
// reading.
func TestReaderDoesNotDisturbWriters(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	confined, err := disk.OpenConfined(dir)
	require.NoError(t, err)
	defer confined.Close()
	root, err := os.OpenRoot(dir)
	require.NoError(t, err)
	defer root.Close()
	for name, fsys := range map[string]fs.FS{"dir": disk.Dir(dir), "confined": confined} {
		for change, do := range map[string]func() error{
			"rename":  func() error { return os.Rename(path("a.toml"), path("b.toml")) },
			"replace": func() error { return root.Rename("new.tmp", "a.toml") },
			"delete":  func() error { return os.Remove(path("a.toml")) },
		} {
			t.Run(name+" "+change, func(t *testing.T) {
				require.NoError(t, os.WriteFile(path("a.toml"), []byte("old"), 0o600))
				require.NoError(t, os.WriteFile(path("new.tmp"), []byte("new"), 0o600))
				f, err := fsys.Open("a.toml")
				require.NoError(t, err)
				defer f.Close()
				require.NoError(t, do())
				data, err := io.ReadAll(f)
				require.NoError(t, err)
				assert.Equal(t, "old", string(data))
			})
		}
	}
}

// TestOpenDirectory opens a directory, which needs a flag of its own, and renames it.
func TestOpenDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a")
	require.NoError(t, os.Mkdir(dir, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "x.toml"), nil, 0o600))
	f, err := disk.Open(dir)
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, os.Rename(dir, dir+"b"))
	entries, err := disk.Dir(dir + "b").ReadDir(".")
	require.NoError(t, err)
	require.Len(t, entries, 1)
	assert.Equal(t, "x.toml", entries[0].Name())
	_, err = disk.Open(dir)
	require.ErrorIs(t, err, fs.ErrNotExist)
}
