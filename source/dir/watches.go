package dir

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/neurondex/neurondex/internal/redact"
	"github.com/neurondex/neurondex/source"
)

// Watches are the directories that the notifier watches. A full scan calls begin, then
// enter for each directory before it is listed, then end. They are used by the goroutine
// that polls.
type watches struct {
	root    string // absolute
	system  system
	polling bool // events are not wanted

	collector *collector        // nil without a notifier
	writers   writerWatch       // of the same directories
	barrier   barrier           // of the notifier
	missed    bool              // the last barrier did not pass
	isSilent  bool              // changes were found that events should have reported, and did not
	watched   map[string]fileID // by absolute path; a watch follows the directory, not the path
	paths     map[fileID]string // the path that a directory is watched by: the notifier knows one only
	failures  uint64
	closed    counts // of collectors that were closed
	counts    counts // of the collector, as of the last drain

	coverage // of the last full scan that could list the root

	// Of the last full scan.
	remote    bool             // a directory is on another machine
	aliased   bool             // two names lead to one directory: events name only one of them
	device    uint64           // of the root
	met       map[fileID]bool  // directories
	entered   map[string]bool  // their absolute paths
	unwatched map[string]error // absolute paths of those that cannot be watched, and why
}

// A coverage says whether events cover a tree.
type coverage struct {
	covered bool   // they cover every directory
	problem string // why they do not; empty if they are not wanted
}

const modePoll = "poll"

func newWatches(root string, s system, polling bool) *watches {
	return &watches{root: root, system: s, polling: polling, writers: noWriterWatch{}, watched: make(map[string]fileID), paths: make(map[fileID]string)}
}

// begin starts a notifier, unless events are not wanted or not available, and forgets watches that have ended.
func (w *watches) begin() {
	w.covered, w.aliased, w.device, w.problem = false, false, 0, ""
	w.remote = w.system.remote(w.root)
	w.met, w.entered, w.unwatched = make(map[fileID]bool), make(map[string]bool), make(map[string]error)
	if w.remote {
		w.problem = problemRemote
	}
	if w.polling || w.remote {
		_ = w.stop() // its events are not needed any more
		return
	}
	if w.collector != nil && w.collector.hasEnded() {
		w.restart()
	}
	if w.collector == nil {
		n, err := w.system.notify()
		if err != nil {
			w.failures++
			w.problem = watchProblem(err)
			return
		}
		w.collector, w.writers = newCollector(n, w.root), newWriterWatch()
		w.barrier = newBarrier(n, w.writers)
	}
	w.covered = true
	active := w.active()
	for path := range w.watched {
		if _, ok := slices.BinarySearch(active, path); !ok {
			w.remove(path)
		}
	}
	if runtime.GOOS == "linux" { // kqueue would open every file beside the root
		if info, err := os.Stat(w.parent()); err == nil && w.parent() != w.root {
			// It only saves time: a new root is also found by verifying.
			_ = w.add(w.parent(), newStat(info).id)
		}
	}
}

// enter watches a directory that is about to be listed, so that no change is lost between
// the two.
func (w *watches) enter(path string, id fileID) {
	w.entered[path] = true
	if path == w.root {
		w.device = id.device
	} else if id.device != w.device && w.system.remote(path) {
		w.remote, w.covered, w.problem = true, false, problemRemote
	}
	if w.collector == nil {
		return
	}
	if w.met[id] {
		w.aliased = true // it is watched under its other name
		return
	}
	w.met[id] = true
	if err := w.add(path, id); err != nil {
		w.unwatched[path] = err
	}
}

// end removes the watches of directories that were not entered. Those that cannot be listed
// need none: the watch of the directory above reports when that changes.
func (w *watches) end(t *tree) {
	for _, path := range slices.Sorted(maps.Keys(w.unwatched)) {
		if name, _ := nameBelow(w.root, path); !slices.Contains(t.unlisted, name+"/") {
			w.covered, w.problem = false, watchProblem(w.unwatched[path])
		}
	}
	for path := range w.watched {
		if !w.entered[path] && path != w.parent() {
			w.remove(path)
		}
	}
}

// drop removes the watches of the tree. That of the parent stays: it reports when the root
// is back.
func (w *watches) drop() {
	for path := range w.watched {
		if path != w.parent() {
			w.remove(path)
		}
	}
}

// intact reports whether every watch is still active.
func (w *watches) intact() bool {
	if w.collector == nil {
		return false
	}
	active := w.active()
	for path := range w.watched {
		if _, ok := slices.BinarySearch(active, path); !ok {
			return false
		}
	}
	return true
}

func (w *watches) parent() string { return filepath.Dir(w.root) }

// active returns the paths that the notifier watches, sorted.
func (w *watches) active() []string {
	list := w.collector.notifier.WatchList()
	slices.Sort(list)
	return list
}

// add watches a directory. A watch of what the path led to before ends.
func (w *watches) add(path string, id fileID) error {
	if old, ok := w.watched[path]; ok && old.same(id) {
		return nil
	}
	w.remove(path)
	if other, ok := w.paths[id]; ok {
		w.remove(other)
	}
	if err := w.collector.notifier.Add(path); err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			w.failures++
		}
		return err
	}
	w.watched[path], w.paths[id] = id, path
	if path != w.parent() {
		w.writers.add(path)
	}
	return nil
}

func (w *watches) remove(path string) {
	id, ok := w.watched[path]
	if !ok {
		return
	}
	delete(w.watched, path)
	delete(w.paths, id)
	w.writers.remove(path)
	// It fails if the directory was removed, and its watch with it.
	_ = w.collector.notifier.Remove(path)
}

// pass waits until all events of changes before the call can be drained, and reports whether
// that is so. Events then tell all that they cover.
func (w *watches) pass(ctx context.Context) bool {
	if w.barrier.dir == "" {
		return false
	}
	passed := w.barrier.pass(ctx, w.collector, w.writers)
	switch {
	case passed:
		w.missed = false
	case ctx.Err() != nil:
	case w.missed:
		w.barrier.close() // it did not pass with another notifier either
	default:
		w.missed = true
		w.restart()
	}
	return passed && !w.isSilent
}

// haveEvents reports whether drain would return events.
func (w *watches) haveEvents() bool { return w.collector != nil && w.collector.hasEvents() }

// drain returns the events since the last call.
func (w *watches) drain() events {
	if w.collector == nil {
		return events{}
	}
	var e events
	e, w.counts = w.collector.drain()
	return e
}

// woken receives a value after an event; never without a notifier.
func (w *watches) woken() <-chan struct{} {
	if w.collector == nil {
		return nil
	}
	return w.collector.wake
}

// lastEvent returns when the last event came.
func (w *watches) lastEvent() time.Time {
	if w.collector == nil {
		return time.Time{}
	}
	return w.collector.lastEvent()
}

// health returns what the watches know of it.
func (w *watches) health() source.Health {
	total := w.closed.plus(w.counts)
	h := source.Health{Mode: modePoll, Problem: w.problem, Events: total.events, Overflows: total.overflows, WatchErrors: total.errors + w.failures}
	if w.covered {
		h.Mode = notifierName()
	}
	return h
}

// restart ends the notifier; the next full scan starts another one.
func (w *watches) restart() {
	w.failures++
	_ = w.stop() // it has ended already
}

// stop ends the notifier, if there is one.
func (w *watches) stop() error {
	if w.collector == nil {
		return nil
	}
	w.writers.close()
	w.barrier.close()
	err := w.collector.close()
	_, last := w.collector.drain()
	w.closed = w.closed.plus(last)
	w.collector, w.writers, w.counts = nil, noWriterWatch{}, counts{}
	clear(w.watched)
	clear(w.paths)
	return err
}

func (c counts) plus(d counts) counts {
	return counts{c.events + d.events, c.overflows + d.overflows, c.errors + d.errors}
}

// A notifier is the part of fsnotify that is used.
type notifier interface {
	Add(dir string) error
	Remove(dir string) error
	WatchList() []string
	Events() <-chan fsnotify.Event
	Errors() <-chan error
	Close() error
}

// An fsNotifier is a notifier: fsnotify has its channels as fields.
type fsNotifier struct{ *fsnotify.Watcher }

func newNotifier() (notifier, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	return fsNotifier{w}, nil
}

// Events returns the channel of events.
func (n fsNotifier) Events() <-chan fsnotify.Event { return n.Watcher.Events }

// Errors returns the channel of errors.
func (n fsNotifier) Errors() <-chan error { return n.Watcher.Errors }

const problemRemote = "the file system reports no changes of other machines"

// watchProblem says why a directory is not watched, and what to do about it.
func watchProblem(err error) string {
	switch {
	case runtime.GOOS != "linux":
	case errors.Is(err, syscall.ENOSPC):
		return "no inotify watch is left; raise the sysctl fs.inotify.max_user_watches"
	case errors.Is(err, syscall.EMFILE):
		return "no inotify instance is left; raise the sysctl fs.inotify.max_user_instances"
	}
	return redact.Paths(err.Error(), err) // a server shows it to anybody
}

// notifierName returns the system's event mechanism.
func notifierName() string {
	switch runtime.GOOS {
	case "linux", "android":
		return "inotify"
	case "windows":
		return "ReadDirectoryChangesW"
	case "solaris", "illumos":
		return "fen"
	default:
		return "kqueue"
	}
}
