package dir_test

import (
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/neurondex/neurondex/internal/watchtest"
	"github.com/neurondex/neurondex/source/dir"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestOverflow loses events: a full scan finds the changes.
func TestOverflow(t *testing.T) {
	r := newFaultRig(t)
	r.follow(dir.Dir{})
	r.system.set(func() { r.system.lost = r.Dir })
	r.Write("a.toml", watchtest.TOML("2", "a"))
	r.Write("sub/b.toml", watchtest.TOML("2", "b"))
	r.system.notifier.errs <- fmt.Errorf("queue: %w", fsnotify.ErrEventOverflow)
	r.WaitFor("a=2 b=2")
	assert.Equal(t, uint64(1), r.health().Overflows)
	assert.Zero(t, r.health().WatchErrors)

	r.system.notifier.errs <- syscall.EIO
	r.Write("a.toml", watchtest.TOML("3", "a"))
	r.system.notifier.errs <- syscall.EIO
	r.WaitFor("a=3 b=2")
	assert.Equal(t, uint64(2), r.health().WatchErrors)

	r.system.set(func() { r.system.lost = "" })
	r.writeNotified("sub/b.toml", "4", "a=3 b=4") // the new directory is watched
}

// TestWatchEnds removes watches from the notifier: verifying finds that, and a full scan
// adds them again.
func TestWatchEnds(t *testing.T) {
	r := newFaultRig(t)
	r.Write("sub/b.toml", watchtest.TOML("1", "b"))
	r.follow(dir.Dir{})
	for i, dir := range []string{r.Dir, r.Path("sub"), r.Dir} {
		require.NoError(t, r.system.notifier.Remove(dir))
		version := fmt.Sprint(2 + 2*i)
		r.Write("a.toml", watchtest.TOML(version, "a"))
		r.Write("sub/b.toml", watchtest.TOML(version, "b"))
		r.WaitFor("a=" + version + " b=" + version)
		assert.Contains(t, r.system.notifier.WatchList(), dir, "watched directories")
		version = fmt.Sprint(3 + 2*i)
		r.Write("a.toml", watchtest.TOML(version, "a"))
		r.writeNotified("sub/b.toml", version, "a="+version+" b="+version)
	}
	assert.Zero(t, r.health().Resyncs)
}

// TestResyncFindsSilentChange changes files while the notifier reports nothing.
func TestResyncFindsSilentChange(t *testing.T) {
	r := newFaultRig(t)
	r.system.set(func() { r.system.silent = true })
	// A resync finds a change long before it settles.
	r.follow(dir.Dir{Resync: 50 * time.Millisecond, Settle: 175 * time.Millisecond})
	r.Write("a.toml", watchtest.TOML("2", "a"))
	r.WaitFor("a=2")
	require.NoError(t, os.Remove(r.Path("a.toml")))
	r.WaitFor("")
	h := r.health()
	assert.NotZero(t, h.ResyncChanges)
	assert.GreaterOrEqual(t, h.Resyncs, h.ResyncChanges)
	assert.Zero(t, h.Events)
}

// TestWatchLimit exceeds the limits of the system: the directory is polled until watches
// are available again.
func TestWatchLimit(t *testing.T) {
	for name, fault := range map[string]struct {
		operation string
		err       error
	}{
		"watch: ENOSPC":    {"watch", syscall.ENOSPC},
		"watch: EMFILE":    {"watch", syscall.EMFILE},
		"notifier: EMFILE": {"notify", syscall.EMFILE},
		"notifier: ENOSPC": {"notify", syscall.ENOSPC},
	} {
		t.Run(name, func(t *testing.T) {
			r := newFaultRig(t)
			r.system.fail(fault.operation, fault.err)
			r.follow(dir.Dir{})
			assert.Equal(t, "a=1", r.Served())
			assert.False(t, r.health().Notified)
			assert.Equal(t, "poll", r.health().Mode)
			assert.NotEmpty(t, r.health().Problem)
			failed := r.health().WatchErrors
			assert.NotZero(t, failed)
			r.Write("sub/b.toml", watchtest.TOML("1", "b"))
			r.WaitFor("a=1 b=1")
			assert.False(t, r.health().Notified)
			assert.Greater(t, r.health().WatchErrors, failed, "every scan tries again")

			r.system.fail(fault.operation, nil)
			r.Write("a.toml", watchtest.TOML("2", "a"))
			r.WaitFor("a=2 b=1")
			assert.True(t, r.health().Notified)
			assert.NotEqual(t, "poll", r.health().Mode)
			failed = r.health().WatchErrors
			r.writeNotified("sub/b.toml", "3", "a=2 b=3")
			assert.Equal(t, failed, r.health().WatchErrors)

			r.system.fail("watch", syscall.ENOSPC) // a new directory exceeds the limit
			r.Write("new/c.toml", watchtest.TOML("1", "c"))
			r.WaitFor("a=2 c=1 b=3")
			r.Write("new/c.toml", watchtest.TOML("2", "c"))
			r.WaitFor("a=2 c=2 b=3")
			assert.False(t, r.health().Notified)
		})
	}
}

// TestRemoteFileSystem polls a file system that does not report changes of other machines.
func TestRemoteFileSystem(t *testing.T) {
	r := newFaultRig(t)
	r.system.set(func() { r.system.remote = true })
	r.follow(dir.Dir{})
	assert.Equal(t, "poll", r.health().Mode)
	assert.False(t, r.health().Notified)
	assert.Zero(t, r.health().WatchErrors, "polling a remote file system is not an error")
	assert.Nil(t, r.system.notifier, "notifier")
	r.Write("a.toml", watchtest.TOML("2", "a"))
	r.WaitFor("a=2")

	r.system.set(func() { r.system.remote = false }) // as if another file system were mounted
	r.Write("a.toml", watchtest.TOML("3", "a"))
	r.WaitFor("a=3")
	r.writeNotified("a.toml", "4", "a=4")
	r.system.set(func() { r.system.remote = true })
	require.NoError(t, r.Sync())
	assert.Equal(t, "poll", r.health().Mode)
	r.Write("a.toml", watchtest.TOML("5", "a"))
	r.WaitFor("a=5")
}

// TestPolling follows a directory without events.
func TestPolling(t *testing.T) {
	r := watchtest.New(t)
	r.Write("a.toml", watchtest.TOML("1", "a"))
	r.OpenDir(dir.Dir{Polling: true})
	assert.Equal(t, "poll", r.W.Status().Source.Mode)
	r.Write("a.toml", watchtest.TOML("2", "a"))
	r.Write("sub/b.toml", watchtest.TOML("1", "b"))
	r.WaitFor("a=2 b=1")
	require.NoError(t, os.Remove(r.Path("a.toml")))
	r.WaitFor("b=1")
	assert.Zero(t, r.W.Status().Source.Events)
}
