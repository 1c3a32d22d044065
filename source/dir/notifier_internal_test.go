//go:build unix

package dir

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A script is a notifier that reports what a test tells it to.
type script struct {
	watched map[string]bool
	fails   map[string]error // of watches, by path
	adds    []string
	events  chan fsnotify.Event
	errs    chan error
	closed  bool
}

func newScript() *script {
	return &script{watched: make(map[string]bool), fails: make(map[string]error), events: make(chan fsnotify.Event), errs: make(chan error)}
}

func (s *script) Add(dir string) error {
	s.adds = append(s.adds, dir)
	if err := s.fails[dir]; err != nil {
		return err
	}
	s.watched[dir] = true
	return nil
}

func (s *script) Remove(dir string) error       { delete(s.watched, dir); return nil }
func (s *script) WatchList() []string           { return slices.Collect(maps.Keys(s.watched)) }
func (s *script) Events() <-chan fsnotify.Event { return s.events }
func (s *script) Errors() <-chan error          { return s.errs }

func (s *script) Close() error {
	if !s.closed {
		s.closed = true
		close(s.events)
		close(s.errs)
	}
	return nil
}

// A silentWriterWatch reports no events, and records its calls.
type silentWriterWatch struct {
	noWriterWatch
	expected map[string]bool
	dirs     map[string]bool
}

func newSilentWriterWatch() silentWriterWatch {
	return silentWriterWatch{expected: make(map[string]bool), dirs: make(map[string]bool)}
}

func (w silentWriterWatch) add(dir string)     { w.dirs[dir] = true }
func (w silentWriterWatch) close()             { w.dirs["closed"] = true }
func (w silentWriterWatch) remove(dir string)  { delete(w.dirs, dir) }
func (w silentWriterWatch) forget(path string) { delete(w.expected, path) }

func (w silentWriterWatch) expect(path string) <-chan struct{} {
	w.expected[path] = true
	return make(chan struct{})
}

// TestCollectorSorts checks what an event counts as.
func TestCollectorSorts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newScript()
		c := newCollector(n, "/root")
		woken := func() bool {
			synctest.Wait()
			select {
			case <-c.wake:
				return true
			default:
				return false
			}
		}
		none := newEvents()
		for _, tt := range []struct {
			path string
			want func(*events)
			told bool
		}{
			{"", func(*events) {}, false},
			{"/root2/a.toml", func(*events) {}, false},
			{"/beside", func(*events) {}, false},
			{"/root", func(e *events) { e.lost = true }, true},
			{"/root/a.toml", func(e *events) { e.documents["a.toml"] = written }, true},
			{"/root/sub/a.toml", func(e *events) { e.documents["sub/a.toml"] = written }, true},
			{"/root/sub", func(e *events) { e.others["/root/sub"] = true }, true},
			{"/root/.a.toml", func(e *events) { e.others["/root/.a.toml"] = true }, true},
		} {
			time.Sleep(time.Second)
			before, last := c.counts.events, c.lastEvent()
			n.events <- fsnotify.Event{Name: tt.path, Op: fsnotify.Write}
			assert.Equal(t, tt.told, woken(), tt.path)
			assert.Equal(t, tt.told, c.hasEvents(), tt.path)
			want := newEvents()
			tt.want(&want)
			got, counts := c.drain()
			assert.Equal(t, want, got, tt.path)
			if tt.told {
				assert.Equal(t, counts.events, before+1)
				assert.Equal(t, time.Now(), c.lastEvent())
			} else {
				assert.Equal(t, counts.events, before)
				assert.Equal(t, last, c.lastEvent())
			}
			again, _ := c.drain()
			assert.Equal(t, none, again, "drained")
		}

		for i := range maxOthers {
			n.events <- fsnotify.Event{Name: fmt.Sprint("/root/", i), Op: fsnotify.Write}
		}
		synctest.Wait()
		e, _ := c.drain()
		assert.Len(t, e.others, maxOthers)
		assert.False(t, e.lost)
		for i := range maxOthers + 1 {
			n.events <- fsnotify.Event{Name: fmt.Sprint("/root/", i), Op: fsnotify.Write}
		}
		synctest.Wait()
		e, _ = c.drain()
		assert.Len(t, e.others, maxOthers)
		assert.True(t, e.lost)

		assert.False(t, c.hasEnded())
		require.NoError(t, c.close())
		assert.True(t, c.hasEnded())
	})
}

// TestCollectorEnds checks that a collector ends when both channels of its notifier are closed,
// and that a closed channel is not an event.
func TestCollectorEnds(t *testing.T) {
	for _, first := range []string{"events", "errors"} {
		synctest.Test(t, func(t *testing.T) {
			n := newScript()
			c := newCollector(n, "/root")
			if first == "events" {
				close(n.events)
			} else {
				close(n.errs)
			}
			synctest.Wait()
			assert.False(t, c.hasEnded())
			assert.Empty(t, c.wake)
			assert.False(t, c.hasEvents())
			if first == "events" {
				n.errs <- syscall.EIO
				close(n.errs)
			} else {
				n.events <- fsnotify.Event{Name: "/root/a.toml"}
				close(n.events)
			}
			synctest.Wait()
			assert.True(t, c.hasEnded())
			assert.Len(t, c.wake, 1)
			assert.True(t, c.hasEvents())
		})
	}
}

// TestNoEvents checks what counts as an event.
func TestNoEvents(t *testing.T) {
	one, other := map[string]origin{"a.toml": written}, map[string]bool{"/root/b": true}
	for _, tt := range []struct {
		e    events
		want bool
	}{
		{events{}, true}, {newEvents(), true}, {events{documents: one}, false}, {events{others: other}, false},
		{events{documents: one, others: other}, false}, {events{lost: true}, false},
	} {
		assert.Equal(t, tt.want, tt.e.isEmpty(), "%+v", tt.e)
	}
}

// TestCollectorFails checks what an error of the notifier counts as.
func TestCollectorFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newScript()
		c := newCollector(n, "/root")
		defer c.close()
		passed := c.expect("/barrier/1")
		isPassed := func() bool {
			synctest.Wait()
			select {
			case <-passed:
				return true
			default:
				return false
			}
		}
		for _, tt := range []struct {
			err    error
			want   counts
			passes bool
		}{
			{syscall.EIO, counts{errors: 1}, false},
			{fmt.Errorf("queue: %w", fsnotify.ErrEventOverflow), counts{errors: 1, overflows: 1}, true},
		} {
			time.Sleep(time.Second)
			n.errs <- tt.err
			assert.Equal(t, tt.passes, isPassed())
			assert.Equal(t, time.Now(), c.lastEvent())
			<-c.wake
			e, got := c.drain()
			assert.True(t, e.lost)
			assert.Empty(t, e.documents)
			assert.Equal(t, tt.want, got)
		}
		assert.Empty(t, c.barriers)

		// The event of a barrier is not an event of the directory.
		passed = c.expect("/root/b.toml")
		n.events <- fsnotify.Event{Name: "/root/b.toml", Op: fsnotify.Create}
		assert.True(t, isPassed())
		assert.False(t, c.hasEvents())
		passed = c.expect("/root/b.toml")
		c.forget("/root/b.toml")
		n.events <- fsnotify.Event{Name: "/root/b.toml", Op: fsnotify.Create}
		assert.False(t, isPassed())
		assert.True(t, c.hasEvents())
	})
}

// expected returns the paths whose events are waited for.
func (c *collector) expected() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Keys(c.barriers))
}

// TestBarrierBegins checks that there is no barrier without a directory or a watch, and that no
// directory is left then.
func TestBarrierBegins(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "missing"))
	n, w := newScript(), newSilentWriterWatch()
	assert.Equal(t, barrier{}, newBarrier(n, w))
	assert.Empty(t, n.adds)
	assert.Empty(t, w.dirs)

	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	assert.Equal(t, barrier{}, newBarrier(refusing{n}, w))
	assert.Empty(t, w.dirs)
	left, err := os.ReadDir(temp)
	require.NoError(t, err)
	assert.Empty(t, left)

	b := newBarrier(n, w)
	assert.Equal(t, map[string]bool{b.dir: true}, n.watched)
	assert.Equal(t, map[string]bool{b.dir: true}, w.dirs)
	dir := b.dir
	b.close()
	assert.NoDirExists(t, dir)
	assert.Equal(t, barrier{}, b)
	b.close()
}

// A refusing notifier watches nothing.
type refusing struct{ *script }

func (refusing) Add(string) error { return syscall.ENOSPC }

// TestBarrierEnds checks that a barrier waits for both watches, until its timeout or the end of
// its context, and leaves no file.
func TestBarrierEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, w := newScript(), newSilentWriterWatch()
		c := newCollector(n, "/root")
		defer c.close()
		b := newBarrier(n, w)
		nothingLeft := func() {
			t.Helper()
			left, err := os.ReadDir(b.dir)
			require.NoError(t, err)
			assert.Empty(t, left)
			assert.Empty(t, c.barriers)
			assert.Empty(t, w.expected)
		}
		start := time.Now()
		assert.False(t, b.pass(t.Context(), c, w))
		assert.Equal(t, barrierTimeout, time.Since(start))
		nothingLeft()

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		start = time.Now()
		assert.False(t, b.pass(ctx, c, w))
		assert.Equal(t, start, time.Now())
		nothingLeft()

		passes := make(chan bool)
		go func() { passes <- b.pass(t.Context(), c, noWriterWatch{}) }()
		synctest.Wait()
		paths := c.expected()
		require.Len(t, paths, 1)
		assert.FileExists(t, paths[0])
		n.events <- fsnotify.Event{Name: paths[0], Op: fsnotify.Create}
		assert.True(t, <-passes)
		nothingLeft()

		require.NoError(t, os.RemoveAll(b.dir))
		start = time.Now()
		assert.False(t, b.pass(t.Context(), c, w), "its directory is gone")
		assert.Equal(t, start, time.Now())
		assert.Empty(t, c.barriers)
		assert.Empty(t, w.expected)
	})
}

// newTestWatches returns watches of /root with notifiers that a test controls, made by notify.
func newTestWatches(s *system) *watches {
	if s.remote == nil {
		s.remote = func(string) bool { return false }
	}
	w := newWatches("/nowhere/root", *s, false)
	return w
}

// TestWatchesOfScans checks what scans watch, and what of it is said to be covered.
func TestWatchesOfScans(t *testing.T) {
	n := newScript()
	w := newTestWatches(&system{notify: func() (notifier, error) { return n, nil }})
	id := func(number uint64) fileID { return fileID{device: 1, number: number} }
	scan := func(dirs map[string]fileID, unlisted ...string) {
		w.begin()
		for _, path := range slices.Sorted(maps.Keys(dirs)) {
			w.enter(path, dirs[path])
		}
		w.end(&tree{unlisted: unlisted})
	}
	watched := func() (paths []string) {
		for path := range n.watched {
			if path != w.barrier.dir {
				paths = append(paths, path)
			}
		}
		slices.Sort(paths)
		return paths
	}
	const root, sub, other = "/nowhere/root", "/nowhere/root/sub", "/nowhere/root/other"
	assert.False(t, w.intact())
	assert.False(t, w.haveEvents())
	assert.Equal(t, events{}, w.drain())
	assert.Nil(t, w.woken())
	assert.Zero(t, w.lastEvent())
	assert.False(t, w.pass(t.Context()))

	scan(map[string]fileID{root: id(1), sub: id(2)})
	defer w.stop()
	assert.Equal(t, []string{root, sub}, watched())
	assert.True(t, w.covered)
	assert.True(t, w.intact())
	assert.False(t, w.haveEvents())
	assert.Equal(t, notifierName(), w.health().Mode)

	// A watch that is active is not made again; one of another directory is.
	n.adds = nil
	scan(map[string]fileID{root: id(1), sub: id(2)})
	assert.Empty(t, n.adds)
	scan(map[string]fileID{root: id(1), sub: id(3)})
	assert.Equal(t, []string{sub}, n.adds)
	assert.Equal(t, map[fileID]string{id(1): root, id(3): sub}, w.paths)

	// A directory under another name is watched there; under two names, once.
	scan(map[string]fileID{root: id(1), other: id(3)})
	assert.Equal(t, []string{root, other}, watched())
	assert.False(t, w.aliased)
	scan(map[string]fileID{root: id(1), other: id(3), sub: id(3)})
	assert.True(t, w.aliased)
	assert.True(t, w.covered)
	assert.Equal(t, []string{root, other}, watched())
	scan(map[string]fileID{root: id(1), sub: id(2)})
	assert.False(t, w.aliased)
	assert.Equal(t, []string{root, sub}, watched(), "what is gone is not watched")
	scan(map[string]fileID{root: id(1), other: id(2), sub: id(2)})
	assert.Equal(t, []string{root, other}, watched(), "of two names, the first one met is watched")
	scan(map[string]fileID{root: id(1), sub: id(2)})

	// A watch that has ended is found, and made again.
	require.NoError(t, n.Remove(sub))
	assert.False(t, w.intact())
	scan(map[string]fileID{root: id(1), sub: id(2)})
	assert.True(t, w.intact())

	// A directory that cannot be watched is not covered, unless it cannot be listed either.
	n.fails[other] = syscall.ENOSPC
	scan(map[string]fileID{root: id(1), sub: id(2), other: id(4)})
	assert.False(t, w.covered)
	assert.NotEmpty(t, w.problem)
	assert.Equal(t, modePoll, w.health().Mode)
	assert.Equal(t, uint64(1), w.health().WatchErrors)
	scan(map[string]fileID{root: id(1), sub: id(2), other: id(4)}, "other/")
	assert.True(t, w.covered)
	assert.Empty(t, w.problem)
	n.fails[other] = &os.PathError{Op: "watch", Path: other, Err: os.ErrNotExist}
	errorsBefore := w.health().WatchErrors
	scan(map[string]fileID{root: id(1), sub: id(2), other: id(4)})
	assert.False(t, w.covered)
	assert.Equal(t, errorsBefore, w.health().WatchErrors, "a missing file is not a watch error")
	delete(n.fails, other)

	// Without the tree, only the parent stays watched.
	require.NoError(t, w.add("/nowhere", id(9)))
	w.drop()
	assert.Equal(t, []string{"/nowhere"}, watched())
	scan(map[string]fileID{root: id(1)})
	assert.Equal(t, []string{"/nowhere", root}, watched())

	// A notifier that has ended is replaced, and its counts are kept.
	w.collector.add(fsnotify.Event{Name: root + "/a.toml"})
	w.drain()
	failures := w.health().WatchErrors
	require.NoError(t, n.Close())
	<-w.collector.done
	old := n
	n = newScript()
	scan(map[string]fileID{root: id(1)})
	assert.Equal(t, []string{root}, watched())
	assert.True(t, w.covered)
	assert.True(t, old.closed)
	assert.Equal(t, failures+1, w.health().WatchErrors)
	w.collector.add(fsnotify.Event{Name: root + "/a.toml"})
	assert.True(t, w.haveEvents())
	w.drain()
	assert.Equal(t, uint64(2), w.health().Events)
	w.collector.add(fsnotify.Event{Name: root + "/a.toml"})
	require.NoError(t, w.stop())
	assert.Equal(t, uint64(3), w.health().Events)
	require.NoError(t, w.stop())
	assert.Equal(t, uint64(3), w.health().Events)
	assert.Empty(t, w.watched)
	assert.Empty(t, w.paths)
}

// TestWritersOfWatches checks that writers are watched in the directories of the tree, and only
// as long as these are.
func TestWritersOfWatches(t *testing.T) {
	root := filepath.Join(t.TempDir(), "root")
	n, writers := newScript(), newSilentWriterWatch()
	w := newWatches(root, system{remote: func(string) bool { return false }, notify: func() (notifier, error) { return n, nil }}, false)
	w.begin()
	w.writers.close()
	w.writers = writers
	assert.Equal(t, runtime.GOOS == "linux", n.watched[filepath.Dir(root)], "the parent, which reports when the root is back")
	require.NoError(t, w.add(filepath.Dir(root), fileID{1, 9}))
	require.NoError(t, w.add(root, fileID{1, 1}))
	require.NoError(t, w.add(root+"/sub", fileID{1, 2}))
	assert.Equal(t, map[string]bool{root: true, root + "/sub": true}, writers.dirs)
	w.remove(root + "/sub")
	assert.Equal(t, map[string]bool{root: true}, writers.dirs)
	require.NoError(t, w.stop())
	assert.True(t, writers.dirs["closed"])
}

// TestWatchesElsewhere checks that a remote file system is polled.
func TestWatchesElsewhere(t *testing.T) {
	remote := map[string]bool{}
	n := newScript()
	starts := 0
	w := newTestWatches(&system{
		notify: func() (notifier, error) { starts++; n = newScript(); return n, nil },
		remote: func(path string) bool { return remote[path] },
	})
	defer w.stop()
	const root, sub = "/nowhere/root", "/nowhere/root/sub"
	here, there := fileID{device: 1, number: 1}, fileID{device: 2, number: 2}
	scan := func(subID fileID) {
		w.begin()
		w.enter(root, here)
		w.enter(sub, subID)
		w.end(newTree())
	}
	remote[sub] = true
	scan(fileID{device: 1, number: 3})
	assert.True(t, w.covered, "on the device of the root, nothing is asked")
	assert.False(t, w.remote)
	scan(there)
	assert.False(t, w.covered)
	assert.True(t, w.remote)
	assert.Equal(t, problemRemote, w.health().Problem)
	remote[sub] = false
	scan(there)
	assert.True(t, w.covered)
	assert.False(t, w.remote)
	assert.Empty(t, w.health().Problem)
	assert.Equal(t, 1, starts)

	remote[root] = true
	scan(there)
	assert.False(t, w.covered)
	assert.True(t, w.remote)
	assert.Equal(t, problemRemote, w.health().Problem)
	assert.True(t, n.closed, "its events are not needed any more")
	assert.Nil(t, w.collector)
	remote[root] = false
	scan(there)
	assert.True(t, w.covered)
	assert.Equal(t, 2, starts)

	polling := newWatches(root, w.system, true)
	polling.begin()
	polling.enter(root, here)
	polling.end(newTree())
	assert.False(t, polling.covered)
	assert.Empty(t, polling.health().Problem, "it is wanted")
	assert.Equal(t, 2, starts)
}

// TestNoNotifier checks that each scan tries again to start a notifier that could not be
// started.
func TestNoNotifier(t *testing.T) {
	fault := error(syscall.EMFILE)
	w := newTestWatches(&system{notify: func() (notifier, error) {
		if fault != nil {
			return nil, fault
		}
		return newScript(), nil
	}})
	for i := range 3 {
		w.begin()
		w.enter("/nowhere/root", fileID{1, 1})
		w.end(newTree())
		assert.False(t, w.covered)
		assert.NotEmpty(t, w.health().Problem)
		assert.Equal(t, uint64(i+1), w.health().WatchErrors)
	}
	fault = nil
	w.begin()
	assert.True(t, w.covered)
	assert.Empty(t, w.health().Problem)
	require.NoError(t, w.stop())
}

// TestBarriersMissed checks that a notifier whose barrier does not arrive is replaced once, and
// that barriers are disabled if that does not help.
func TestBarriersMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newScript()
		w := newTestWatches(&system{notify: func() (notifier, error) { n = newScript(); return n, nil }})
		defer w.stop()
		w.begin()
		w.writers.close() // only the notifier counts here
		w.writers = noWriterWatch{}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		assert.False(t, w.pass(ctx))
		assert.False(t, w.missed, "the caller has left")

		answer := func() bool {
			passes := make(chan bool)
			go func() { passes <- w.pass(t.Context()) }()
			synctest.Wait()
			for _, path := range w.collector.expected() {
				n.events <- fsnotify.Event{Name: path, Op: fsnotify.Create}
			}
			return <-passes
		}
		assert.True(t, answer())
		assert.False(t, w.pass(t.Context()))
		assert.True(t, w.missed)
		assert.Nil(t, w.collector, "the next scan starts another one")
		assert.Equal(t, uint64(1), w.failures)

		w.begin()
		w.writers.close()
		w.writers = noWriterWatch{}
		assert.True(t, answer())
		assert.False(t, w.missed)
		assert.False(t, w.pass(t.Context()))
		w.begin()
		w.writers.close()
		w.writers = noWriterWatch{}
		assert.False(t, w.pass(t.Context()), "the second one in a row")
		assert.NotNil(t, w.collector)
		assert.Empty(t, w.barrier.dir)
		start := time.Now()
		assert.False(t, w.pass(t.Context()))
		assert.Equal(t, start, time.Now())
		assert.Equal(t, uint64(2), w.failures)
	})
}

// TestSilentNotifier checks that a notifier that reported no event for a change is not trusted,
// even if its barriers arrive.
func TestSilentNotifier(t *testing.T) {
	w := &watches{system: realSystem, root: t.TempDir(), writers: noWriterWatch{}, watched: make(map[string]fileID), paths: make(map[fileID]string)}
	w.begin()
	defer w.stop()
	assert.True(t, w.pass(t.Context()))
	w.isSilent = true
	assert.False(t, w.pass(t.Context()))
	assert.False(t, w.missed)
}

func TestCounts(t *testing.T) {
	assert.Equal(t, counts{11, 22, 33}, counts{1, 2, 3}.plus(counts{10, 20, 30}))
}

// TestWatchProblems checks that problems name the limits of the system, and no paths.
func TestWatchProblems(t *testing.T) {
	path := &os.PathError{Op: "watch", Path: "/srv/secret/data", Err: errors.New("input/output error")}
	assert.NotContains(t, watchProblem(path), "/srv/secret")
	assert.Contains(t, watchProblem(path), "input/output error")
}

// TestReportedIgnored checks the files that events report between two scans.
func TestReportedIgnored(t *testing.T) {
	root := t.TempDir()
	files, err := openDisk(root, false)
	require.NoError(t, err)
	defer files.Close()
	var g ignored
	g.examine(files)
	assert.Nil(t, g.files)
	for _, name := range []string{"a.toml~", "b.yaml"} {
		require.NoError(t, os.WriteFile(filepath.Join(root, name), nil, 0o644))
	}
	require.NoError(t, os.Mkdir(filepath.Join(root, "d.yaml"), 0o755))
	for _, name := range []string{"a.toml~", "b.yaml", "c.yaml", "d.yaml", "plain.toml", "notes.md"} {
		g.report(name)
	}
	assert.Len(t, g.reported, 4)
	g.examine(files)
	assert.Empty(t, g.reported)
	assert.Equal(t, map[string]string{"a.toml~": "editor backup", "b.yaml": "not .toml, .json or .jsonc"}, g.files)
	list := g.list
	require.Len(t, list, 2)
	assert.Equal(t, "a.toml~", list[0].Name)
	assert.Equal(t, "editor backup", list[0].Why)

	g.report("b.yaml")
	g.examine(files)
	assert.Same(t, &list[0], &g.list[0], "the list is the same one as long as nothing changes")
	require.NoError(t, os.Remove(filepath.Join(root, "a.toml~")))
	g.report("a.toml~")
	g.examine(files)
	assert.Len(t, g.list, 1)
	assert.Len(t, list, 2, "a list that was handed out stays")

	many := make(map[string]string)
	for i := range 2 * maxIgnored {
		many[fmt.Sprintf("%03d.yaml", i)] = "x"
	}
	g.report("b.yaml")
	g.set(many)
	assert.Empty(t, g.reported, "a full scan has seen it")
	assert.Len(t, g.list, maxIgnored)
	assert.Equal(t, "000.yaml", g.list[0].Name)
	assert.Equal(t, fmt.Sprintf("%03d.yaml", maxIgnored-1), g.list[maxIgnored-1].Name)
	for i := range 2 * maxOthers {
		g.report(fmt.Sprint(i, ".yaml"))
	}
	assert.Len(t, g.reported, maxOthers)
}
