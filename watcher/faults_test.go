package watcher_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/watcher"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// newFaultRig returns a rig with a document in place.
func newFaultRig(t *testing.T) *faultRig {
	t.Helper()
	t.Parallel()
	r := &faultRig{newRig(t), &machine{fails: make(map[string]error), before: make(map[string]func()), count: make(map[string]int)}}
	r.write("a.toml", toml("1", "a"))
	return r
}

// told makes sure that a change is noticed with nothing but a notice: the clock does not
// look at files.
func (r *faultRig) told(name, version, want string) {
	r.Helper()
	require.True(r, r.health().Alive)
	r.write(name, toml(version, strings.TrimSuffix(filepath.Base(name), ".toml")))
	r.waitFor(want)
}

func TestOverflow(t *testing.T) {
	r := newFaultRig(t)
	r.follow(watcher.Dir{})
	r.set(func() { r.deaf = true })
	r.write("a.toml", toml("2", "a"))
	r.write("sub/b.toml", toml("2", "b"))
	r.notifier.errors <- fmt.Errorf("the queue: %w", fsnotify.ErrEventOverflow)
	r.waitFor("a=2 b=2")
	assert.Equal(t, uint64(1), r.health().Overflows)
	assert.Zero(t, r.health().WatchErrors)

	r.notifier.errors <- syscall.EIO
	r.write("a.toml", toml("3", "a"))
	r.notifier.errors <- syscall.EIO
	r.waitFor("a=3 b=2")
	assert.Equal(t, uint64(2), r.health().WatchErrors)

	r.set(func() { r.deaf = false })
	r.told("sub/b.toml", "4", "a=3 b=4") // the directory that came meanwhile is watched
}

func TestDeadWatch(t *testing.T) {
	r := newFaultRig(t)
	r.write("sub/b.toml", toml("1", "b"))
	r.follow(watcher.Dir{})
	for i, dir := range []string{r.dir, r.path("sub"), r.dir} {
		require.NoError(t, r.notifier.Remove(dir))
		version := fmt.Sprint(2 + 2*i)
		r.write("a.toml", toml(version, "a"))
		r.write("sub/b.toml", toml(version, "b"))
		r.waitFor("a=" + version + " b=" + version)
		assert.Contains(t, r.notifier.WatchList(), dir, "it is watched again")
		version = fmt.Sprint(3 + 2*i)
		r.write("a.toml", toml(version, "a"))
		r.told("sub/b.toml", version, "a="+version+" b="+version)
	}
	assert.Zero(t, r.health().Resyncs)
}

// TestSilence: a watch that seems to live, and tells nothing.
func TestSilence(t *testing.T) {
	r := newFaultRig(t)
	r.set(func() { r.deaf = true })
	r.follow(watcher.Dir{Resync: 50 * time.Millisecond, Settle: 175 * time.Millisecond}) // found long before it is read
	r.write("a.toml", toml("2", "a"))
	r.waitFor("a=2")
	require.NoError(t, os.Remove(r.path("a.toml")))
	r.waitFor("")
	h := r.health()
	assert.NotZero(t, h.Found)
	assert.GreaterOrEqual(t, h.Resyncs, h.Found)
	assert.Zero(t, h.Events)
}

func TestNoWatchToBeHad(t *testing.T) {
	for name, fault := range map[string]struct {
		operation string
		err       error
		mode      string
	}{
		"ENOSPC of a watch":    {"watch", syscall.ENOSPC, "inotify"},
		"EMFILE of a watch":    {"watch", syscall.EMFILE, "inotify"},
		"EMFILE of a notifier": {"notify", syscall.EMFILE, "poll"},
		"ENOSPC of a notifier": {"notify", syscall.ENOSPC, "poll"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newFaultRig(t)
			r.fail(fault.operation, fault.err)
			r.follow(watcher.Dir{})
			assert.Equal(t, "a=1", r.served())
			assert.False(t, r.health().Alive)
			failed := r.health().WatchErrors
			assert.NotZero(t, failed)
			r.write("sub/b.toml", toml("1", "b"))
			r.waitFor("a=1 b=1")
			assert.False(t, r.health().Alive)
			assert.Greater(t, r.health().WatchErrors, failed, "it goes on trying")

			r.fail(fault.operation, nil)
			r.write("a.toml", toml("2", "a"))
			r.waitFor("a=2 b=1")
			assert.True(t, r.health().Alive)
			assert.NotEqual(t, "poll", r.health().Mode)
			failed = r.health().WatchErrors
			r.told("sub/b.toml", "3", "a=2 b=3")
			assert.Equal(t, failed, r.health().WatchErrors)

			r.fail("watch", syscall.ENOSPC) // the limit is met later, by a new directory
			r.write("new/c.toml", toml("1", "c"))
			r.waitFor("a=2 c=1 b=3")
			r.write("new/c.toml", toml("2", "c"))
			r.waitFor("a=2 c=2 b=3")
			assert.False(t, r.health().Alive)
		})
	}
}

func TestRemote(t *testing.T) {
	r := newFaultRig(t)
	r.set(func() { r.remote = true })
	r.follow(watcher.Dir{})
	assert.Equal(t, "poll", r.health().Mode)
	assert.False(t, r.health().Alive)
	assert.Zero(t, r.health().WatchErrors, "that is no fault")
	assert.Nil(t, r.notifier, "nothing is watched")
	r.write("a.toml", toml("2", "a"))
	r.waitFor("a=2")

	r.set(func() { r.remote = false }) // as if it were another mount
	r.write("a.toml", toml("3", "a"))
	r.waitFor("a=3")
	r.told("a.toml", "4", "a=4")
	r.set(func() { r.remote = true })
	require.NoError(t, r.sync())
	assert.Equal(t, "poll", r.health().Mode)
	r.write("a.toml", toml("5", "a"))
	r.waitFor("a=5")
}

// TestUnreadable: what cannot be looked at or read keeps what it held and holds up nothing;
// once it can be, it is, though the fault leaves no trace in the file.
func TestUnreadable(t *testing.T) {
	for name, fault := range map[string]struct {
		operation string
		err       error
		document  string // that is reported
	}{
		"EACCES on stat":      {"stat sub/b.toml", syscall.EACCES, "sub/b.toml"},
		"EACCES on open":      {"open sub/b.toml", syscall.EACCES, "sub/b.toml"},
		"EMFILE on open":      {"open sub/b.toml", syscall.EMFILE, "sub/b.toml"},
		"EIO on read":         {"read sub/b.toml", syscall.EIO, "sub/b.toml"},
		"EACCES on list":      {"list sub", syscall.EACCES, "sub"},
		"EIO on list":         {"list sub", syscall.EIO, "sub"},
		"EACCES on directory": {"stat sub", syscall.EACCES, "sub"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newFaultRig(t)
			r.write("sub/b.toml", toml("1", "b", "bb"))
			r.follow(watcher.Dir{})
			r.fail(fault.operation, fault.err)
			r.write("sub/b.toml", toml("2", "b"))
			err := r.sync()
			require.ErrorIs(t, err, watcher.ErrStale)
			assert.ErrorContains(t, err, fault.document+": error: cannot be read: "+fault.err.Error())
			assert.Equal(t, "a=1 b=1 bb=1", r.served())
			status := r.document(fault.document)
			assert.Equal(t, watcher.Stale, status.State)
			require.Len(t, status.Diagnostics, 1)
			assert.Equal(t, config.RuleUnreadable, status.Diagnostics[0].Rule)
			assert.NoError(t, r.w.Status().SourceErr, "it is not the source as a whole")

			r.write("a.toml", toml("2", "a"))
			r.waitFor("a=2 b=1 bb=1")
			r.write("a.toml", toml("3", "a"))
			require.ErrorIs(t, r.sync(), watcher.ErrStale)
			assert.Equal(t, "a=3 b=1 bb=1", r.served())

			r.fail(fault.operation, nil)
			r.waitFor("a=3 b=2")
			require.NoError(t, r.sync())
			for _, d := range r.w.Status().Documents {
				assert.Equal(t, watcher.OK, d.State, "%s", d.Name)
			}
		})
	}
}

// TestUnreadableRests: what waits to be looked at again has nobody look without a pause
// where it cannot be.
func TestUnreadableRests(t *testing.T) {
	r := newFaultRig(t)
	r.write("sub/b.toml", toml("1", "b"))
	r.follow(watcher.Dir{})
	r.write("b.new", toml("2", "b"))
	soon := time.Now().Add(200 * time.Millisecond) // so it is to be read again a little later than that
	require.NoError(t, os.Chtimes(r.path("b.new"), soon, soon))
	require.NoError(t, os.Rename(r.path("b.new"), r.path("sub/b.toml")))
	r.waitFor("a=1 b=2")
	r.fail("stat sub", syscall.EACCES)
	require.ErrorIs(t, r.sync(), watcher.ErrStale)
	looks := 0
	r.set(func() { looks = r.count["stat ."] })
	<-time.After(700 * time.Millisecond)
	r.set(func() { looks = r.count["stat ."] - looks })
	assert.Less(t, looks, 50)
	r.fail("stat sub", nil)
	require.NoError(t, r.sync())
}

// TestRootUnreadable: the source as a whole cannot be looked at.
func TestRootUnreadable(t *testing.T) {
	for name, fault := range map[string]struct {
		operation string
		err       error
	}{
		"EACCES on stat": {"stat .", syscall.EACCES},
		"EACCES on list": {"list .", syscall.EACCES},
		"EIO on list":    {"list .", syscall.EIO},
	} {
		t.Run(name, func(t *testing.T) {
			r := newFaultRig(t)
			r.follow(watcher.Dir{})
			r.fail(fault.operation, fault.err)
			r.write("a.toml", toml("2", "a"))
			require.ErrorIs(t, r.sync(), fault.err)
			assert.Equal(t, "a=1", r.served())
			assert.ErrorIs(t, r.w.Status().SourceErr, fault.err)
			assert.False(t, r.health().Alive)
			r.fail(fault.operation, nil)
			r.waitFor("a=2")
			require.NoError(t, r.sync())
			assert.NoError(t, r.w.Status().SourceErr)
			r.told("a.toml", "3", "a=3")
		})
	}
}

// TestNeverTorn changes a file in the middle of its being read.
func TestNeverTorn(t *testing.T) {
	second, third := toml("2", "x", "y"), toml("3", "y", "z") // of the same size
	require.Len(t, third, len(second))
	for name, tt := range map[string]struct {
		change func(t *testing.T, path string)
		want   string
	}{
		"shrinks": {func(t *testing.T, path string) {
			require.NoError(t, os.Truncate(path, int64(len(toml("2", "x")))))
		}, "x=2"},
		"grows": {func(t *testing.T, path string) {
			f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			require.NoError(t, err)
			_, err = f.WriteString(toml("2", "z"))
			require.NoError(t, err)
			require.NoError(t, f.Close())
		}, "x=2 y=2 z=2"},
		"is rewritten": {func(t *testing.T, path string) {
			require.NoError(t, os.WriteFile(path, []byte(third), 0o644))
		}, "y=3 z=3"},
		"is rewritten and looks as old": {func(t *testing.T, path string) {
			info, err := os.Stat(path)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(path, []byte(third), 0o644))
			require.NoError(t, os.Chtimes(path, info.ModTime(), info.ModTime()))
		}, "y=3 z=3"},
		"is replaced": {func(t *testing.T, path string) {
			require.NoError(t, os.WriteFile(path+".new", []byte(third), 0o644))
			require.NoError(t, os.Rename(path+".new", path))
		}, "y=3 z=3"},
		"is removed": {func(t *testing.T, path string) {
			require.NoError(t, os.Remove(path))
		}, ""},
	} {
		for _, confined := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, confined %v", name, confined), func(t *testing.T) {
				r := newFaultRig(t)
				r.follow(watcher.Dir{Confined: confined})
				states := make(chan map[string]bool)
				ctx, cancel := context.WithCancel(t.Context())
				go func() {
					saw := make(map[string]bool)
					for range r.w.Registry().Updates(ctx) {
						saw[r.served()] = true
					}
					states <- saw
				}()
				r.set(func() { r.before["read a.toml"] = func() { tt.change(t, r.path("a.toml")) } })
				r.write("a.toml", second)
				r.waitFor(tt.want)
				require.NoError(t, r.sync())
				cancel()
				saw := <-states
				delete(saw, "a=1")
				delete(saw, tt.want)
				assert.Empty(t, saw, "states that were seen between the first and the last")
				assert.NotContains(t, r.before, "read a.toml", "it was changed while it was read")
				assert.NotContains(t, r.log.String(), "cannot be read", "that is no fault of the file")
			})
		}
	}
}

// TestVanishesBeforeItIsOpened: what was seen may be gone, or not, when it is to be read.
func TestVanishesBeforeItIsOpened(t *testing.T) {
	r := newFaultRig(t)
	r.follow(watcher.Dir{})
	r.set(func() {
		r.before["open b.toml"] = func() { assert.NoError(t, os.Remove(r.path("b.toml"))) }
	})
	r.write("b.toml", toml("1", "b"))
	require.NoError(t, r.sync())
	assert.Equal(t, "a=1", r.served())
	assert.Len(t, r.w.Status().Documents, 1)
	r.told("b.toml", "2", "a=1 b=2")
}

// TestDirectoryLinkDangles: a link to a directory that leads nowhere for a while.
func TestDirectoryLinkDangles(t *testing.T) {
	r := newFaultRig(t)
	target := filepath.Join(filepath.Dir(r.dir), "target")
	require.NoError(t, os.Mkdir(target, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(target, "b.toml"), []byte(toml("1", "b")), 0o644))
	require.NoError(t, os.Symlink(target, r.path("link")))
	r.follow(watcher.Dir{})
	assert.Equal(t, "a=1 b=1", r.served())
	require.NoError(t, os.Rename(target, target+".away"))
	require.ErrorIs(t, r.sync(), watcher.ErrStale)
	assert.Equal(t, "a=1 b=1", r.served())
	assert.Equal(t, watcher.Stale, r.document("link").State)
	r.write("a.toml", toml("2", "a"))
	r.waitFor("a=2 b=1")
	require.NoError(t, os.WriteFile(filepath.Join(target+".away", "b.toml"), []byte(toml("2", "b")), 0o644))
	require.NoError(t, os.Rename(target+".away", target))
	r.waitFor("a=2 b=2")
	require.NoError(t, r.sync())
	require.NoError(t, os.Rename(target, target+".away"))
	require.ErrorIs(t, r.sync(), watcher.ErrStale)
	require.NoError(t, os.Remove(r.path("link")))
	r.waitFor("a=2")
	require.NoError(t, r.sync())
}

// TestRootVanishes: whatever is not there keeps what it held.
func TestRootVanishes(t *testing.T) {
	for _, confined := range []bool{false, true} {
		t.Run(fmt.Sprint("confined ", confined), func(t *testing.T) {
			r := newFaultRig(t)
			r.follow(watcher.Dir{Confined: confined})
			for version := range 3 {
				require.NoError(t, os.RemoveAll(r.dir))
				require.ErrorIs(t, r.sync(), fs.ErrNotExist)
				require.ErrorIs(t, r.w.Status().SourceErr, fs.ErrNotExist)
				assert.False(t, r.health().Alive)
				assert.NotEmpty(t, r.served())
				r.write("a.toml", toml(fmt.Sprint("back", version), "a"))
				r.waitFor(fmt.Sprint("a=back", version))
				require.NoError(t, r.sync())
				require.NoError(t, r.w.Status().SourceErr)
				r.told("a.toml", fmt.Sprint("told", version), fmt.Sprint("a=told", version))
			}
			require.NoError(t, os.RemoveAll(r.dir))
			require.NoError(t, os.WriteFile(r.dir, []byte("a file in its place"), 0o644))
			require.ErrorContains(t, r.sync(), "not a directory")
			require.NoError(t, os.Remove(r.dir))
			require.NoError(t, os.Mkdir(r.dir, 0o755))
			r.waitFor("") // an empty directory on the same file system is meant
		})
	}
}

// TestDirectoryRenamed: a watch follows a directory, not its path.
func TestDirectoryRenamed(t *testing.T) {
	r := newFaultRig(t)
	r.write("sub/deep/b.toml", toml("1", "b"))
	r.follow(watcher.Dir{})
	require.NoError(t, os.Rename(r.path("sub"), r.path("moved")))
	require.NoError(t, r.sync())
	assert.Equal(t, "a=1 b=1", r.served())
	for _, d := range r.w.Status().Documents {
		assert.NotContains(t, d.Name, "sub/")
	}
	r.told("moved/deep/b.toml", "2", "a=1 b=2")
	r.told("sub/deep/c.toml", "1", "a=1 b=2 c=1") // another one where it was
	r.told("moved/deep/b.toml", "3", "a=1 b=3 c=1")
	r.told("sub/deep/c.toml", "2", "a=1 b=3 c=2")
	require.NoError(t, os.Rename(r.path("sub"), r.path("over")))
	require.NoError(t, os.Rename(r.path("moved"), r.path("sub")))
	r.waitFor("a=1 c=2 b=3")
	r.told("sub/deep/b.toml", "4", "a=1 c=2 b=4")
	r.told("over/deep/c.toml", "3", "a=1 c=3 b=4")
	require.NoError(t, os.Rename(r.path("sub"), filepath.Join(filepath.Dir(r.dir), "outside")))
	r.waitFor("a=1 c=3")
	require.NoError(t, r.sync())
}

// TestDirectoryComesAnew is of directories that are removed and made again.
func TestDirectoryComesAnew(t *testing.T) {
	r := newFaultRig(t)
	r.follow(watcher.Dir{})
	for i := range 4 {
		r.told("sub/b.toml", fmt.Sprint(2*i), fmt.Sprint("a=1 b=", 2*i))
		require.NoError(t, os.RemoveAll(r.path("sub")))
		r.told("sub/b.toml", fmt.Sprint(2*i+1), fmt.Sprint("a=1 b=", 2*i+1))
	}
}

// TestReadersHoldUpNothing: a subscriber that is slow, or panics.
func TestReadersHoldUpNothing(t *testing.T) {
	r := newFaultRig(t)
	r.follow(watcher.Dir{})
	ctx, cancel := context.WithCancel(t.Context())
	release := make(chan struct{})
	var readers sync.WaitGroup
	slow, last := make(chan struct{}), ""
	readers.Go(func() {
		for range r.w.Registry().Updates(ctx) {
			select {
			case <-slow:
			default:
				close(slow)
			}
			<-release
			if last = r.served(); last == "a=9" {
				return
			}
		}
	})
	panicked := make(chan any, 1)
	readers.Go(func() {
		defer func() { panicked <- recover() }()
		for range r.w.Registry().Updates(ctx) {
			panic("a reader's own fault")
		}
	})
	<-slow
	assert.Equal(t, "a reader's own fault", <-panicked)
	for version := 2; version < 10; version++ {
		r.told("a.toml", fmt.Sprint(version), fmt.Sprint("a=", version))
	}
	close(release)
	readers.Wait()
	cancel()
	assert.Equal(t, "a=9", last, "whoever was slow has the last")
}
