//go:build unix

package dir

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/neurondex/neurondex/source"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// change changes a file of the tree in place.
func (t *table) change(name string, change func(*file)) {
	f := t.tree.files[name]
	change(&f)
	t.tree.files[name] = f
}

func names(list ...string) scope {
	s := scope{names: make(map[string]bool)}
	for _, name := range list {
		s.names[name] = true
	}
	return s
}

// TestRemovalSettlesInParts checks that a removal settles, however often and in whatever scope
// the file is found missing.
func TestRemovalSettlesInParts(t *testing.T) {
	for name, scope := range map[string]scope{"everything": fullScope, "its name": names("a")} {
		t.Run(name, func(t *testing.T) {
			tb := newTable(t, true, "a")
			delete(tb.tree.files, "a")
			for i := range 5 {
				tb.at(time.Duration(10*i) * ms)
				assert.Empty(t, tb.poll(scope))
				assert.Equal(t, removed, tb.p.waiting["a"].kind)
			}
			tb.at(50 * ms)
			assert.Equal(t, "-a", tb.poll(scope))
		})
	}
}

// TestUnreadableIsNoMove checks that a file that cannot be examined is not taken for the target
// of a move.
func TestUnreadableIsNoMove(t *testing.T) {
	tb := newTable(t, true)
	tb.tree.files["a"] = file{err: "permission denied"}
	tb.poll(fullScope)
	tb.at(50 * ms)
	require.Equal(t, "a", tb.poll(fullScope))
	delete(tb.tree.files, "a")
	tb.tree.files["b"] = file{err: "permission denied"}
	for range 2 {
		assert.Empty(t, tb.poll(fullScope))
		assert.Equal(t, removed, tb.p.waiting["a"].kind)
	}
}

// TestMovedStaysMoved checks that a moved file is removed, even if its target is removed before
// it is delivered.
func TestMovedStaysMoved(t *testing.T) {
	tb := newTable(t, true, "a")
	tb.put("a", "2", 0) // pieces of it may be missing
	tb.poll(fullScope)
	tb.tree.files["b"] = tb.tree.files["a"]
	delete(tb.tree.files, "a")
	tb.events.documents["b"] = renamedData
	assert.Empty(t, tb.poll(fullScope))
	assert.Equal(t, moved, tb.p.waiting["a"].kind)
	delete(tb.tree.files, "b")
	tb.at(10 * ms)
	assert.Equal(t, "-a", tb.poll(names("a", "b")))
}

// TestBackAsItWas checks that a file that is removed and put back as it was delivered is not a
// change.
func TestBackAsItWas(t *testing.T) {
	tb := newTable(t, true, "a", "b")
	f := tb.tree.files["a"]
	delete(tb.tree.files, "a")
	assert.Empty(t, tb.poll(fullScope))
	assert.Equal(t, []string{"a"}, tb.p.names())
	tb.tree.files["a"] = f
	assert.Empty(t, tb.poll(fullScope))
	assert.Empty(t, tb.p.names())

	// The same, when a scan reports the file as unchanged.
	delete(tb.tree.files, "a")
	assert.Empty(t, tb.poll(fullScope))
	tb.tree.same.add(tb.p.delivered["a"].number)
	assert.Empty(t, tb.poll(fullScope))
	assert.Empty(t, tb.p.names())
}

// TestRereadOfSame reads a file again that a scan found unchanged.
func TestRereadOfSame(t *testing.T) {
	tb := newTable(t, true, "a", "b")
	tb.at(time.Minute)
	for name := range tb.tree.files {
		delete(tb.tree.files, name)
		tb.tree.same.add(tb.p.delivered[name].number)
	}
	assert.Empty(t, tb.poll(fullScope))
	assert.Equal(t, "a b", tb.pollTo(fullScope, source.PollReread, tb.tree))
	tb.p.reread["b"] = tb.now
	assert.Equal(t, "b", tb.poll(names("b")))
}

// TestRenamedDocument checks that a file renamed over another name is complete only if it was
// delivered before and has not changed since.
func TestRenamedDocument(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*file)
		origin origin
		want   string
	}{
		"as it was":          {func(*file) {}, renamedData, "-a b"},
		"of another size":    {func(f *file) { f.stat.size++ }, renamedData, ""},
		"written since":      {func(f *file) { f.stat.modified++ }, renamedData, ""},
		"another file":       {func(f *file) { f.stat.id.number += 100 }, renamedData, ""},
		"as it was, written": {func(*file) {}, written, ""},
		"any, renamed":       {func(f *file) { f.stat.id.number += 100 }, renamed, "b"},
		"another, of 1970":   {func(f *file) { f.stat = stat{id: fileID{1, 100}} }, renamedData, ""},
	} {
		t.Run(name, func(t *testing.T) {
			for i := range 20 { // the order of events is that of a map
				tb := newTable(t, true, "gone", "other")
				tb.put("a", "1", 0)
				tb.events.documents["a"] = renamed
				require.Equal(t, "a", tb.poll(fullScope))
				f := tb.tree.files["a"]
				tt.change(&f)
				f.stat.changed = tb.now.UnixNano() + 1
				delete(tb.tree.files, "a")
				tb.tree.files["b"] = f
				tb.events.documents["b"] = tt.origin
				if i > 0 {
					tb.events.documents["other"] = written
					tb.events.documents["x"] = renamed
				}
				got := tb.poll(fullScope)
				if tt.want == "b" {
					assert.Empty(t, got, "the removal of a is waited for")
					assert.Equal(t, placed, tb.p.waiting["b"].kind)
					return
				}
				require.Equal(t, tt.want, got)
				if tt.want == "" {
					require.Equal(t, edited, tb.p.waiting["b"].kind)
				}
			}
		})
	}
}

// TestPlacedChanges checks that a file that was renamed into place must settle if it changes
// afterwards, even without an event.
func TestPlacedChanges(t *testing.T) {
	tb := newTable(t, true, "busy")
	tb.put("busy", "2", 0)
	tb.put("a", "1", 0)
	tb.events.documents["a"] = renamed
	assert.Empty(t, tb.poll(fullScope))
	assert.Equal(t, placed, tb.p.waiting["a"].kind)
	tb.put("a", "2", 0)
	assert.Empty(t, tb.poll(fullScope))
	assert.Equal(t, edited, tb.p.waiting["a"].kind)
}

// TestOnlySwapsAreSwaps checks that the targets of paths are compared only if both are known,
// and that only swapped files are taken as complete.
func TestOnlySwapsAreSwaps(t *testing.T) {
	tb := newTable(t, true)
	for _, name := range []string{"link/a", "link/b", "lost/c", "found/d"} {
		tb.put(name, "1", -time.Hour)
	}
	tb.change("found/d", func(f *file) { f.real = "" })
	require.Equal(t, "found/d link/a link/b lost/c", tb.poll(fullScope))
	tb.put("link/b", "2", 0) // beside a file that is swapped
	tb.put("lost/c", "2", 0)
	tb.put("found/d", "2", 0)
	tb.put("link/a", "2", 0)
	tb.change("link/a", func(f *file) { f.real = "/data/revision2" })
	tb.change("lost/c", func(f *file) { f.real = "" })
	assert.Empty(t, tb.poll(fullScope))
	for name, want := range map[string]kind{"link/a": placed, "link/b": edited, "lost/c": edited, "found/d": edited} {
		assert.Equal(t, want, tb.p.waiting[name].kind, name)
	}
}

// TestSwapBesideChange checks that files behind a swapped link wait only for the removal of what
// the link led to before, and only until it has settled.
func TestSwapBesideChange(t *testing.T) {
	linked := func(real string) func(*file) {
		return func(f *file) { f.linked, f.real = true, real }
	}
	for name, tt := range map[string]struct {
		change func(*table)
		want   string
	}{
		"a removal beside it": {func(tb *table) { delete(tb.tree.files, "link/sub/b") }, "plain"},
		"a change beside it": {func(tb *table) {
			tb.put("link/sub/b", "2", 0)
			tb.change("link/sub/b", linked("/revision1/sub"))
		}, "link/a plain"},
		"a removal without a link": {func(tb *table) { delete(tb.tree.files, "c") }, "link/a plain"},
		"a removal elsewhere":      {func(tb *table) { delete(tb.tree.files, "other/d") }, "link/a plain"},
	} {
		t.Run(name, func(t *testing.T) {
			tb := newTable(t, true, "plain")
			tb.put("c", "1", -time.Hour)
			tb.change("c", func(f *file) { f.real = "/revision1" })
			for name, real := range map[string]string{"link/a": "/revision1", "link/sub/b": "/revision1/sub", "other/d": "/other"} {
				tb.put(name, "1", -time.Hour)
				tb.change(name, linked(real))
			}
			require.Equal(t, "c link/a link/sub/b other/d", tb.poll(fullScope))
			tb.put("link/a", "2", -time.Hour)
			tb.change("link/a", linked("/revision2"))
			tb.put("plain", "2", -time.Hour)
			tb.change("plain", linked("/revision1/sub")) // it was not swapped, and has settled
			tb.p.delivered["plain"] = delivery{file{stat: tb.p.delivered["plain"].stat, examined: true, real: "/revision1/sub"}, "plain", tb.p.delivered["plain"].number}
			tt.change(tb)
			tb.p.since = tb.now.Add(-time.Minute) // no patience left
			assert.Equal(t, tt.want, tb.poll(fullScope))
		})
	}
}

// TestOpenStaysOpen checks that a file that was open for writing settles by the clock, not by
// its modification time, until it is replaced.
func TestOpenStaysOpen(t *testing.T) {
	tb := newTable(t, true)
	tb.put("a", "1", -time.Hour)
	require.Equal(t, []string{"a"}, tb.p.compare(tb.tree, fullScope, source.PollNotified, tb.events, tb.now))
	tb.p.commit([]source.Document{{Name: "a", Err: errOpen}}, tb.tree, tb.tree, source.PollNotified, tb.now, tb.now)
	tb.at(20 * ms)
	assert.Empty(t, tb.poll(fullScope), "it is still open, as far as is known")
	assert.Equal(t, open, tb.p.waiting["a"].kind)
	tb.events.documents["a"] = renamed
	assert.Equal(t, "a", tb.poll(fullScope))
}

// TestCommitBetweenScans has files that come and go while others are read.
func TestCommitBetweenScans(t *testing.T) {
	late := func(tb *table) { tb.p.since = tb.now.Add(-time.Minute) } // no patience left
	t.Run("what is read again is gone", func(t *testing.T) {
		tb := newTable(t, true, "a", "b")
		after := tb.clone()
		delete(after.files, "a")
		late(tb)
		assert.Equal(t, "b", tb.pollTo(fullScope, source.PollReread, after))
		assert.Equal(t, []string{"a"}, tb.p.names())
	})
	t.Run("what was gone is back", func(t *testing.T) {
		tb := newTable(t, true, "a", "b")
		f := tb.tree.files["a"]
		delete(tb.tree.files, "a")
		tb.poll(fullScope)
		tb.at(50 * ms)
		after := tb.clone()
		after.files["a"] = f
		late(tb)
		assert.Empty(t, tb.pollTo(fullScope, source.PollNotified, after))
		assert.Contains(t, tb.p.delivered, "a")
	})
	t.Run("an edited file does not hold back what was put in place", func(t *testing.T) {
		tb := newTable(t, true)
		tb.put("edited", "1", -time.Hour)
		tb.put("placed", "1", 0)
		tb.events.documents["placed"] = renamed
		after := tb.clone()
		f := after.files["edited"]
		f.stat.size++
		after.files["edited"] = f
		late(tb)
		assert.Equal(t, "placed", tb.pollTo(fullScope, source.PollNotified, after))
	})
}

// TestBurstOfRemovals checks that several removals at a time are a burst too.
func TestBurstOfRemovals(t *testing.T) {
	tb := newTable(t, true, "a", "b")
	delete(tb.tree.files, "a")
	delete(tb.tree.files, "b")
	tb.poll(fullScope)
	tb.at(50 * ms)
	assert.Equal(t, "-a -b", tb.poll(fullScope))
	assert.Equal(t, tb.now, tb.p.burst)
}

// TestRereadOfUnreadable checks that a file that is still unreadable is delivered again only
// when everything is read again.
func TestRereadOfUnreadable(t *testing.T) {
	tb := newTable(t, true)
	tb.tree.files["a"] = file{err: "permission denied"}
	tb.poll(fullScope)
	tb.at(50 * ms)
	require.Equal(t, "a", tb.poll(fullScope))
	tb.at(time.Minute)
	assert.Empty(t, tb.pollTo(fullScope, source.PollAll, tb.tree))
	assert.Equal(t, "a", tb.pollTo(fullScope, source.PollReread, tb.tree))
}

// TestReasonsOfDeliveries checks that a document is delivered again if the reason why it cannot
// be read has changed, and only then.
func TestReasonsOfDeliveries(t *testing.T) {
	p := newPending(testSettle, testMaxDelay, testResync)
	now := time.Now()
	readable := file{examined: true, stat: stat{id: fileID{1, 2}, modified: 1}}
	deliver := func(f file, err error) bool {
		return p.deliver(source.Document{Name: "a", Err: err}, f, now, now)
	}
	assert.True(t, deliver(readable, errors.New("is too large")))
	assert.Equal(t, "is too large", p.delivered["a"].err)
	assert.Equal(t, now.Add(verifyInterval), p.reread["a"])
	assert.True(t, deliver(readable, nil))
	assert.Empty(t, p.delivered["a"].err)
	assert.NotContains(t, p.reread, "a")
	assert.False(t, deliver(readable, nil))

	unknown := file{err: "is a directory", unknown: true}
	assert.True(t, deliver(unknown, errors.New("not a document: is a directory")))
	assert.Equal(t, "is a directory", p.delivered["a"].err)
	assert.False(t, deliver(unknown, errors.New("not a document: is a directory")))
}

// TestNoEarlyAlarms checks that neither a resync nor a verification is due before its time, or
// in a phase without them.
func TestNoEarlyAlarms(t *testing.T) {
	now := time.Now()
	p := newPending(testSettle, testMaxDelay, 100*ms) // sooner than the next scan of a tree without events
	p.scanned(false, now)
	require.Equal(t, causeResync, p.fullScan.why)
	assert.False(t, p.isResync(now.Add(time.Hour)), "without events, it is an ordinary scan")
	assert.False(t, p.verifyIsDue(now.Add(time.Hour)))
	p.scanned(true, now)
	assert.False(t, p.verifyIsDue(now.Add(verifyInterval-1)))
	assert.True(t, p.verifyIsDue(now.Add(verifyInterval)))
	assert.True(t, p.isResync(now.Add(time.Hour)))
	p.rescan(now)
	assert.False(t, p.isResync(now.Add(time.Hour)), "a directory has changed")
}

// TestResyncsAreSpread checks that resyncs have jitter, so that servers that start together do
// not keep scanning together.
func TestResyncsAreSpread(t *testing.T) {
	p := newPending(testSettle, testMaxDelay, testResync)
	now := time.Now()
	least, most := testResync, testResync
	for range 200 {
		p.scanned(true, now)
		after := p.fullScan.at.Sub(now)
		least, most = min(least, after), max(most, after)
	}
	assert.Less(t, least, testResync-testResync/20)
	assert.Greater(t, most, testResync+testResync/20)
	assert.GreaterOrEqual(t, least, testResync-testResync/10)
	assert.LessOrEqual(t, most, testResync+testResync/10)
}

// TestFailForgets checks that after a failed scan pending files start to wait again.
func TestFailForgets(t *testing.T) {
	for name, change := range map[string]func(*table){
		"the same file": func(*table) {},
		"beside a file that is ready": func(tb *table) {
			tb.put("c", "1", -time.Hour)
		},
	} {
		t.Run(name, func(t *testing.T) {
			tb := newTable(t, true, "a")
			delete(tb.tree.files, "a")
			assert.Empty(t, tb.poll(fullScope))
			tb.p.fail(tb.now)
			assert.Empty(t, tb.p.names())
			tb.at(time.Minute)
			change(tb)
			assert.Empty(t, tb.poll(fullScope))
		})
	}
}

// TestPatienceBeginsAnew checks that the maximal delay starts again after a delivery.
func TestPatienceBeginsAnew(t *testing.T) {
	t.Run("after all were delivered", func(t *testing.T) {
		tb := newTable(t, true, "a", "b")
		tb.put("a", "2", 0)
		tb.poll(fullScope)
		tb.at(60 * ms)
		require.Equal(t, "a", tb.poll(fullScope))
		tb.at(time.Hour)
		tb.put("a", "3", -time.Minute)
		tb.put("b", "3", 0)
		assert.Empty(t, tb.poll(fullScope))
	})
	t.Run("after some were delivered", func(t *testing.T) {
		tb := newTable(t, true, "a", "busy")
		tb.put("a", "2", 0)
		tb.put("busy", "2", 0)
		tb.poll(fullScope)
		tb.at(testMaxDelay)
		tb.put("busy", "3", 0)
		require.Equal(t, "a", tb.poll(fullScope))
		tb.at(testMaxDelay + 500*ms)
		tb.put("busy", "4", 0)
		tb.put("a", "3", -time.Minute)
		assert.Empty(t, tb.poll(fullScope))
		tb.at(2 * testMaxDelay)
		tb.put("busy", "5", 0)
		assert.Equal(t, "a", tb.poll(fullScope))
	})
}

// TestNextExamination checks that the next examination is when the last file settles, bounded by
// the maximal delay, and when the first one does after that.
func TestNextExamination(t *testing.T) {
	tb := newTable(t, true)
	tb.put("a0", "1", 0)
	tb.poll(fullScope)
	for i := 1; i < 20; i++ {
		tb.put(fmt.Sprint("a", i), "1", -time.Duration(i)*ms)
	}
	tb.poll(fullScope)
	tb.examines(50 * ms)
	tb.at(testMaxDelay - 20*ms)
	for i := range 20 {
		tb.put(fmt.Sprint("a", i), "2", -time.Duration(i)*ms)
	}
	assert.Empty(t, tb.poll(fullScope))
	tb.examines(testMaxDelay)
	tb.at(testMaxDelay)
	for i := range 20 {
		tb.put(fmt.Sprint("a", i), "3", -time.Duration(i)*ms)
	}
	for range 10 { // the order of files is that of a map
		assert.Empty(t, tb.poll(fullScope))
		tb.examines(testMaxDelay + (50+10-19)*ms)
	}
}

// TestTreesOfKnownFiles compares scans that found different ones of the files that were
// delivered, as many in both.
func TestTreesOfKnownFiles(t *testing.T) {
	one := delivery{file{examined: true, stat: stat{id: fileID{1, 1}}}, "one", 0}
	two := delivery{file{examined: true, stat: stat{id: fileID{1, 2}}}, "two", 1}
	delivered := map[string]delivery{"one": one, "two": two}
	before, after := newTree(), newTree()
	before.same.add(one.number)
	after.files["two"] = two.file
	assert.False(t, before.equal(after, delivered))
	assert.False(t, after.equal(before, delivered))
}

// TestOnlyLinksAreSwapped checks that a different file under the same name is a change and not a
// swap, and so is a link that was dangling.
func TestOnlyLinksAreSwapped(t *testing.T) {
	known := file{examined: true, real: "/d", stat: stat{id: fileID{1, 1}}}
	other := file{examined: true, real: "/e", stat: stat{id: fileID{1, 2}}}
	for name, tt := range map[string]struct {
		before, after file
		want          bool
	}{
		"a file":                   {known, other, false},
		"a link that led nowhere":  {file{link: true, err: "does not exist"}, file{link: true, examined: true, real: "/e", stat: other.stat}, false},
		"a link":                   {file{link: true, examined: true, real: "/d", stat: known.stat}, file{link: true, examined: true, real: "/e", stat: other.stat}, true},
		"a link that is a file":    {file{link: true, examined: true, real: "/d", stat: known.stat}, other, true},
		"a link that leads to one": {file{link: true, examined: true, real: "/d", stat: known.stat}, file{link: true, real: "/d", err: "x"}, true},
	} {
		before, after := newTree(), newTree()
		before.files["a"], after.files["a"] = tt.before, tt.after
		assert.Equal(t, tt.want, before.swapped(after, nil), name)
	}
	// A link that is gone was not swapped, though it was delivered.
	link := file{link: true, examined: true, real: "/d", stat: known.stat}
	delivered := map[string]delivery{"a": {other, "a", 0}}
	before, after := newTree(), newTree()
	before.files["a"] = link
	assert.False(t, before.swapped(after, delivered))
}

func TestIsBelow(t *testing.T) {
	for _, tt := range []struct {
		file, dir string
		want      bool
	}{{"a", ".", true}, {"sub/a", ".", true}, {"sub/a", "sub", true}, {"subs/a", "sub", false}, {"a", "sub", false}, {"sub", "sub", false}} {
		assert.Equal(t, tt.want, isBelow(tt.file, tt.dir), tt)
	}
}
