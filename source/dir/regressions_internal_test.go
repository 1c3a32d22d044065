//go:build unix

package dir

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/neurondex/neurondex/source"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// newDelivered returns a directory with a file that is delivered, read through events.
func newDelivered(t *testing.T, path string) *Dir {
	t.Helper()
	d := &Dir{Path: path}
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	write(t, d, "a.toml")
	require.Eventually(t, func() bool {
		_, err := d.Poll(t.Context(), source.PollAll)
		require.NoError(t, err)
		return len(d.pending.delivered) == 1
	}, 10*time.Second, time.Millisecond)
	return d
}

func write(t *testing.T, d *Dir, name string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(d.Path, name), nil, 0o644))
}

// resync polls when a resync is due.
func resync(t *testing.T, d *Dir) source.Health {
	t.Helper()
	d.pending.fullScan.at = time.Now()
	b, err := d.Poll(t.Context(), source.PollNotified)
	require.NoError(t, err)
	assert.Equal(t, uint64(1), b.Health.Resyncs)
	return b.Health
}

// TestUnannouncedChange loses the events of a change. The resync that finds it is counted, and
// events are not relied on any more.
func TestUnannouncedChange(t *testing.T) {
	d := newDelivered(t, t.TempDir())
	write(t, d, "b.toml")
	require.True(t, d.watches.pass(t.Context()))
	d.watches.drain()
	assert.Equal(t, uint64(1), resync(t, d).ResyncChanges)
	assert.True(t, d.watches.isSilent)
	assert.False(t, d.watches.pass(t.Context()))
	d.countUnannounced(t.Context(), nil)
	assert.True(t, d.watches.isSilent, "what needs no event does not prove that others come")
}

// TestFailedPollDropsWatches checks that nothing of a root that is gone stays watched: what comes
// back under its name is another directory.
func TestFailedPollDropsWatches(t *testing.T) {
	d := newDelivered(t, t.TempDir())
	require.Contains(t, d.watches.watched, d.root)
	require.NoError(t, os.Rename(d.Path, d.Path+".gone"))
	_, err := d.Poll(t.Context(), source.PollAll)
	require.ErrorIs(t, err, os.ErrNotExist)
	assert.NotContains(t, d.watches.watched, d.root)
}

// TestIgnoredWaitsForVerification checks that a file that an event reports is examined when the
// directories are verified, and not before: most of them are temporary.
func TestIgnoredWaitsForVerification(t *testing.T) {
	d := newDelivered(t, t.TempDir())
	write(t, d, "b.toml~")
	require.True(t, d.watches.pass(t.Context()))
	for _, due := range []bool{false, true} {
		d.pending.verify = time.Now().Add(time.Hour)
		if due {
			d.pending.verify = time.Now()
		}
		b, err := d.Poll(t.Context(), source.PollNotified)
		require.NoError(t, err)
		assert.Equal(t, due, len(b.Health.Ignored) == 1)
	}
}

// TestAnnouncedChange changes a file whose event comes before a resync scans the directory.
func TestAnnouncedChange(t *testing.T) {
	d := newDelivered(t, t.TempDir())
	write(t, d, "b.toml")
	require.True(t, d.watches.pass(t.Context()))
	assert.Zero(t, resync(t, d).ResyncChanges)
	assert.False(t, d.watches.isSilent)
}

// TestPollAllIsNoResync polls everything when a resync is due.
func TestPollAllIsNoResync(t *testing.T) {
	d := newDelivered(t, t.TempDir())
	d.pending.fullScan.at = time.Now()
	b, err := d.Poll(t.Context(), source.PollAll)
	require.NoError(t, err)
	assert.Zero(t, b.Health.Resyncs)
}

// TestPollProvesEvents checks that a poll passes a barrier when that is due, and not before.
func TestPollProvesEvents(t *testing.T) {
	d := newDelivered(t, t.TempDir())
	for due, at := range map[bool]time.Time{false: time.Now().Add(time.Hour), true: time.Now()} {
		d.pending.verify = at
		count := d.watches.barrier.count
		_, err := d.Poll(t.Context(), source.PollNotified)
		require.NoError(t, err)
		assert.Equal(t, due, d.watches.barrier.count > count)
	}
}

// TestRereadDuringResync reads a file again because the time for that has come, in the poll
// of a resync: that is no change.
func TestRereadDuringResync(t *testing.T) {
	d := newDelivered(t, t.TempDir())
	d.pending.reread["a.toml"], d.pending.fullScan.at = time.Now(), time.Now()
	require.Equal(t, causeResync, d.pending.fullScan.why)
	b, err := d.Poll(t.Context(), source.PollNotified)
	require.NoError(t, err)
	require.Len(t, b.Changed, 1)
	assert.Equal(t, uint64(1), b.Health.Resyncs)
	assert.Zero(t, b.Health.ResyncChanges)
	assert.False(t, d.watches.isSilent)
}

// TestRootFailsWhileFilesWait: what waited when the root vanished is found anew when it is
// back, and waits as long as any other change.
func TestRootFailsWhileFilesWait(t *testing.T) {
	tb := newTable(t, true, "a.toml", "b.toml")
	full := *tb.tree
	delete(full.files, "a.toml")
	assert.Empty(t, tb.poll(fullScope))
	tb.p.fail(tb.now)
	tb.at(time.Minute)
	delete(tb.tree.files, "b.toml")
	assert.Empty(t, tb.poll(fullScope), "b.toml is still being copied, and a.toml may follow")
}

// A slowNotifier reports files only as long as they exist, as kqueue does.
type slowNotifier struct {
	notifier
	events chan fsnotify.Event
}

func (n slowNotifier) Events() <-chan fsnotify.Event { return n.events }

func (n slowNotifier) forward() {
	defer close(n.events)
	for e := range n.notifier.Events() {
		time.Sleep(5 * time.Millisecond)
		if _, err := os.Lstat(e.Name); err == nil {
			n.events <- e
		}
	}
}

// TestBarrierOfSlowNotifier: the file of a barrier stays until its event has come.
func TestBarrierOfSlowNotifier(t *testing.T) {
	inner, err := newNotifier()
	require.NoError(t, err)
	n := slowNotifier{inner, make(chan fsnotify.Event)}
	go n.forward()
	c := newCollector(n, t.TempDir())
	b := newBarrier(n, noWriterWatch{})
	defer b.close()
	assert.True(t, b.pass(t.Context(), c, noWriterWatch{}))
	left, err := os.ReadDir(b.dir)
	require.NoError(t, err)
	assert.Empty(t, left)
	require.NoError(t, c.close())
}

// TestLinkAboveRootSwappedBeforeResync swaps a link above the root right before a resync:
// verifying would have found that, so it does not show that events are unreliable.
func TestLinkAboveRootSwappedBeforeResync(t *testing.T) {
	base := t.TempDir()
	for _, version := range []string{"v1", "v2"} {
		require.NoError(t, os.MkdirAll(filepath.Join(base, version, "data"), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(base, version, "data", "a.toml"), nil, 0o644))
	}
	current := filepath.Join(base, "current")
	require.NoError(t, os.Symlink("v1", current))
	d := newDelivered(t, filepath.Join(current, "data"))
	require.NoError(t, os.Symlink("v2", current+".next"))
	require.NoError(t, os.Rename(current+".next", current))
	assert.Zero(t, resync(t, d).ResyncChanges)
	assert.False(t, d.watches.isSilent)
}

// TestTimerAmongEvents has a timer that ends while events follow each other: they stay one
// change.
func TestTimerAmongEvents(t *testing.T) {
	d := &Dir{Path: t.TempDir()}
	defer d.Close()
	_, err := d.Poll(t.Context(), source.PollAll)
	require.NoError(t, err)
	require.True(t, d.watches.pass(t.Context()))
	d.watches.drain()
	d.pending.burst = time.Now().Add(time.Hour) // a gap that is long enough to be measured
	d.pending.verify = time.Now()
	d.watches.collector.add(fsnotify.Event{Name: filepath.Join(d.root, "a.toml"), Op: fsnotify.Create})
	start := time.Now()
	require.NoError(t, d.Wait(t.Context()))
	assert.Greater(t, time.Since(start), d.pending.settle/2)
}
