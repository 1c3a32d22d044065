package disk_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/neurondex/neurondex/internal/disk"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// found is an [disk.Entry] that can be compared.
type found struct {
	size             int64
	mode             fs.FileMode
	modified         time.Time
	link, dir, isErr bool
	ignored          string
}

func walk(t *testing.T, w *disk.Walker) map[string]found {
	t.Helper()
	all := make(map[string]found)
	require.NoError(t, w.Walk(func(e disk.Entry) {
		f := found{link: e.Link, dir: e.IsDir(), isErr: e.Err != nil, ignored: e.Ignored}
		if e.Info != nil && e.Ignored == "" {
			f.size, f.mode, f.modified = e.Info.Size(), e.Info.Mode(), e.Info.ModTime()
			assert.Equal(t, e.IsDir(), e.Info.IsDir())
		}
		_, twice := all[e.Name]
		assert.False(t, twice, e.Name)
		all[e.Name] = f
	}))
	return all
}

// TestWalkersAgree walks a directory of the system in the fast and in the portable way.
func TestWalkersAgree(t *testing.T) {
	root := t.TempDir()
	path := func(name string) string { return filepath.Join(root, filepath.FromSlash(name)) }
	write := func(name string, size int) {
		require.NoError(t, os.MkdirAll(filepath.Dir(path(name)), 0o755))
		require.NoError(t, os.WriteFile(path(name), make([]byte, size), 0o644))
	}
	for i := range 2500 { // more than one read of the directory returns
		write(fmt.Sprintf("many/%040d.toml", i), i%7)
	}
	for _, name := range []string{"a.toml", "A.JSON", "notes.md", ".hidden.toml", "b.yaml", "c.toml~", "sub/deep/d.jsonc", ".dot/e.toml", "skip/f.toml", "sub/skip.toml"} {
		write(name, len(name))
	}
	require.NoError(t, os.Chmod(path("a.toml"), 0o640|fs.ModeSetgid))
	require.NoError(t, os.Mkdir(path("dir.toml"), 0o755))
	for name, target := range map[string]string{"link.toml": "a.toml", "linked": "sub", "loop": ".", "gone.toml": "missing", "lost": "missing"} {
		if err := os.Symlink(target, path(name)); err != nil {
			t.Skip("no symbolic links:", err)
		}
	}
	exclude := disk.Patterns{"skip", "skip.*"}
	want := walk(t, &disk.Walker{FS: os.DirFS(root), Exclude: exclude})
	require.Equal(t, 2500+16, len(want)) //nolint:testifylint // not with all of them in the message
	fast := disk.Walker{FS: disk.Dir(root), Exclude: exclude}
	same := func(w *disk.Walker) {
		t.Helper()
		got := walk(t, w)
		for name := range want {
			assert.Equal(t, want[name], got[name], name)
		}
		assert.Equal(t, len(want), len(got)) //nolint:testifylint // see above
	}
	same(&fast)
	confined, err := disk.OpenConfined(root)
	require.NoError(t, err)
	defer confined.Close()
	same(&disk.Walker{FS: confined, Exclude: exclude})

	names := make(map[string]string)
	for name, f := range want {
		if f.mode.IsRegular() && !f.link && f.ignored == "" {
			names[name] = name
		}
	}
	fast.Known = func(path []byte) (string, bool) {
		name, ok := names[string(path)]
		return name, ok
	}
	same(&fast)
	require.NoError(t, os.Remove(path("a.toml")))
	require.NoError(t, os.Mkdir(path("a.toml"), 0o755))
	now := walk(t, &fast)
	assert.True(t, now["a.toml"].dir, "a directory took the place of a known file")
	assert.True(t, now["link.toml"].dir)
}
