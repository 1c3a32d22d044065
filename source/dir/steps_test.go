//go:build unix

package dir

import (
	"io/fs"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/neurondex/neurondex/source"
	"github.com/stretchr/testify/assert"
)

// TestStatsDiffer changes each part of a stat alone.
func TestStatsDiffer(t *testing.T) {
	s := stat{id: fileID{1, 2}, size: 3, modified: 4, changed: 5, mode: 0o644}
	assert.True(t, s.same(s))
	for name, change := range map[string]func(*stat){
		"device": func(s *stat) { s.id.device++ }, "number": func(s *stat) { s.id.number++ }, "size": func(s *stat) { s.size++ },
		"modified": func(s *stat) { s.modified++ }, "changed": func(s *stat) { s.changed++ }, "mode": func(s *stat) { s.mode = fs.ModeDir },
	} {
		o := s
		change(&o)
		assert.False(t, s.same(o), name)
		f, g := file{stat: s, examined: true}, file{stat: o, examined: true}
		assert.True(t, f.same(f), name)
		assert.False(t, f.same(g), name)
	}
	f := file{stat: s, examined: true}
	for name, g := range map[string]file{"not examined": {stat: s}, "an error": {stat: s, examined: true, err: "x"}} {
		assert.False(t, f.same(g), name)
		assert.False(t, g.same(f), name)
	}
	failed := file{err: "x"}
	assert.True(t, failed.same(file{err: "x", link: true}))
	assert.False(t, failed.same(file{err: "y"}))
	assert.False(t, failed.same(file{err: "x", unknown: true}))

	d := directory{id: fileID{1, 2}, mount: 3, real: "/x"}
	assert.True(t, d.same(directory{id: d.id, mount: 3, real: "/x", link: true, linked: true}))
	for _, e := range []directory{{id: fileID{1, 3}, mount: 3, real: "/x"}, {id: d.id, mount: 4, real: "/x"}, {id: d.id, mount: 3, real: "/y"}} {
		assert.False(t, d.same(e))
	}
	was := map[string]directory{".": d}
	assert.False(t, anyReplaced(was, map[string]directory{".": d, "new": {}}))
	assert.True(t, anyReplaced(was, map[string]directory{}))
	assert.True(t, anyReplaced(was, map[string]directory{".": {id: d.id, mount: 4, real: "/x"}}))
}

// TestGranularity: the times of some file systems are whole seconds.
func TestGranularity(t *testing.T) {
	for modified, want := range map[int64]time.Duration{
		0: 2 * time.Second, int64(time.Second): 2 * time.Second, 7 * int64(time.Second): 2 * time.Second,
		1: 10 * ms, int64(time.Second) + 1: 10 * ms, int64(time.Second) / 2: 10 * ms,
	} {
		assert.Equal(t, want, stat{modified: modified}.granularity(), modified)
	}
	assert.Equal(t, time.Unix(0, 5), stat{modified: 5, changed: 3}.lastChange())
	assert.Equal(t, time.Unix(0, 5), stat{modified: 3, changed: 5}.lastChange())
}

// TestNumbers compares a set of numbers with a map.
func TestNumbers(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var set numbers
	want := make(map[int]bool)
	for range 300 {
		n := random.IntN(1000)
		set.add(n)
		want[n] = true
		assert.Equal(t, len(want), set.count())
	}
	for n := range 2000 {
		assert.Equal(t, want[n], set.has(n), n)
	}
}

// TestNumbersAreReused: the numbers of files that come and go do not grow.
func TestNumbersAreReused(t *testing.T) {
	tb := newTable(t, true, "a", "b", "c")
	for i := range 50 {
		tb.at(time.Duration(i) * time.Hour)
		delete(tb.tree.files, "b")
		tb.poll(fullScope)
		tb.at(time.Duration(i)*time.Hour + time.Minute)
		assert.Equal(t, "-b", tb.poll(fullScope))
		tb.put("b", "1", -time.Hour)
		assert.Equal(t, "b", tb.poll(fullScope))
	}
	tb.at(100 * time.Hour)
	delete(tb.tree.files, "a")
	delete(tb.tree.files, "c")
	tb.poll(fullScope)
	tb.at(101 * time.Hour)
	assert.Equal(t, "-a -c", tb.poll(fullScope))
	tb.put("a", "1", -time.Hour)
	tb.put("c", "1", -time.Hour)
	assert.Equal(t, "a c", tb.poll(fullScope))
	seen := make(map[int]bool)
	for _, d := range tb.p.delivered {
		assert.Less(t, d.number, 5)
		assert.False(t, seen[d.number], "two files have a number")
		seen[d.number] = true
	}
	assert.Len(t, seen, 3)
}

// TestTreesDiffer changes one thing between two scans.
func TestTreesDiffer(t *testing.T) {
	delivered := map[string]delivery{"same": {file{examined: true, stat: stat{size: 1}}, "same", 0}}
	first := func() *tree {
		tr := newTree()
		tr.dirs["."] = directory{id: fileID{1, 1}, real: "/d"}
		tr.files["a"] = file{examined: true, stat: stat{id: fileID{1, 5}, size: 2}}
		tr.files["link"] = file{examined: true, link: true, real: "/x", stat: stat{id: fileID{1, 6}}}
		tr.same.add(0)
		return tr
	}
	for name, tt := range map[string]struct {
		change         func(*tree)
		equal, swapped bool
	}{
		"nothing":             {func(*tree) {}, true, false},
		"size":                {func(tr *tree) { tr.files["a"] = file{examined: true, stat: stat{id: fileID{1, 5}, size: 3}} }, false, false},
		"new file":            {func(tr *tree) { tr.files["b"] = file{examined: true} }, false, false},
		"gone":                {func(tr *tree) { delete(tr.files, "a") }, false, false},
		"another instead":     {func(tr *tree) { delete(tr.files, "a"); tr.files["b"] = file{examined: true} }, false, false},
		"same one is gone":    {func(tr *tree) { tr.same = nil }, false, false},
		"same one differs":    {func(tr *tree) { tr.same = nil; tr.files["same"] = file{examined: true} }, false, false},
		"same one, in files":  {func(tr *tree) { tr.same = nil; tr.files["same"] = delivered["same"].file }, true, false},
		"link, other path":    {func(tr *tree) { f := tr.files["link"]; f.real = "/y"; tr.files["link"] = f }, true, true},
		"link, other file":    {func(tr *tree) { f := tr.files["link"]; f.stat.id.number++; tr.files["link"] = f }, false, true},
		"link, dangling":      {func(tr *tree) { tr.files["link"] = file{link: true, err: "x"} }, false, true},
		"link, gone":          {func(tr *tree) { delete(tr.files, "link") }, false, false},
		"link, content":       {func(tr *tree) { f := tr.files["link"]; f.stat.size++; tr.files["link"] = f }, false, false},
		"directory":           {func(tr *tree) { tr.dirs["."] = directory{id: fileID{1, 2}, real: "/d"} }, true, true},
		"new directory":       {func(tr *tree) { tr.dirs["sub"] = directory{} }, true, false},
		"directory, not seen": {func(tr *tree) { delete(tr.dirs, ".") }, true, false},
	} {
		before, after := first(), first()
		tt.change(after)
		assert.Equal(t, tt.equal, before.equal(after, delivered), name)
		assert.Equal(t, tt.equal, after.equal(before, delivered), name)
		assert.Equal(t, tt.swapped, before.swapped(after, delivered), name)
	}
	tr := newTree()
	tr.unlisted = []string{"sub/"}
	assert.True(t, tr.keeps("sub/a"))
	assert.False(t, tr.keeps("subs/a"))
	assert.False(t, tr.keeps("sub"))
	assert.Equal(t, "/x", file{real: "/x"}.directory())
	assert.Equal(t, "/x", file{real: "/x/y", link: true}.directory())
	for _, tt := range []struct {
		path string
		want bool
	}{{"/a", true}, {"/a/b", true}, {"/a/b/c", true}, {"/", false}, {"/ab", false}, {"/a/bc", false}, {"", false}, {"/z", false}} {
		assert.Equal(t, tt.want, isPartOf(tt.path, []string{"/a/b"}), tt.path)
	}
}

// TestFound: what a resync found is what it delivers and what waits, but for what was expected.
func TestFound(t *testing.T) {
	tb := newTable(t, true, "a")
	tb.put("w", "1", 0)
	tb.poll(fullScope)
	b := source.Batch{Changed: []source.Document{{Name: "c"}, {Name: "e"}}, Removed: []string{"r"}}
	found := tb.p.found(b, map[string]bool{"e": true})
	assert.ElementsMatch(t, []string{"c", "r", "w"}, found)
	assert.True(t, tb.p.shouldBeReported(found))
	tb.p.silent = map[string]bool{"c": true, "r": false, "w": true}
	assert.False(t, tb.p.shouldBeReported(found))
	delete(tb.p.silent, "r")
	assert.True(t, tb.p.shouldBeReported(found))
	assert.False(t, tb.p.shouldBeReported(nil))
}

// TestPollAllRereads: a poll of everything reads files again whose last change is too young to be
// sure of, without waiting until it is not.
func TestPollAllRereads(t *testing.T) {
	tb := newTable(t, true)
	tb.put("a", "1", -5*ms)
	tb.events.documents["a"] = renamed
	assert.Equal(t, "a", tb.poll(fullScope))
	assert.Empty(t, tb.p.namesToExamine(false, false, tb.now))
	assert.Equal(t, map[string]bool{"a": true}, tb.p.namesToExamine(false, true, tb.now))
	tb.at(1 * ms)
	assert.Empty(t, tb.poll(fullScope), "it is not due")
	assert.Equal(t, "a", tb.pollTo(fullScope, source.PollAll, tb.tree))
	tb.at(5 * ms)
	assert.Equal(t, "a", tb.poll(fullScope))
	tb.at(time.Minute)
	assert.Empty(t, tb.pollTo(fullScope, source.PollAll, tb.tree), "it is sure")
}

// TestFarFuture: a file whose time is far in the future is not read again and again.
func TestFarFuture(t *testing.T) {
	for modified, reread := range map[time.Duration]bool{30 * time.Second: true, time.Hour: false} {
		tb := newTable(t, true)
		tb.put("a", "1", modified)
		tb.events.documents["a"] = renamed
		assert.Equal(t, "a", tb.poll(fullScope))
		_, ok := tb.p.reread["a"]
		assert.Equal(t, reread, ok)
	}
}

// TestUnlistedBeforeReread: a file to be read again is left alone while its directory cannot be
// listed.
func TestUnlistedBeforeReread(t *testing.T) {
	tb := newTable(t, true)
	tb.put("sub/a", "1", -5*ms)
	tb.events.documents["sub/a"] = renamed
	assert.Equal(t, "sub/a", tb.poll(fullScope))
	delete(tb.tree.files, "sub/a")
	tb.tree.unlisted = []string{"sub/"}
	tb.at(time.Second)
	assert.Empty(t, tb.poll(fullScope))
	assert.Equal(t, tb.now.Add(verifyInterval), tb.p.reread["sub/a"])
	assert.Empty(t, tb.p.names())
}

// TestBursts: several files that are delivered together, but not one, are a burst.
func TestBursts(t *testing.T) {
	tb := newTable(t, true, "a", "b")
	tb.at(time.Hour)
	burst := tb.p.burst
	tb.put("a", "2", -time.Minute)
	assert.Equal(t, "a", tb.poll(fullScope))
	assert.Equal(t, burst, tb.p.burst)
	tb.put("a", "3", -time.Minute)
	tb.put("b", "3", -time.Minute)
	assert.Equal(t, "a b", tb.poll(fullScope))
	assert.Equal(t, tb.now, tb.p.burst)
	tb.at(2 * time.Hour)
	assert.Equal(t, "a b", tb.pollTo(fullScope, source.PollReread, tb.tree))
	assert.NotEqual(t, tb.now, tb.p.burst, "nothing of it is new")
}

// TestForgotten: nothing is kept of a file that is gone, or is a link no more.
func TestForgotten(t *testing.T) {
	tb := newTable(t, true)
	put := func(link, linked bool) {
		tb.put("a", "1", -5*ms)
		f := tb.tree.files["a"]
		f.link, f.stat.linked = link, linked
		tb.tree.files["a"] = f
		tb.events.documents["a"] = renamed
		tb.poll(fullScope)
	}
	put(true, false)
	assert.Equal(t, map[string]bool{"a": true}, tb.p.silent)
	tb.at(time.Second)
	put(false, true)
	assert.Equal(t, map[string]bool{"a": false}, tb.p.silent)
	tb.at(2 * time.Second)
	put(false, false)
	assert.Empty(t, tb.p.silent)
	assert.Len(t, tb.p.reread, 1)
	tb.at(3 * time.Second)
	put(true, false)
	delete(tb.tree.files, "a")
	tb.poll(fullScope)
	tb.at(4 * time.Second)
	assert.Equal(t, "-a", tb.poll(fullScope))
	assert.Empty(t, tb.p.silent)
	assert.Empty(t, tb.p.reread)
	assert.Empty(t, tb.p.delivered)
}
