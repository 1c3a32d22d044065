//go:build unix

package dir

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/neurondex/neurondex/source"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	testSettle   = 50 * time.Millisecond
	testMaxDelay = time.Second
	testResync   = 30 * time.Second
)

// A table drives a pending through polls, with a tree and a clock of its own.
type table struct {
	*testing.T
	p      *pending
	start  time.Time
	now    time.Time
	tree   *tree
	events events
	inode  uint64
}

// newTable returns a table after a first full scan, with settled files delivered.
func newTable(t *testing.T, covered bool, names ...string) *table {
	t.Helper()
	start := time.Date(2026, 1, 2, 3, 4, 5, 123_456_789, time.UTC)
	tb := &table{T: t, p: newPending(testSettle, testMaxDelay, testResync), start: start, now: start, tree: newTree(), events: newEvents()}
	tb.tree.dirs["."] = directory{id: fileID{number: 1}, real: "/data"}
	tb.inode = 1
	for _, name := range names {
		tb.put(name, "1", -time.Hour)
	}
	tb.p.scanned(covered, tb.now)
	require.Equal(t, strings.Join(names, " "), tb.poll(fullScope))
	return tb
}

// at sets the clock, relative to the first scan.
func (t *table) at(d time.Duration) { t.now = t.start.Add(d) }

// put writes a file. The size stands for the content, the modification time is relative to
// now.
func (t *table) put(name, size string, modified time.Duration) {
	f := t.tree.files[name]
	if f.stat.id.number == 0 {
		t.inode++
		f.stat.id = fileID{device: 1, number: t.inode}
	}
	_, err := fmt.Sscan(size, &f.stat.size)
	require.NoError(t, err)
	f.stat.modified = t.now.Add(modified).UnixNano()
	f.stat.changed = f.stat.modified
	f.examined, f.real = true, "/data"
	t.tree.files[name] = f
}

// poll takes the steps of a poll and returns what was delivered: removed names with a dash
// before them.
func (t *table) poll(scope scope) string { return t.pollTo(scope, source.PollNotified, t.tree) }

func (t *table) pollTo(scope scope, depth source.Depth, after *tree) string {
	t.Helper()
	names := t.p.compare(t.tree, scope, depth, t.events, t.now)
	t.events = newEvents()
	if len(names) == 0 {
		t.p.reschedule(false, t.now)
		return ""
	}
	var docs []source.Document
	for _, name := range names {
		doc := source.Document{Name: name}
		if err := t.tree.files[name].err; err != "" {
			doc.Err = errors.New(err)
		}
		docs = append(docs, doc)
	}
	b := t.p.commit(docs, t.tree, after, depth, t.now, t.now)
	t.p.reschedule(len(b.Changed)+len(b.Removed) > 0, t.now)
	var out []string
	for _, d := range b.Changed {
		out = append(out, d.Name)
	}
	for _, name := range b.Removed {
		out = append(out, "-"+name)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func (t *table) clone() *tree {
	c := newTree()
	for name, f := range t.tree.files {
		c.files[name] = f
	}
	for name, d := range t.tree.dirs {
		c.dirs[name] = d
	}
	return c
}

// due asserts when the next poll is due, relative to the first scan, and why.
func (t *table) due(want time.Duration, why cause) {
	t.Helper()
	a := t.p.next()
	assert.Equal(t, want, a.at.Sub(t.start), "next poll")
	assert.Equal(t, why, a.why, "cause")
}

// examines asserts when the waiting files are examined next.
func (t *table) examines(want time.Duration) {
	t.Helper()
	assert.Equal(t, want, t.p.examine.Sub(t.start), "next examination")
}

const ms = time.Millisecond

func TestFirstPollIsDueAtOnce(t *testing.T) {
	p := newPending(testSettle, testMaxDelay, testResync)
	assert.Equal(t, alarm{why: causeFirst}, p.next())
	assert.True(t, p.fullScanIsDue(time.Now()))
}

func TestPathIsRequired(t *testing.T) {
	d := &Dir{}
	_, err := d.Poll(t.Context(), source.PollAll)
	require.ErrorContains(t, err, "Path is empty")
	require.NoError(t, d.Close())
}

func TestEditedFileSettles(t *testing.T) {
	tb := newTable(t, true, "a")
	tb.due(time.Second, causeVerify)
	tb.at(100 * ms)
	tb.put("a", "2", 0)
	assert.Empty(t, tb.poll(fullScope))
	assert.Equal(t, []string{"a"}, tb.p.names())
	tb.due(150*ms, causeSettle)

	tb.at(140 * ms)
	tb.put("a", "3", 0) // still being written
	assert.Empty(t, tb.poll(fullScope))
	tb.due(190*ms, causeSettle)
	tb.at(190 * ms)
	assert.Equal(t, "a", tb.poll(fullScope))
	assert.Empty(t, tb.p.names())
	tb.due(time.Second, causeVerify)
}

func TestOldFileIsDeliveredAtOnce(t *testing.T) {
	tb := newTable(t, true)
	tb.put("a", "1", -time.Second)
	assert.Equal(t, "a", tb.poll(fullScope))
}

// TestReadyNamesAreSorted checks the order in which files are read and delivered.
func TestReadyNamesAreSorted(t *testing.T) {
	tb := newTable(t, true)
	var want []string
	for c := 'a'; c <= 'z'; c++ {
		tb.put(string(c), "1", -time.Hour)
		want = append(want, string(c))
	}
	require.Equal(t, want, tb.p.compare(tb.tree, fullScope, source.PollNotified, tb.events, tb.now))
}

// TestRemoteClock has a file system whose clock is behind: only the time since the file was
// first found so counts.
func TestRemoteClock(t *testing.T) {
	tb := newTable(t, true)
	tb.p.remoteClock = true
	tb.put("a", "1", -time.Hour)
	assert.Empty(t, tb.poll(fullScope))
	tb.at(40 * ms)
	tb.put("a", "2", -time.Hour) // another piece
	assert.Empty(t, tb.poll(fullScope))
	tb.due(90*ms, causeSettle)
	tb.at(90 * ms)
	assert.Equal(t, "a", tb.poll(fullScope))
}

// TestTwoSecondSteps has a file system, like FAT, whose modification times are even seconds:
// one may be two seconds old when it is given.
func TestTwoSecondSteps(t *testing.T) {
	tb := newTable(t, true)
	step := func() {
		f := tb.tree.files["a"]
		f.stat.modified = tb.now.Truncate(2 * time.Second).UnixNano()
		f.stat.changed = f.stat.modified
		tb.tree.files["a"] = f
	}
	for i := range 100 { // pieces, 30 ms apart
		tb.at(time.Duration(30*i) * ms)
		tb.put("a", fmt.Sprint(1+i), 0)
		step()
		assert.Empty(t, tb.poll(fullScope), "piece %d", i)
	}
	tb.at(2970*ms + testSettle)
	assert.Equal(t, "a", tb.poll(fullScope))
}

// TestRenamedWhileWritten: what is pending belongs to the file, not to its name.
func TestRenamedWhileWritten(t *testing.T) {
	tb := newTable(t, true, "a")
	tb.put("a", "2", 0)
	tb.events.documents["a"] = written
	assert.Empty(t, tb.poll(fullScope))
	tb.at(10 * ms)
	tb.tree.files["b"] = tb.tree.files["a"]
	delete(tb.tree.files, "a")
	tb.events.documents["b"] = renamedData
	assert.Empty(t, tb.poll(fullScope))
	tb.at(60 * ms)
	assert.Equal(t, "-a b", tb.poll(fullScope))
}

// TestRenamedAsDelivered: a file that was delivered is whole under its new name, too.
func TestRenamedAsDelivered(t *testing.T) {
	tb := newTable(t, true, "a")
	f := tb.tree.files["a"]
	f.stat.changed = tb.now.UnixNano()
	f.stat.modified = tb.now.UnixNano()
	tb.tree.files["a"] = f
	tb.poll(fullScope)
	tb.at(100 * ms)
	require.Equal(t, "a", tb.poll(fullScope))
	f.stat.changed = tb.now.UnixNano()
	tb.tree.files["b"] = f
	delete(tb.tree.files, "a")
	tb.events.documents["b"] = renamedData
	assert.Equal(t, "-a b", tb.poll(fullScope))
}

// TestOpenForWriting: a file that a process has open for writing is tried again after each
// settle time.
func TestOpenForWriting(t *testing.T) {
	tb := newTable(t, true)
	tb.put("a", "1", -time.Hour)
	names := tb.p.compare(tb.tree, fullScope, source.PollNotified, tb.events, tb.now)
	require.Equal(t, []string{"a"}, names)
	for i := range 3 {
		b := tb.p.commit([]source.Document{{Name: "a", Err: errOpen}}, tb.tree, tb.tree, source.PollNotified, tb.now, tb.now)
		assert.Empty(t, b.Changed)
		tb.p.reschedule(false, tb.now)
		tb.due(time.Duration(50*(i+1))*ms, causeSettle)
		tb.at(time.Duration(50*(i+1)) * ms)
		require.Equal(t, []string{"a"}, tb.p.compare(tb.tree, fullScope, source.PollNotified, tb.events, tb.now))
	}
	assert.Equal(t, "a", tb.poll(fullScope))
}

func TestOrigins(t *testing.T) {
	w, err := fsnotify.NewWatcher()
	require.NoError(t, err)
	defer w.Close()
	d := t.TempDir()
	require.NoError(t, w.Add(d))
	at := func(name string) string { return filepath.Join(d, name) }
	require.NoError(t, os.WriteFile(at("x.tmp"), nil, 0o644))
	require.NoError(t, os.Rename(at("x.tmp"), at("a.toml")))
	require.NoError(t, os.Rename(at("a.toml"), at("b ← \"b.toml")))
	require.NoError(t, os.Rename(at("b ← \"b.toml"), at("c.toml")))
	want := map[string]origin{"x.tmp": written, "a.toml": renamed, "b ← \"b.toml": renamedData, "c.toml": renamedData}
	for len(want) > 0 {
		e := <-w.Events
		name := filepath.Base(e.Name)
		if o, ok := want[name]; ok && e.Has(fsnotify.Create) {
			assert.Equal(t, o, originOf(e), "%v", e)
			delete(want, name)
		}
	}
}

// TestClockSkew has a server whose clock is ahead: the file settles by the time since it
// was first found so.
func TestClockSkew(t *testing.T) {
	tb := newTable(t, true)
	tb.put("a", "1", time.Hour)
	assert.Empty(t, tb.poll(fullScope))
	tb.due(50*ms, causeSettle)
	tb.at(50 * ms)
	assert.Equal(t, "a", tb.poll(fullScope))
}

// TestCoarseTimes has a file system that counts whole seconds: a file settles after two,
// unless it was found unchanged for the settle time.
func TestCoarseTimes(t *testing.T) {
	tb := newTable(t, true)
	tb.put("a", "1", 0)
	f := tb.tree.files["a"]
	f.stat.modified -= f.stat.modified % int64(time.Second)
	f.stat.changed = f.stat.modified
	tb.tree.files["a"] = f
	assert.Empty(t, tb.poll(fullScope))
	tb.due(50*ms, causeSettle)
	tb.at(50 * ms)
	assert.Equal(t, "a", tb.poll(fullScope))
	// It may be written again within the same second, and look the same.
	at, ok := tb.p.reread["a"]
	require.True(t, ok)
	assert.Equal(t, 2*time.Second, at.Sub(f.stat.modTime()))
}

func TestPlacedFileIsReadAtOnce(t *testing.T) {
	for name, tt := range map[string]struct {
		origin origin
		want   string
	}{"created by a rename": {renamed, "a"}, "written": {written, ""}, "another dataset file, renamed": {renamedData, ""}} {
		t.Run(name, func(t *testing.T) {
			tb := newTable(t, true)
			tb.put("a", "1", 0)
			tb.events.documents["a"] = tt.origin
			assert.Equal(t, tt.want, tb.poll(fullScope))
		})
	}
}

// TestWrittenAfterRename: a write after the rename takes the file's wholeness away.
func TestWrittenAfterRename(t *testing.T) {
	tb := newTable(t, true, "b")
	tb.put("a", "1", 0)
	tb.put("b", "2", 0) // delays a
	tb.events.documents["a"] = renamed
	assert.Empty(t, tb.poll(fullScope))
	assert.Equal(t, placed, tb.p.waiting["a"].kind)
	tb.at(10 * ms)
	assert.Empty(t, tb.poll(fullScope))
	assert.Equal(t, placed, tb.p.waiting["a"].kind, "it stays placed as long as nothing happens")
	tb.events.documents["a"] = written
	tb.poll(fullScope)
	assert.Equal(t, edited, tb.p.waiting["a"].kind)
}

func TestSwapIsReadAtOnce(t *testing.T) {
	tb := newTable(t, true, "link/a")
	tb.put("link/a", "2", 0)
	tb.put("link/new", "1", 0)
	tb.put("other", "1", 0)
	for _, name := range []string{"link/a", "link/new"} {
		f := tb.tree.files[name]
		f.real = "/data/revision2"
		f.stat.id.number += 100
		tb.tree.files[name] = f
	}
	tb.poll(fullScope)
	assert.Equal(t, placed, tb.p.waiting["link/a"].kind)
	assert.Equal(t, placed, tb.p.waiting["link/new"].kind, "a new file beside it")
	assert.Equal(t, edited, tb.p.waiting["other"].kind)
}

func TestRemovalSettles(t *testing.T) {
	tb := newTable(t, true, "a", "b")
	delete(tb.tree.files, "a")
	assert.Empty(t, tb.poll(fullScope))
	tb.due(50*ms, causeSettle)
	tb.at(50 * ms)
	assert.Equal(t, "-a", tb.poll(fullScope))
	assert.NotContains(t, tb.p.delivered, "a")
}

func TestMoveIsOneBatch(t *testing.T) {
	tb := newTable(t, true, "a")
	tb.tree.files["b"] = tb.tree.files["a"]
	delete(tb.tree.files, "a")
	assert.Equal(t, "-a b", tb.poll(fullScope))
}

func TestCameAndWent(t *testing.T) {
	tb := newTable(t, true, "a")
	tb.put("b", "1", 0)
	assert.Empty(t, tb.poll(fullScope))
	delete(tb.tree.files, "b")
	assert.Empty(t, tb.poll(fullScope))
	assert.Empty(t, tb.p.names())
	tb.due(time.Second, causeVerify)
}

func TestUnlistedDirectoryKeepsItsFiles(t *testing.T) {
	tb := newTable(t, true, "sub/a")
	delete(tb.tree.files, "sub/a")
	tb.tree.unlisted = []string{"sub/"}
	tb.at(time.Minute)
	assert.Empty(t, tb.poll(fullScope))
	assert.Contains(t, tb.p.delivered, "sub/a")
}

// TestChangesAreDeliveredTogether: a file that is ready waits for those that are not, up to
// the maximal delay.
func TestChangesAreDeliveredTogether(t *testing.T) {
	tb := newTable(t, true, "a", "busy")
	tb.put("a", "2", 0)
	tb.put("busy", "2", 0)
	tb.poll(fullScope)
	for i := range 19 {
		tb.at(time.Duration(50*(i+1)) * ms)
		tb.put("busy", fmt.Sprint(3+i), 0)
		assert.Empty(t, tb.poll(fullScope))
		tb.examines(min(time.Duration(50*(i+2))*ms, testMaxDelay))
	}
	tb.at(testMaxDelay)
	tb.put("busy", "99", 0)
	assert.Equal(t, "a", tb.poll(fullScope))
	assert.Equal(t, []string{"busy"}, tb.p.names())
	tb.examines(testMaxDelay + 50*ms)
}

// TestWritesWithinSettleAreOneBatch: files written in place, each within a settle time of
// the one before, are delivered together.
func TestWritesWithinSettleAreOneBatch(t *testing.T) {
	tb := newTable(t, true)
	for i, name := range []string{"a", "b", "c", "d"} {
		tb.at(time.Duration(40*i) * ms)
		tb.put(name, "1", 0)
		assert.Empty(t, tb.poll(fullScope))
	}
	tb.at(120*ms + testSettle)
	assert.Equal(t, "a b c d", tb.poll(fullScope))
}

// TestCompleteFilesAreDeliveredAtOnce: files that come complete do not wait for each other.
// Only the gap between events makes them one batch.
func TestCompleteFilesAreDeliveredAtOnce(t *testing.T) {
	tb := newTable(t, true)
	tb.put("renamed", "1", -time.Second)
	tb.put("old", "1", -time.Hour)
	tb.events.documents["renamed"] = renamed
	assert.Equal(t, "old renamed", tb.poll(fullScope))
	assert.Equal(t, tb.now, tb.p.burst, "more files are waited for after these")
	tb.at(20 * ms)
	tb.put("next", "1", -time.Hour)
	assert.Equal(t, "next", tb.poll(fullScope))
}

// TestNothingReadyAfterMaxDelay: without patience, the first file that settles is due.
func TestNothingReadyAfterMaxDelay(t *testing.T) {
	tb := newTable(t, true, "a", "b")
	tb.put("a", "2", 0)
	tb.put("b", "2", 0)
	tb.poll(fullScope)
	tb.at(testMaxDelay)
	tb.put("a", "3", -20*ms)
	tb.put("b", "3", 0)
	assert.Empty(t, tb.poll(fullScope))
	tb.examines(testMaxDelay + 40*ms)
}

func TestRereadDeliversAgain(t *testing.T) {
	tb := newTable(t, true, "a", "b")
	tb.at(time.Minute)
	assert.Equal(t, "a b", tb.pollTo(fullScope, source.PollReread, tb.tree))
	assert.Empty(t, tb.pollTo(fullScope, source.PollAll, tb.tree))
}

// TestRereadWaits: a reread that is delayed by another file is not forgotten.
func TestRereadWaits(t *testing.T) {
	tb := newTable(t, true, "a", "b")
	tb.put("b", "2", 0)
	assert.Empty(t, tb.pollTo(fullScope, source.PollReread, tb.tree))
	assert.Equal(t, []string{"a", "b"}, tb.p.names())
	tb.at(50 * ms)
	assert.Equal(t, "a b", tb.poll(scope{names: map[string]bool{"a": true, "b": true}}))
}

// TestUnreadableIsTriedAgain: the obstacle may go away without a trace.
func TestUnreadableIsTriedAgain(t *testing.T) {
	tb := newTable(t, true)
	tb.tree.files["a"] = file{err: "permission denied"}
	assert.Empty(t, tb.poll(fullScope))
	tb.at(50 * ms)
	assert.Equal(t, "a", tb.poll(fullScope), "the reason is delivered")
	tb.at(2 * time.Second)
	assert.Equal(t, map[string]bool{"a": true}, tb.p.namesToExamine(false, false, tb.now))
	assert.Empty(t, tb.poll(fullScope), "the same reason is not delivered again")
	tb.tree.files["a"] = file{err: "input/output error"}
	tb.poll(fullScope)
	tb.at(3 * time.Second)
	assert.Equal(t, "a", tb.poll(fullScope), "another reason is")
}

func TestCommit(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(after *tree)
		late   bool // after the maximal delay
		want   string
	}{
		"nothing changed":                 {func(*tree) {}, false, "a b"},
		"another file came":               {func(after *tree) { after.files["c"] = file{examined: true} }, false, ""},
		"another file came, late":         {func(after *tree) { after.files["c"] = file{examined: true} }, true, "a b"},
		"a file changed, late":            {func(after *tree) { f := after.files["b"]; f.stat.size = 9; after.files["b"] = f }, true, "a"},
		"a file is gone, late":            {func(after *tree) { delete(after.files, "b") }, true, "a"},
		"the directory was swapped":       {func(after *tree) { after.dirs["."] = directory{id: fileID{number: 7}, real: "/data"} }, false, ""},
		"the directory was swapped, late": {func(after *tree) { after.dirs["."] = directory{id: fileID{number: 1}, real: "/other"} }, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			tb := newTable(t, true)
			tb.put("a", "1", -time.Hour)
			tb.put("b", "1", -time.Hour)
			if tt.late {
				tb.put("c", "1", 0)
				tb.poll(fullScope) // c delays a and b
				delete(tb.tree.files, "c")
				delete(tb.p.waiting, "c")
				tb.at(testMaxDelay)
			}
			after := tb.clone()
			tt.change(after)
			assert.Equal(t, tt.want, tb.pollTo(fullScope, source.PollNotified, after))
		})
	}
}

// TestSwapIsWhole: files that a swap put in place are delivered together even if one of them
// changes while they are read, and others have waited for long.
func TestSwapIsWhole(t *testing.T) {
	tb := newTable(t, true, "link/a", "link/b", "other")
	for _, name := range []string{"link/a", "link/b"} {
		tb.put(name, "2", 0)
		f := tb.tree.files[name]
		f.real = "/data/revision2"
		tb.tree.files[name] = f
	}
	tb.put("other", "2", -time.Hour)
	tb.p.since = tb.now.Add(-time.Minute) // no patience left
	after := tb.clone()
	delete(after.files, "link/b") // as if everything was being removed
	assert.Equal(t, "other", tb.pollTo(fullScope, source.PollNotified, after))
	assert.Equal(t, []string{"link/a", "link/b"}, tb.p.names())
	assert.Equal(t, "link/a link/b", tb.poll(fullScope))
}

// TestSwapBesideRemoval: while a part of what was swapped is being removed, the rest is not
// delivered.
func TestSwapBesideRemoval(t *testing.T) {
	tb := newTable(t, true)
	for _, name := range []string{"link/a", "link/sub/b"} {
		tb.put(name, "1", -time.Hour)
		f := tb.tree.files[name]
		f.linked, f.real = true, "/revision1"+filepath.Dir(name)[len("link"):]
		tb.tree.files[name] = f
	}
	require.Equal(t, "link/a link/sub/b", tb.poll(fullScope))
	tb.put("link/a", "2", 0)
	f := tb.tree.files["link/a"]
	f.real = "/revision2"
	tb.tree.files["link/a"] = f
	delete(tb.tree.files, "link/sub/b")
	tb.p.since = tb.now.Add(-time.Minute) // no patience left
	assert.Empty(t, tb.poll(fullScope))
	tb.at(50 * ms)
	assert.Equal(t, "-link/sub/b link/a", tb.poll(fullScope))
}

func TestLinkTargetSwappedWhileReading(t *testing.T) {
	tb := newTable(t, true)
	tb.put("a", "1", -time.Hour)
	f := tb.tree.files["a"]
	f.link = true
	tb.tree.files["a"] = f
	after := tb.clone()
	f.real = "/elsewhere"
	after.files["a"] = f
	tb.p.since = tb.now.Add(-time.Minute) // no patience left
	assert.Empty(t, tb.pollTo(fullScope, source.PollNotified, after))
	assert.Equal(t, []string{"a"}, tb.p.names())
	tb.due(retryInterval, causeSettle)
}

// TestReadSoonAfterChange: a file is read again if another change could have left its times
// as they are.
func TestReadSoonAfterChange(t *testing.T) {
	tb := newTable(t, true)
	tb.put("a", "1", -5*ms)
	tb.events.documents["a"] = renamed
	assert.Equal(t, "a", tb.poll(fullScope))
	tb.due(5*ms, causeReread)
	tb.at(5 * ms)
	assert.Equal(t, map[string]bool{"a": true}, tb.p.namesToExamine(false, false, tb.now))
	assert.Equal(t, "a", tb.poll(scope{names: map[string]bool{"a": true}}))
	tb.due(time.Second, causeVerify)
}

func TestPhases(t *testing.T) {
	tb := newTable(t, false, "a")
	tb.due(pollInterval, causePolling)
	assert.False(t, tb.p.fullScanIsDue(tb.start.Add(pollInterval-1)))
	assert.True(t, tb.p.fullScanIsDue(tb.start.Add(pollInterval)))
	assert.False(t, tb.p.verifyIsDue(tb.start.Add(time.Hour)), "there is nothing to verify")

	tb.at(time.Second)
	tb.p.scanned(true, tb.now)
	tb.due(2*time.Second, causeVerify)
	resync := tb.p.fullScan
	assert.Equal(t, causeResync, resync.why)
	assert.InDelta(t, testResync, resync.at.Sub(tb.now), float64(testResync)/10)
	assert.False(t, tb.p.isResync(resync.at.Add(-1)))
	assert.True(t, tb.p.isResync(resync.at))

	tb.p.cover(false, tb.now) // a watch failed during the second scan
	tb.due(2*time.Second, causePolling)
	assert.False(t, tb.p.isResync(resync.at))

	tb.p.fail(tb.now)
	tb.due(time.Second+missingInterval, causeMissing)
	assert.True(t, tb.p.fullScanIsDue(tb.now), "an event of the parent directory is enough")
	tb.put("a", "2", 0)
	tb.poll(fullScope)
	tb.due(time.Second+missingInterval, causeMissing) // nothing else can be examined before

	tb.p.scanned(true, tb.now)
	tb.p.rescan(tb.now)
	tb.due(time.Second+retryInterval, causeInterrupted)
}

func TestSilentFilesAreVerified(t *testing.T) {
	tb := newTable(t, true)
	tb.put("link", "1", -time.Hour)
	tb.put("hard", "1", -time.Hour)
	for name, change := range map[string]func(*file){"link": func(f *file) { f.link = true }, "hard": func(f *file) { f.stat.linked = true }} {
		f := tb.tree.files[name]
		change(&f)
		tb.tree.files[name] = f
	}
	assert.Equal(t, "hard link", tb.poll(fullScope))
	assert.Equal(t, map[string]bool{"link": true}, tb.p.namesToExamine(false, false, tb.now))
	tb.at(time.Second)
	assert.True(t, tb.p.verifyIsDue(tb.now))
	assert.Equal(t, map[string]bool{"link": true, "hard": true}, tb.p.namesToExamine(true, false, tb.now))
	tb.due(2*time.Second, causeVerify)
}

func TestEventGaps(t *testing.T) {
	p := newPending(testSettle, testMaxDelay, testResync)
	now := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	deadline := p.deadline(now)
	assert.Equal(t, now.Add(testMaxDelay), deadline)
	assert.Equal(t, now.Add(eventGap), p.gapEnd(now, deadline))
	p.burst = now.Add(-20 * ms)
	assert.Equal(t, now.Add(testSettle), p.gapEnd(now, deadline), "more files may follow a burst")
	assert.Equal(t, deadline, p.gapEnd(deadline, deadline))
	p.since = now.Add(-2 * testMaxDelay) // some files wait for long already
	assert.Equal(t, now.Add(eventGap), p.deadline(now))
}
