//go:build unix

package dir_test

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"testing"

	"github.com/neurondex/neurondex/internal/watchtest"
	"github.com/neurondex/neurondex/source/dir"
	"github.com/neurondex/neurondex/watcher"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// unmount replaces a directory with an empty one that seems to be on another file system.
func (r *faultRig) unmount(dir string) {
	r.Helper()
	r.system.set(func() { // no scan comes between
		require.NoError(r, os.Rename(r.Path(dir), r.Dir+".mount"))
		require.NoError(r, os.Mkdir(r.Path(dir), 0o755))
		r.system.onStat = func(name string, info fs.FileInfo) {
			if name == dir {
				info.Sys().(*syscall.Stat_t).Dev += 7
			}
		}
	})
}

// mount reverts unmount.
func (r *faultRig) mount(dir string) {
	r.Helper()
	r.system.set(func() { r.system.onStat = nil })
	require.NoError(r, os.RemoveAll(r.Path(dir)))
	require.NoError(r, os.Rename(r.Dir+".mount", r.Path(dir)))
}

// TestRootUnmounted unmounts the root: the last good datasets stay in service.
func TestRootUnmounted(t *testing.T) {
	r := newFaultRig(t)
	r.follow(dir.Dir{})
	for version := range 2 {
		before := r.Served()
		r.unmount(".")
		require.ErrorContains(t, r.Sync(), "unmounted")
		require.ErrorContains(t, r.W.CheckHealth(), "unmounted")
		assert.Equal(t, before, r.Served())
		r.mount(".")
		r.Write("a.toml", watchtest.TOML(fmt.Sprint(version), "a"))
		r.WaitFor(fmt.Sprint("a=", version))
		require.NoError(t, r.Sync())
		require.NoError(t, r.W.CheckHealth())
	}
	r.unmount(".")
	require.ErrorContains(t, r.Sync(), "unmounted")
	require.NoError(t, r.W.Reload(t.Context()), "a reload accepts it")
	assert.Empty(t, r.Served())
	require.NoError(t, r.Sync())
	r.writeNotified("a.toml", "9", "a=9")
}

// TestDirectoryUnmounted unmounts a directory below the root.
func TestDirectoryUnmounted(t *testing.T) {
	r := newFaultRig(t)
	r.Write("sub/b.toml", watchtest.TOML("1", "b"))
	r.follow(dir.Dir{})
	r.unmount("sub")
	err := r.Sync()
	require.ErrorIs(t, err, watcher.ErrStale)
	assert.ErrorContains(t, err, "unmounted")
	assert.Equal(t, "a=1 b=1", r.Served())
	assert.Equal(t, watcher.StateStale, r.document("sub").State)
	r.Write("a.toml", watchtest.TOML("2", "a"))
	r.WaitFor("a=2 b=1")
	r.mount("sub")
	r.Write("sub/b.toml", watchtest.TOML("2", "b"))
	r.WaitFor("a=2 b=2")
	require.NoError(t, r.Sync())

	r.unmount("sub")
	require.ErrorIs(t, r.Sync(), watcher.ErrStale)
	require.NoError(t, r.W.Reload(t.Context()))
	assert.Equal(t, "a=2", r.Served())
	require.NoError(t, r.Sync())
	r.writeNotified("sub/b.toml", "3", "a=2 b=3")
}

// TestInodeReused removes directories and creates others with the same inode number, as
// some file systems do.
func TestInodeReused(t *testing.T) {
	r := newFaultRig(t)
	r.system.set(func() {
		r.system.onStat = func(name string, info fs.FileInfo) {
			if info.IsDir() {
				info.Sys().(*syscall.Stat_t).Ino = uint64(len(name))
			}
		}
	})
	r.Write("sub/b.toml", watchtest.TOML("1", "b"))
	r.follow(dir.Dir{})
	for i := range 3 {
		require.NoError(t, os.RemoveAll(r.Path("sub")))
		r.Write("sub/b.toml", watchtest.TOML(fmt.Sprint("new", i), "b"))
		r.WaitFor(fmt.Sprint("a=1 b=new", i))
		r.Write("sub/b.toml", watchtest.TOML(fmt.Sprint("newer", i), "b"))
		r.WaitFor(fmt.Sprint("a=1 b=newer", i))
	}
	require.NoError(t, os.RemoveAll(r.Dir))
	r.Write("a.toml", watchtest.TOML("2", "a"))
	r.WaitFor("a=2")
	r.Write("a.toml", watchtest.TOML("3", "a"))
	r.WaitFor("a=3")
}
