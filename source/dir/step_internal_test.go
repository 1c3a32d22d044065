//go:build unix

package dir

import (
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/neurondex/neurondex/source"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pollNotified polls after the events of everything so far have come.
func pollNotified(t *testing.T, d *Dir) source.Batch {
	t.Helper()
	require.True(t, d.watches.pass(t.Context()))
	b, err := d.Poll(t.Context(), source.PollNotified)
	require.NoError(t, err)
	return b
}

// TestPollSchedulesWaiting checks since when files wait after a poll, and when they are examined
// next. Those that remain after a delivery may delay others as long as the first ones did.
func TestPollSchedulesWaiting(t *testing.T) {
	d := newDelivered(t, t.TempDir())
	d.pending.settle, d.pending.maxDelay, d.pending.examine = time.Hour, 0, time.Time{}
	start := time.Now()
	write(t, d, "b.toml")
	require.Empty(t, pollNotified(t, d).Changed)
	first := d.pending.since
	assert.False(t, first.Before(start))
	assert.True(t, d.pending.next().at.After(start), "b.toml is not examined all the time")

	require.NoError(t, os.Rename(filepath.Join(d.Path, "a.toml"), filepath.Join(d.Path, "c.toml")))
	b := pollNotified(t, d)
	require.Len(t, b.Changed, 1)
	require.Equal(t, []string{"a.toml"}, b.Removed)
	second := d.pending.since
	assert.True(t, second.After(first))

	write(t, d, "b.toml")
	require.Empty(t, pollNotified(t, d).Changed)
	assert.Equal(t, second, d.pending.since, "nothing was delivered")

	require.NoError(t, os.Remove(filepath.Join(d.Path, "b.toml")))
	pollNotified(t, d)
	assert.Zero(t, d.pending.since, "nothing waits")
}

// hookedFiles calls a function before it opens a file or lists a directory.
type hookedFiles struct {
	fileSystem
	before func(name string) error
}

func (f hookedFiles) Open(name string) (fs.File, error) {
	if err := f.before(name); err != nil {
		return nil, err
	}
	return f.fileSystem.Open(name)
}

func (f hookedFiles) ReadDir(name string) ([]fs.DirEntry, error) {
	if err := f.before(name); err != nil {
		return nil, err
	}
	return f.fileSystem.ReadDir(name)
}

// hook makes d call before.
func hook(d *Dir, before func(name string) error) {
	d.system.open = func(path string, confined bool) (fileSystem, error) {
		files, err := openDisk(path, confined)
		return hookedFiles{files, before}, err
	}
}

// whileReading calls change when a file is read next.
func whileReading(d *Dir, name string, change func()) {
	hook(d, func(opened string) error {
		if opened == name && change != nil {
			change()
			change = nil
		}
		return nil
	})
}

// TestDirectoryChangesDuringPoll replaces a directory while a file of it is read. Nothing is
// delivered, and everything is scanned again at once.
func TestDirectoryChangesDuringPoll(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(root, "sub"), 0o755))
	d := newDelivered(t, root)
	d.pending.settle, d.pending.examine = 0, time.Time{}
	whileReading(d, "sub/b.toml", func() {
		require.NoError(t, os.Rename(filepath.Join(root, "sub"), filepath.Join(root, "old")))
		require.NoError(t, os.Mkdir(filepath.Join(root, "sub"), 0o755))
		write(t, d, "sub/b.toml")
	})
	start := time.Now()
	write(t, d, "sub/b.toml")
	require.Empty(t, pollNotified(t, d).Changed)
	assert.Equal(t, causeInterrupted, d.pending.fullScan.why)
	assert.True(t, d.pending.fullScan.at.Before(start.Add(time.Minute)))
	assert.True(t, d.pending.examine.After(start))
}

// TestNothingIsDeliveredDuringPoll changes the only file that was to be delivered while it is read.
func TestNothingIsDeliveredDuringPoll(t *testing.T) {
	d := newDelivered(t, t.TempDir())
	d.pending.settle = 0
	write(t, d, "b.toml")
	whileReading(d, "b.toml", func() {
		require.NoError(t, os.WriteFile(filepath.Join(d.Path, "b.toml"), []byte("more"), 0o644))
	})
	require.Empty(t, pollNotified(t, d).Changed)
	first := d.pending.since
	whileReading(d, "b.toml", func() {
		require.NoError(t, os.WriteFile(filepath.Join(d.Path, "b.toml"), []byte("yet more"), 0o644))
	})
	require.Empty(t, pollNotified(t, d).Changed)
	assert.Equal(t, first, d.pending.since)
}

// TestCoverageEndsDuringPoll mounts a directory of another machine while a file is read: events
// do not cover the tree any more.
func TestCoverageEndsDuringPoll(t *testing.T) {
	d := newDelivered(t, t.TempDir())
	d.pending.settle = 0
	write(t, d, "b.toml")
	whileReading(d, "b.toml", func() { d.watches.system.remote = func(string) bool { return true } })
	h := resync(t, d)
	assert.False(t, h.Notified)
	assert.Equal(t, causePolling, d.pending.fullScan.why)
}

// TestPollWithoutChangesScansOnce polls a directory without events.
func TestPollWithoutChangesScansOnce(t *testing.T) {
	d := &Dir{Path: t.TempDir(), Polling: true}
	scans := 0
	d.system = realSystem
	d.system.mounts = func() mounts { scans++; return readMounts() }
	for want := range 3 {
		assert.Equal(t, want, scans)
		_, err := d.Poll(t.Context(), source.PollAll)
		require.NoError(t, err)
	}
}

// TestDirectoriesOfFullScan checks which directory a name has after a full scan: one that is gone
// has none, and one that cannot be listed is the one that was found.
func TestDirectoriesOfFullScan(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"sub", "gone"} {
		require.NoError(t, os.Mkdir(filepath.Join(root, name), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(root, name, "b.toml"), nil, 0o644))
	}
	d := &Dir{Path: root}
	defer d.Close()
	_, err := d.Poll(t.Context(), source.PollReread)
	require.NoError(t, err)
	first := d.dirs["sub"]
	require.NotZero(t, first)
	require.Contains(t, d.dirs, "gone")

	for _, name := range []string{"sub", "gone"} {
		require.NoError(t, os.Rename(filepath.Join(root, name), filepath.Join(root, "."+name)))
	}
	require.NoError(t, os.Mkdir(filepath.Join(root, "sub"), 0o755))
	hook(d, func(name string) error {
		if name == "sub" {
			return &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
		}
		return nil
	})
	_, err = d.Poll(t.Context(), source.PollReread)
	require.NoError(t, err)
	assert.NotContains(t, d.dirs, "gone")
	require.Contains(t, d.dirs, "sub")
	assert.NotEqual(t, first.id, d.dirs["sub"].id)
}

// TestRemoteClockIsNotTrusted checks that a file that seems old is delivered at once, unless its time is that
// of another machine.
func TestRemoteClockIsNotTrusted(t *testing.T) {
	for _, remote := range []bool{false, true} {
		d := &Dir{Path: t.TempDir(), Settle: time.Hour, MaxDelay: time.Hour}
		d.system = realSystem
		d.system.remote = func(string) bool { return remote }
		write(t, d, "a.toml")
		old := time.Now().Add(-2 * time.Hour)
		require.NoError(t, os.Chtimes(filepath.Join(d.Path, "a.toml"), old, old))
		b, err := d.Poll(t.Context(), source.PollAll)
		require.NoError(t, err)
		assert.Equal(t, remote, len(b.Changed) == 0)
		require.NoError(t, d.Close())
	}
}

// TestNoWorkingDirectory polls a relative path in a working directory that is gone, and again once
// there is one.
func TestNoWorkingDirectory(t *testing.T) {
	base := t.TempDir()
	gone := filepath.Join(base, "gone")
	require.NoError(t, os.Mkdir(gone, 0o755))
	t.Chdir(gone)
	require.NoError(t, os.Remove(gone))
	d := &Dir{Path: "."}
	defer d.Close()
	_, err := d.Poll(t.Context(), source.PollAll)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, os.Chdir(base)) //nolint:usetesting // t.Chdir would come back to here
	t.Setenv("PWD", base)
	_, err = d.Poll(t.Context(), source.PollAll)
	require.NoError(t, err)
	assert.True(t, filepath.IsAbs(d.root))
}

// A lateNotifier holds events back until that of a barrier comes.
type lateNotifier struct {
	notifier
	events chan fsnotify.Event
	holds  atomic.Bool
	until  string // the directory of the barrier; set before holds
}

func (n *lateNotifier) Events() <-chan fsnotify.Event { return n.events }

func (n *lateNotifier) forward() {
	defer close(n.events)
	var held []fsnotify.Event
	for e := range n.notifier.Events() {
		held = append(held, e)
		if n.holds.Load() && filepath.Dir(e.Name) != n.until {
			continue
		}
		for _, e := range held {
			n.events <- e
		}
		held = nil
	}
}

// TestLateEventIsAnnounced has an event that is under way when a resync finds its file. The resync
// waits for it: events are to be relied on.
func TestLateEventIsAnnounced(t *testing.T) {
	inner, err := newNotifier()
	require.NoError(t, err)
	n := &lateNotifier{notifier: inner, events: make(chan fsnotify.Event)}
	go n.forward()
	d := &Dir{Path: t.TempDir(), Settle: time.Nanosecond}
	defer d.Close()
	d.system = realSystem
	d.system.notify = func() (notifier, error) { return n, nil }
	_, err = d.Poll(t.Context(), source.PollAll)
	require.NoError(t, err)
	require.True(t, d.watches.pass(t.Context()))
	n.until = d.watches.barrier.dir
	n.holds.Store(true)
	write(t, d, "a.toml")
	d.pending.verify = time.Now().Add(time.Hour)
	h := resync(t, d)
	assert.Zero(t, h.ResyncChanges)
	assert.False(t, d.watches.isSilent)
}
