package dir_test

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
	"github.com/neurondex/neurondex/internal/watchtest"
	"github.com/neurondex/neurondex/source/dir"
	"github.com/neurondex/neurondex/watcher"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// newFaultRig returns a rig with a document in place.
func newFaultRig(t *testing.T) *faultRig {
	t.Helper()
	t.Parallel()
	r := &faultRig{watchtest.New(t), &machine{fails: make(map[string]error), before: make(map[string]func()), count: make(map[string]int)}}
	r.Write("a.toml", watchtest.TOML("1", "a"))
	return r
}

// told makes sure that a change is noticed with nothing but a notice: the clock does not
// look at files.
func (r *faultRig) told(name, version, want string) {
	r.Helper()
	require.True(r, r.health().Notified)
	r.Write(name, watchtest.TOML(version, strings.TrimSuffix(filepath.Base(name), ".toml")))
	r.WaitFor(want)
}

func TestOverflow(t *testing.T) {
	r := newFaultRig(t)
	r.follow(dir.Dir{})
	r.set(func() { r.deaf = true })
	r.Write("a.toml", watchtest.TOML("2", "a"))
	r.Write("sub/b.toml", watchtest.TOML("2", "b"))
	r.notifier.errors <- fmt.Errorf("the queue: %w", fsnotify.ErrEventOverflow)
	r.WaitFor("a=2 b=2")
	assert.Equal(t, uint64(1), r.health().Overflows)
	assert.Zero(t, r.health().WatchErrors)

	r.notifier.errors <- syscall.EIO
	r.Write("a.toml", watchtest.TOML("3", "a"))
	r.notifier.errors <- syscall.EIO
	r.WaitFor("a=3 b=2")
	assert.Equal(t, uint64(2), r.health().WatchErrors)

	r.set(func() { r.deaf = false })
	r.told("sub/b.toml", "4", "a=3 b=4") // the directory that came meanwhile is watched
}

func TestDeadWatch(t *testing.T) {
	r := newFaultRig(t)
	r.Write("sub/b.toml", watchtest.TOML("1", "b"))
	r.follow(dir.Dir{})
	for i, dir := range []string{r.Dir, r.Path("sub"), r.Dir} {
		require.NoError(t, r.notifier.Remove(dir))
		version := fmt.Sprint(2 + 2*i)
		r.Write("a.toml", watchtest.TOML(version, "a"))
		r.Write("sub/b.toml", watchtest.TOML(version, "b"))
		r.WaitFor("a=" + version + " b=" + version)
		assert.Contains(t, r.notifier.WatchList(), dir, "it is watched again")
		version = fmt.Sprint(3 + 2*i)
		r.Write("a.toml", watchtest.TOML(version, "a"))
		r.told("sub/b.toml", version, "a="+version+" b="+version)
	}
	assert.Zero(t, r.health().Resyncs)
}

// TestSilence: a watch that seems to live, and tells nothing.
func TestSilence(t *testing.T) {
	r := newFaultRig(t)
	r.set(func() { r.deaf = true })
	r.follow(dir.Dir{Resync: 50 * time.Millisecond, Settle: 175 * time.Millisecond}) // found long before it is read
	r.Write("a.toml", watchtest.TOML("2", "a"))
	r.WaitFor("a=2")
	require.NoError(t, os.Remove(r.Path("a.toml")))
	r.WaitFor("")
	h := r.health()
	assert.NotZero(t, h.ResyncChanges)
	assert.GreaterOrEqual(t, h.Resyncs, h.ResyncChanges)
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
			r.follow(dir.Dir{})
			assert.Equal(t, "a=1", r.Served())
			assert.False(t, r.health().Notified)
			failed := r.health().WatchErrors
			assert.NotZero(t, failed)
			r.Write("sub/b.toml", watchtest.TOML("1", "b"))
			r.WaitFor("a=1 b=1")
			assert.False(t, r.health().Notified)
			assert.Greater(t, r.health().WatchErrors, failed, "it goes on trying")

			r.fail(fault.operation, nil)
			r.Write("a.toml", watchtest.TOML("2", "a"))
			r.WaitFor("a=2 b=1")
			assert.True(t, r.health().Notified)
			assert.NotEqual(t, "poll", r.health().Mode)
			failed = r.health().WatchErrors
			r.told("sub/b.toml", "3", "a=2 b=3")
			assert.Equal(t, failed, r.health().WatchErrors)

			r.fail("watch", syscall.ENOSPC) // the limit is met later, by a new directory
			r.Write("new/c.toml", watchtest.TOML("1", "c"))
			r.WaitFor("a=2 c=1 b=3")
			r.Write("new/c.toml", watchtest.TOML("2", "c"))
			r.WaitFor("a=2 c=2 b=3")
			assert.False(t, r.health().Notified)
		})
	}
}

func TestRemote(t *testing.T) {
	r := newFaultRig(t)
	r.set(func() { r.remote = true })
	r.follow(dir.Dir{})
	assert.Equal(t, "poll", r.health().Mode)
	assert.False(t, r.health().Notified)
	assert.Zero(t, r.health().WatchErrors, "that is no fault")
	assert.Nil(t, r.notifier, "nothing is watched")
	r.Write("a.toml", watchtest.TOML("2", "a"))
	r.WaitFor("a=2")

	r.set(func() { r.remote = false }) // as if it were another mount
	r.Write("a.toml", watchtest.TOML("3", "a"))
	r.WaitFor("a=3")
	r.told("a.toml", "4", "a=4")
	r.set(func() { r.remote = true })
	require.NoError(t, r.Sync())
	assert.Equal(t, "poll", r.health().Mode)
	r.Write("a.toml", watchtest.TOML("5", "a"))
	r.WaitFor("a=5")
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
			r.Write("sub/b.toml", watchtest.TOML("1", "b", "bb"))
			r.follow(dir.Dir{})
			r.fail(fault.operation, fault.err)
			r.Write("sub/b.toml", watchtest.TOML("2", "b"))
			err := r.Sync()
			require.ErrorIs(t, err, watcher.ErrStale)
			assert.ErrorContains(t, err, fault.document+": error: cannot be read: "+fault.err.Error())
			assert.Equal(t, "a=1 b=1 bb=1", r.Served())
			status := r.document(fault.document)
			assert.Equal(t, watcher.StateStale, status.State)
			require.Len(t, status.Diagnostics, 1)
			assert.Equal(t, config.RuleUnreadable, status.Diagnostics[0].Rule)
			assert.NotErrorIs(t, r.W.CheckHealth(), watcher.ErrSource)
			assert.ErrorIs(t, r.W.CheckHealth(), watcher.ErrStale)

			r.Write("a.toml", watchtest.TOML("2", "a"))
			r.WaitFor("a=2 b=1 bb=1")
			r.Write("a.toml", watchtest.TOML("3", "a"))
			require.ErrorIs(t, r.Sync(), watcher.ErrStale)
			assert.Equal(t, "a=3 b=1 bb=1", r.Served())

			r.fail(fault.operation, nil)
			r.WaitFor("a=3 b=2")
			require.NoError(t, r.Sync())
			for _, d := range r.W.Status().Documents {
				assert.Equal(t, watcher.StateOK, d.State, "%s", d.Name)
			}
		})
	}
}

// TestUnreadableRests: what waits to be looked at again has nobody look without a pause
// where it cannot be.
func TestUnreadableRests(t *testing.T) {
	r := newFaultRig(t)
	r.Write("sub/b.toml", watchtest.TOML("1", "b"))
	r.follow(dir.Dir{})
	r.Write("b.new", watchtest.TOML("2", "b"))
	soon := time.Now().Add(200 * time.Millisecond) // so it is to be read again a little later than that
	require.NoError(t, os.Chtimes(r.Path("b.new"), soon, soon))
	require.NoError(t, os.Rename(r.Path("b.new"), r.Path("sub/b.toml")))
	r.WaitFor("a=1 b=2")
	r.fail("stat sub", syscall.EACCES)
	require.ErrorIs(t, r.Sync(), watcher.ErrStale)
	looks := 0
	r.set(func() { looks = r.count["stat ."] })
	<-time.After(700 * time.Millisecond)
	r.set(func() { looks = r.count["stat ."] - looks })
	assert.Less(t, looks, 50)
	r.fail("stat sub", nil)
	require.NoError(t, r.Sync())
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
			r.follow(dir.Dir{})
			r.fail(fault.operation, fault.err)
			r.Write("a.toml", watchtest.TOML("2", "a"))
			require.ErrorIs(t, r.Sync(), fault.err)
			assert.Equal(t, "a=1", r.Served())
			assert.ErrorIs(t, r.W.CheckHealth(), fault.err)
			assert.False(t, r.health().Notified)
			r.fail(fault.operation, nil)
			r.WaitFor("a=2")
			require.NoError(t, r.Sync())
			assert.NoError(t, r.W.CheckHealth())
			r.told("a.toml", "3", "a=3")
		})
	}
}

// TestNeverTorn changes a file in the middle of its being read.
func TestNeverTorn(t *testing.T) {
	second, third := watchtest.TOML("2", "x", "y"), watchtest.TOML("3", "y", "z") // of the same size
	require.Len(t, third, len(second))
	for name, tt := range map[string]struct {
		change func(t *testing.T, path string)
		want   string
	}{
		"shrinks": {func(t *testing.T, path string) {
			require.NoError(t, os.Truncate(path, int64(len(watchtest.TOML("2", "x")))))
		}, "x=2"},
		"grows": {func(t *testing.T, path string) {
			f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			require.NoError(t, err)
			_, err = f.WriteString(watchtest.TOML("2", "z"))
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
				r.follow(dir.Dir{Confined: confined})
				states := make(chan map[string]bool)
				ctx, cancel := context.WithCancel(t.Context())
				go func() {
					saw := make(map[string]bool)
					for range r.W.Updates(ctx) {
						saw[r.Served()] = true
					}
					states <- saw
				}()
				r.set(func() { r.before["read a.toml"] = func() { tt.change(t, r.Path("a.toml")) } })
				r.Write("a.toml", second)
				r.WaitFor(tt.want)
				require.NoError(t, r.Sync())
				cancel()
				saw := <-states
				delete(saw, "a=1")
				delete(saw, tt.want)
				assert.Empty(t, saw, "states that were seen between the first and the last")
				assert.NotContains(t, r.before, "read a.toml", "it was changed while it was read")
				assert.NotContains(t, r.LogText.String(), "cannot be read", "that is no fault of the file")
			})
		}
	}
}

// TestVanishesBeforeItIsOpened: what was seen may be gone, or not, when it is to be read.
func TestVanishesBeforeItIsOpened(t *testing.T) {
	r := newFaultRig(t)
	r.follow(dir.Dir{})
	r.set(func() {
		r.before["open b.toml"] = func() { assert.NoError(t, os.Remove(r.Path("b.toml"))) }
	})
	r.Write("b.toml", watchtest.TOML("1", "b"))
	require.NoError(t, r.Sync())
	assert.Equal(t, "a=1", r.Served())
	assert.Len(t, r.W.Status().Documents, 1)
	r.told("b.toml", "2", "a=1 b=2")
}

// TestDirectoryLinkDangles: a link to a directory that leads nowhere for a while.
func TestDirectoryLinkDangles(t *testing.T) {
	r := newFaultRig(t)
	target := filepath.Join(filepath.Dir(r.Dir), "target")
	require.NoError(t, os.Mkdir(target, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(target, "b.toml"), []byte(watchtest.TOML("1", "b")), 0o644))
	require.NoError(t, os.Symlink(target, r.Path("link")))
	r.follow(dir.Dir{})
	assert.Equal(t, "a=1 b=1", r.Served())
	require.NoError(t, os.Rename(target, target+".away"))
	require.ErrorIs(t, r.Sync(), watcher.ErrStale)
	assert.Equal(t, "a=1 b=1", r.Served())
	assert.Equal(t, watcher.StateStale, r.document("link").State)
	r.Write("a.toml", watchtest.TOML("2", "a"))
	r.WaitFor("a=2 b=1")
	require.NoError(t, os.WriteFile(filepath.Join(target+".away", "b.toml"), []byte(watchtest.TOML("2", "b")), 0o644))
	require.NoError(t, os.Rename(target+".away", target))
	r.WaitFor("a=2 b=2")
	require.NoError(t, r.Sync())
	require.NoError(t, os.Rename(target, target+".away"))
	require.ErrorIs(t, r.Sync(), watcher.ErrStale)
	require.NoError(t, os.Remove(r.Path("link")))
	r.WaitFor("a=2")
	require.NoError(t, r.Sync())
}

// TestRootVanishes: whatever is not there keeps what it held.
func TestRootVanishes(t *testing.T) {
	for _, confined := range []bool{false, true} {
		t.Run(fmt.Sprint("confined ", confined), func(t *testing.T) {
			r := newFaultRig(t)
			r.follow(dir.Dir{Confined: confined})
			for version := range 3 {
				require.NoError(t, os.RemoveAll(r.Dir))
				require.ErrorIs(t, r.Sync(), fs.ErrNotExist)
				require.ErrorIs(t, r.W.CheckHealth(), fs.ErrNotExist)
				assert.False(t, r.health().Notified)
				assert.NotEmpty(t, r.Served())
				r.Write("a.toml", watchtest.TOML(fmt.Sprint("back", version), "a"))
				r.WaitFor(fmt.Sprint("a=back", version))
				require.NoError(t, r.Sync())
				require.NoError(t, r.W.CheckHealth())
				r.told("a.toml", fmt.Sprint("told", version), fmt.Sprint("a=told", version))
			}
			require.NoError(t, os.RemoveAll(r.Dir))
			require.NoError(t, os.WriteFile(r.Dir, []byte("a file in its place"), 0o644))
			require.ErrorContains(t, r.Sync(), "not a directory")
			require.NoError(t, os.Remove(r.Dir))
			require.NoError(t, os.Mkdir(r.Dir, 0o755))
			r.WaitFor("") // an empty directory on the same file system is meant
		})
	}
}

// TestDirectoryRenamed: a watch follows a directory, not its path.
func TestDirectoryRenamed(t *testing.T) {
	r := newFaultRig(t)
	r.Write("sub/deep/b.toml", watchtest.TOML("1", "b"))
	r.follow(dir.Dir{})
	require.NoError(t, os.Rename(r.Path("sub"), r.Path("moved")))
	require.NoError(t, r.Sync())
	assert.Equal(t, "a=1 b=1", r.Served())
	for _, d := range r.W.Status().Documents {
		assert.NotContains(t, d.Name, "sub/")
	}
	r.told("moved/deep/b.toml", "2", "a=1 b=2")
	r.told("sub/deep/c.toml", "1", "a=1 b=2 c=1") // another one where it was
	r.told("moved/deep/b.toml", "3", "a=1 b=3 c=1")
	r.told("sub/deep/c.toml", "2", "a=1 b=3 c=2")
	require.NoError(t, os.Rename(r.Path("sub"), r.Path("over")))
	require.NoError(t, os.Rename(r.Path("moved"), r.Path("sub")))
	r.WaitFor("a=1 c=2 b=3")
	r.told("sub/deep/b.toml", "4", "a=1 c=2 b=4")
	r.told("over/deep/c.toml", "3", "a=1 c=3 b=4")
	require.NoError(t, os.Rename(r.Path("sub"), filepath.Join(filepath.Dir(r.Dir), "outside")))
	r.WaitFor("a=1 c=3")
	require.NoError(t, r.Sync())
}

// TestDirectoryComesAnew is of directories that are removed and made again.
func TestDirectoryComesAnew(t *testing.T) {
	r := newFaultRig(t)
	r.follow(dir.Dir{})
	for i := range 4 {
		r.told("sub/b.toml", fmt.Sprint(2*i), fmt.Sprint("a=1 b=", 2*i))
		require.NoError(t, os.RemoveAll(r.Path("sub")))
		r.told("sub/b.toml", fmt.Sprint(2*i+1), fmt.Sprint("a=1 b=", 2*i+1))
	}
}

// TestReadersHoldUpNothing: a subscriber that is slow, or panics.
func TestReadersHoldUpNothing(t *testing.T) {
	r := newFaultRig(t)
	r.follow(dir.Dir{})
	ctx, cancel := context.WithCancel(t.Context())
	release := make(chan struct{})
	var readers sync.WaitGroup
	slow, last := make(chan struct{}), ""
	readers.Go(func() {
		for range r.W.Updates(ctx) {
			select {
			case <-slow:
			default:
				close(slow)
			}
			<-release
			if last = r.Served(); last == "a=9" {
				return
			}
		}
	})
	panicked := make(chan any, 1)
	readers.Go(func() {
		defer func() { panicked <- recover() }()
		for range r.W.Updates(ctx) {
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
