//go:build unix

package watcher_test

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"testing"

	"github.com/neurondex/neurondex/watcher"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestPipeInAFilesPlace: opening a pipe waits for somebody to write to it.
func TestPipeInAFilesPlace(t *testing.T) {
	for _, confined := range []bool{false, true} {
		t.Run(fmt.Sprint("confined ", confined), func(t *testing.T) {
			r := newFaultRig(t)
			r.write("b.toml", toml("1", "b"))
			r.follow(watcher.Dir{Confined: confined})
			r.set(func() {
				r.before["open a.toml"] = func() {
					assert.NoError(t, os.Remove(r.path("a.toml")))
					assert.NoError(t, unix.Mkfifo(r.path("a.toml"), 0o644))
				}
			})
			r.write("a.toml", toml("2", "a"))
			err := r.sync()
			require.ErrorIs(t, err, watcher.ErrStale)
			assert.ErrorContains(t, err, "is not a regular file")
			assert.Equal(t, "a=1 b=1", r.served())
			r.told("b.toml", "2", "a=1 b=2")
			require.NoError(t, os.Remove(r.path("a.toml")))
			r.write("a.toml", toml("3", "a"))
			r.waitFor("a=3 b=2")
			require.NoError(t, r.sync())
		})
	}
}

// unmount makes a directory look like an empty one of another file system.
func (r *faultRig) unmount(dir string) {
	r.Helper()
	require.NoError(r, os.Rename(r.path(dir), r.dir+".mount"))
	require.NoError(r, os.Mkdir(r.path(dir), 0o755))
	r.set(func() {
		r.looks = func(name string, info fs.FileInfo) {
			if name == dir {
				info.Sys().(*syscall.Stat_t).Dev += 7
			}
		}
	})
}

func (r *faultRig) mount(dir string) {
	r.Helper()
	r.set(func() { r.looks = nil })
	require.NoError(r, os.RemoveAll(r.path(dir)))
	require.NoError(r, os.Rename(r.dir+".mount", r.path(dir)))
}

func TestRootUnmounted(t *testing.T) {
	r := newFaultRig(t)
	r.follow(watcher.Dir{})
	for version := range 2 {
		before := r.served()
		r.unmount(".")
		require.ErrorContains(t, r.sync(), "unmounted")
		require.ErrorContains(t, r.w.Status().SourceErr, "unmounted")
		assert.Equal(t, before, r.served())
		r.mount(".")
		r.write("a.toml", toml(fmt.Sprint(version), "a"))
		r.waitFor(fmt.Sprint("a=", version))
		require.NoError(t, r.sync())
		require.NoError(t, r.w.Status().SourceErr)
	}
	r.unmount(".")
	require.ErrorContains(t, r.sync(), "unmounted")
	require.NoError(t, r.w.Reload(t.Context()), "who reloads means it")
	assert.Empty(t, r.served())
	require.NoError(t, r.sync())
	r.told("a.toml", "9", "a=9")
}

func TestDirectoryUnmounted(t *testing.T) {
	r := newFaultRig(t)
	r.write("sub/b.toml", toml("1", "b"))
	r.follow(watcher.Dir{})
	r.unmount("sub")
	err := r.sync()
	require.ErrorIs(t, err, watcher.ErrStale)
	assert.ErrorContains(t, err, "unmounted")
	assert.Equal(t, "a=1 b=1", r.served())
	assert.Equal(t, watcher.Stale, r.document("sub").State)
	r.write("a.toml", toml("2", "a"))
	r.waitFor("a=2 b=1")
	r.mount("sub")
	r.write("sub/b.toml", toml("2", "b"))
	r.waitFor("a=2 b=2")
	require.NoError(t, r.sync())

	r.unmount("sub")
	require.ErrorIs(t, r.sync(), watcher.ErrStale)
	require.NoError(t, r.w.Reload(t.Context()))
	assert.Equal(t, "a=2", r.served())
	require.NoError(t, r.sync())
	r.told("sub/b.toml", "3", "a=2 b=3")
}

// TestSameNumber: file systems give the number of what was removed to what comes next.
func TestSameNumber(t *testing.T) {
	r := newFaultRig(t)
	r.set(func() {
		r.looks = func(name string, info fs.FileInfo) {
			if info.IsDir() {
				info.Sys().(*syscall.Stat_t).Ino = uint64(len(name))
			}
		}
	})
	r.write("sub/b.toml", toml("1", "b"))
	r.follow(watcher.Dir{})
	for i := range 3 {
		require.NoError(t, os.RemoveAll(r.path("sub")))
		r.write("sub/b.toml", toml(fmt.Sprint("new", i), "b"))
		r.waitFor(fmt.Sprint("a=1 b=new", i))
		r.write("sub/b.toml", toml(fmt.Sprint("newer", i), "b"))
		r.waitFor(fmt.Sprint("a=1 b=newer", i))
	}
	require.NoError(t, os.RemoveAll(r.dir))
	r.write("a.toml", toml("2", "a"))
	r.waitFor("a=2")
	r.write("a.toml", toml("3", "a"))
	r.waitFor("a=3")
}
