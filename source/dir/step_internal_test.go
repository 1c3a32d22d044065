//go:build unix

package dir

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

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
	d.pending.settle, d.pending.maxDelay = time.Hour, 0
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

// hookedFiles calls a function before it opens a file.
type hookedFiles struct {
	fileSystem
	before func(name string)
}

func (f hookedFiles) Open(name string) (fs.File, error) {
	f.before(name)
	return f.fileSystem.Open(name)
}

// whileReading calls change when a file is read next.
func whileReading(d *Dir, name string, change func()) {
	d.system.open = func(path string, confined bool) (fileSystem, error) {
		files, err := openDisk(path, confined)
		return hookedFiles{files, func(opened string) {
			if opened == name && change != nil {
				change()
				change = nil
			}
		}}, err
	}
}

// TestDirectoryChangesDuringPoll replaces a directory while a file of it is read. Nothing is
// delivered, and everything is scanned again at once.
func TestDirectoryChangesDuringPoll(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(root, "sub"), 0o755))
	d := newDelivered(t, root)
	d.pending.settle = 0
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
