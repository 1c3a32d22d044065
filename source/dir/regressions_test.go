package dir_test

import (
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/neurondex/neurondex/internal/watchtest"
	"github.com/neurondex/neurondex/source/dir"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestChangeDuringResync changes a file while a resync scans: its event comes later, and is
// not missing.
func TestChangeDuringResync(t *testing.T) {
	r := newFaultRig(t)
	next := r.Dir + ".next"
	require.NoError(t, os.WriteFile(next, []byte(watchtest.TOML("2", "a")), 0o644))
	r.follow(dir.Dir{Resync: 300 * time.Millisecond})
	r.system.set(func() { r.system.before["list ."] = func() { _ = os.Rename(next, r.Path("a.toml")) } })
	r.WaitFor("a=2")
	require.Eventually(t, func() bool { return r.health().Resyncs > 0 }, 10*time.Second, time.Millisecond)
	assert.Zero(t, r.health().ResyncChanges)
	const syncs = 20
	resyncs, before := int(r.health().Resyncs), r.scans()
	for range syncs {
		require.NoError(t, r.Sync())
	}
	scans := r.scans() - before
	assert.Less(t, scans, syncs/2+int(r.health().Resyncs)-resyncs, "Sync relies on events")
}

// assertQuiet asserts that verifying does not cause full scans of a directory that does not
// change. One is allowed: the events of a busy machine may be late.
func (r *faultRig) assertQuiet() {
	r.Helper()
	_ = r.Sync()
	_ = r.Sync() // all events so far have come
	before := r.scans()
	time.Sleep(5 * verifyInterval / 2)
	_ = r.Sync()
	assert.Less(r, r.scans(), before+2, "full scans of a directory that did not change")
}

const verifyInterval = time.Second

// TestLinkBeforeItsDirectory adds a link whose name sorts before the directory that it leads
// to. The directory stays watched.
func TestLinkBeforeItsDirectory(t *testing.T) {
	r := newFaultRig(t)
	r.Write("sub/b.toml", watchtest.TOML("1", "b"))
	r.follow(dir.Dir{})
	require.NoError(t, os.Symlink("sub", r.Path("link")))
	r.assertQuiet()
	r.writeNotified("sub/b.toml", "2", "a=1 b=2")
}

// TestLinkToParent adds a link to the directory above the root, which is watched as well.
func TestLinkToParent(t *testing.T) {
	r := newFaultRig(t)
	r.follow(dir.Dir{})
	require.NoError(t, os.Symlink("..", r.Path("up")))
	r.assertQuiet()
}

// TestDanglingLinkToDirectory creates the directory that a link leads to: no event reports
// that.
func TestDanglingLinkToDirectory(t *testing.T) {
	r := newFaultRig(t)
	outside := filepath.Join(t.TempDir(), "later")
	require.NoError(t, os.Symlink(outside, r.Path("link")))
	r.follow(dir.Dir{})
	require.NoError(t, os.Mkdir(outside, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(outside, "b.toml"), []byte(watchtest.TOML("1", "b")), 0o644))
	require.NoError(t, r.Sync())
	assert.Equal(t, "a=1 b=1", r.Served())
}

// TestOverflowEndsBarrier loses the event of a barrier with others: the notifier still
// works, and is kept.
func TestOverflowEndsBarrier(t *testing.T) {
	r := newFaultRig(t)
	r.follow(dir.Dir{})
	require.NoError(t, r.Sync())
	r.system.set(func() { r.system.silent = true })
	r.Write("a.toml", watchtest.TOML("2", "a"))
	synced, stopped := make(chan struct{}), make(chan struct{})
	go func() { // again and again, since one may come before the barrier
		defer close(stopped)
		for tick := time.NewTicker(10 * time.Millisecond); ; {
			select {
			case <-tick.C:
				r.system.notifier.errs <- fsnotify.ErrEventOverflow
			case <-synced:
				tick.Stop()
				return
			}
		}
	}()
	require.NoError(t, r.Sync())
	close(synced)
	<-stopped
	assert.Equal(t, "a=2", r.Served())
	assert.Zero(t, r.health().WatchErrors, "the barrier was not missed")
}

// TestBarrierNeverPasses has a system that reports nothing from the start. The notifier is
// not replaced again and again.
func TestBarrierNeverPasses(t *testing.T) {
	r := newFaultRig(t)
	r.system.set(func() { r.system.silent = true })
	r.follow(dir.Dir{})
	time.Sleep(6 * time.Second)
	r.system.set(func() { assert.LessOrEqual(t, r.system.calls["notify"], 2, "notifiers") })
	r.Write("a.toml", watchtest.TOML("2", "a"))
	require.NoError(t, r.Sync())
	assert.Equal(t, "a=2", r.Served())
	fastest := never
	for range 5 {
		start := time.Now()
		require.NoError(t, r.Sync())
		fastest = min(fastest, time.Since(start))
	}
	assert.Less(t, fastest, 800*time.Millisecond, "no barrier is waited for")
}

// TestNotifierEnds ends the notifier, right after an error that causes a full scan: another
// one takes its place.
func TestNotifierEnds(t *testing.T) {
	r := newFaultRig(t)
	r.follow(dir.Dir{})
	n := r.system.notifier
	n.errs <- syscall.EIO
	require.NoError(t, n.Close())
	time.Sleep(2500 * time.Millisecond)
	require.Eventually(t, func() bool { return r.health().Notified }, 20*time.Second, time.Millisecond)
	r.writeNotified("a.toml", "2", "a=2")
}

// TestWaitAfterFailedStart has settings that are invalid: polling does not spin.
func TestWaitAfterFailedStart(t *testing.T) {
	d := &dir.Dir{Path: t.TempDir(), Exclude: []string{"["}}
	_, err := d.Poll(t.Context(), 0)
	require.Error(t, err)
	start := time.Now()
	require.NoError(t, d.Wait(t.Context()))
	assert.Greater(t, time.Since(start), 100*time.Millisecond)
}

// TestFileOfUnknownSize has a file whose size is not that of its content: it is tried again
// with pauses.
func TestFileOfUnknownSize(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc")
	}
	r := newFaultRig(t)
	require.NoError(t, os.Symlink("/proc/version", r.Path("b.toml")))
	r.follow(dir.Dir{})
	count := func() (n int) {
		r.system.set(func() { n = r.system.calls["open b.toml"] })
		return n
	}
	before, start := count(), time.Now()
	time.Sleep(time.Second)
	assert.Less(t, count()-before, 10+int(time.Since(start)/(25*time.Millisecond)))
}

// TestUnlistedDirectoryIsQuiet has a directory of another user, like lost+found: the tree is
// not scanned every second for it, and Sync does not wait for it.
func TestUnlistedDirectoryIsQuiet(t *testing.T) {
	for _, denied := range []string{"list lost+found", "list sub"} {
		t.Run(denied, func(t *testing.T) {
			r := newFaultRig(t)
			r.Write("sub/b.toml", watchtest.TOML("1", "b"))
			require.NoError(t, os.MkdirAll(r.Path("lost+found"), 0o755))
			r.follow(dir.Dir{})
			r.system.fail(denied, syscall.EACCES)
			r.notifyOfListing(denied)
			r.assertQuiet()
			r.writeNotified("a.toml", "2", "a=2 b=1")
			r.system.fail(denied, nil)
			require.NoError(t, r.Sync())
			r.writeNotified("sub/b.toml", "2", "a=2 b=2")
		})
	}
}

// TestDirectoryOfAnotherUser has a directory that can be neither watched nor listed. Events
// cover the rest, and report when it can be.
func TestDirectoryOfAnotherUser(t *testing.T) {
	if os.Getuid() == 0 { // which may list everything
		runAsNobody(t)
		return
	}
	r := newFaultRig(t)
	r.Write("sub/b.toml", watchtest.TOML("1", "b"))
	require.NoError(t, os.Chmod(r.Path("sub"), 0))
	t.Cleanup(func() { _ = os.Chmod(r.Path("sub"), 0o755) })
	r.follow(dir.Dir{})
	assert.Empty(t, r.health().Problem)
	r.writeNotified("a.toml", "2", "a=2")
	require.NoError(t, os.Chmod(r.Path("sub"), 0o755))
	r.WaitFor("a=2 b=1")
	r.writeNotified("sub/b.toml", "2", "a=2 b=2")
}
