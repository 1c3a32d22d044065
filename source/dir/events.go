package dir

import (
	"errors"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/neurondex/neurondex/internal/disk"
)

// Events are what the notifier reported since the last drain.
type events struct {
	// documents are names of dataset files, each with what the last event was.
	documents map[string]origin
	// others are absolute paths of anything else.
	others map[string]bool
	// lost says that there were more events, or may have been.
	lost bool
}

// An origin is how a file came to be as it is, according to the last event.
type origin int

const (
	written     origin = iota // in place, or it is not known
	renamed                   // by a rename of a file that is no dataset file: it is whole
	renamedData               // by a rename of a dataset file, which may be partly written
)

func newEvents() events {
	return events{documents: make(map[string]origin), others: make(map[string]bool)}
}

func (e *events) isEmpty() bool { return len(e.documents)+len(e.others) == 0 && !e.lost }

// maxOthers is the number of other paths that are examined one by one. A full scan costs
// less than more of them.
const maxOthers = 256

// A collector takes events off a notifier as they come, so that the queue of the system
// does not overflow, and keeps them until they are drained.
type collector struct {
	notifier notifier
	root     string        // the directory that is followed, absolute
	wake     chan struct{} // receives a value after an event; holds one
	done     chan struct{} // closed when the goroutine has ended

	mu       sync.Mutex // guards the fields below
	events   events
	last     time.Time // of the last event
	counts   counts
	barriers barriers
}

// Counts are totals since the collector started.
type counts struct{ events, overflows, errors uint64 }

func newCollector(n notifier, root string) *collector {
	c := &collector{notifier: n, root: root, wake: make(chan struct{}, 1), done: make(chan struct{}), events: newEvents(), barriers: make(barriers)}
	go c.run()
	return c
}

// run ends when the notifier is closed.
func (c *collector) run() {
	defer close(c.done)
	events, errs := c.notifier.Events(), c.notifier.Errors()
	for events != nil || errs != nil {
		select {
		case e, ok := <-events:
			if !ok {
				events = nil
				continue
			}
			if !c.add(e) {
				continue
			}
		case err, ok := <-errs:
			if !ok {
				errs = nil
				continue
			}
			c.fail(err)
		}
		select {
		case c.wake <- struct{}{}:
		default:
		}
	}
}

// add records an event and reports whether it concerns the directory.
func (c *collector) add(e fsnotify.Event) bool {
	name, ok := nameBelow(c.root, e.Name)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.barriers.pass(e.Name) {
		return false
	}
	if !ok {
		return false // beside the root: its parent is watched; or without a name
	}
	c.counts.events++
	c.last = time.Now()
	switch {
	case name == ".":
		c.events.lost = true
	case disk.IsDocument(filepath.Base(name)):
		c.events.documents[name] = originOf(e)
	case len(c.events.others) < maxOthers:
		c.events.others[e.Name] = true
	default:
		c.events.lost = true
	}
	return true
}

// originOf tells a rename from a creation. fsnotify knows the old name, and only tells it in
// the event's text.
func originOf(e fsnotify.Event) origin {
	if !e.Has(fsnotify.Create) || e == (fsnotify.Event{Name: e.Name, Op: e.Op}) {
		return written
	}
	_, old, _ := strings.Cut(strings.TrimPrefix(e.String(), fsnotify.Event{Name: e.Name, Op: e.Op}.String()), "← ")
	if old, err := strconv.Unquote(old); err == nil && !disk.IsDocument(filepath.Base(old)) {
		return renamed
	}
	return renamedData
}

func (c *collector) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events.lost = true
	c.last = time.Now()
	if errors.Is(err, fsnotify.ErrEventOverflow) {
		c.counts.overflows++
		c.barriers.passAll() // lost says enough
	} else {
		c.counts.errors++
	}
}

// drain returns the events since the last call, and the totals.
func (c *collector) drain() (events, counts) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.events
	c.events = newEvents()
	return e, c.counts
}

// hasEvents reports whether drain would return events.
func (c *collector) hasEvents() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.events.isEmpty()
}

// expect returns a channel that is closed by the first event of a path.
func (c *collector) expect(path string) <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.barriers.expect(path)
}

// forget ends what expect began.
func (c *collector) forget(path string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.barriers, path)
}

// lastEvent returns when the last event came.
func (c *collector) lastEvent() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last
}

// hasEnded reports whether the notifier has ended.
func (c *collector) hasEnded() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

func (c *collector) close() error {
	err := c.notifier.Close()
	<-c.done
	return err
}

// nameBelow returns the name that an absolute path has below root, "." for root itself.
func nameBelow(root, path string) (name string, ok bool) {
	if path == root {
		return ".", true
	}
	rest, ok := strings.CutPrefix(path, root+string(filepath.Separator))
	return filepath.ToSlash(rest), ok
}
