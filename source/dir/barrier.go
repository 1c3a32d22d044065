package dir

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// barrierTimeout is how long the event of a barrier is waited for. It takes some tens of
// microseconds, unless the notifier has ended.
const barrierTimeout = time.Second

// A barrier is a private directory that the notifier and the writer watch watch. The system
// reports events to each in order, and queues the event of a change before the system call
// that made it returns. So once both know of a file that was created here, they know of all
// earlier changes of the watched directories.
type barrier struct {
	dir   string // empty if there is none
	count int
}

// newBarrier returns one that never passes if there is no temporary directory, or no watch
// left for it.
func newBarrier(n notifier, w writerWatch) barrier {
	dir, err := os.MkdirTemp("", "neurondex-")
	if err != nil {
		return barrier{}
	}
	if err := n.Add(dir); err != nil {
		_ = os.Remove(dir)
		return barrier{}
	}
	w.add(dir)
	return barrier{dir: dir}
}

// pass waits until every event of changes before the call has been collected, and reports
// whether that is so.
func (b *barrier) pass(ctx context.Context, c *collector, w writerWatch) bool {
	b.count++
	path := filepath.Join(b.dir, strconv.Itoa(b.count))
	collected, written := c.expect(path), w.expect(path)
	defer c.forget(path)
	defer w.forget(path)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return false
	}
	_ = f.Close()
	// It stays until its event has come: kqueue reports only files that still exist.
	defer func() { _ = os.Remove(path) }()
	timer := time.NewTimer(barrierTimeout)
	defer timer.Stop()
	for collected != nil || written != nil {
		select {
		case <-collected:
			collected = nil
		case <-written:
			written = nil
		case <-timer.C:
			return false
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// Barriers are the events that are waited for, by path. Their owner guards them.
type barriers map[string]chan struct{}

// expect returns a channel that is closed by the first event of a path.
func (b barriers) expect(path string) <-chan struct{} {
	passed := make(chan struct{})
	b[path] = passed
	return passed
}

// pass closes the channel of a path, and reports whether one was expected.
func (b barriers) pass(path string) bool {
	passed, ok := b[path]
	if ok {
		delete(b, path)
		close(passed)
	}
	return ok
}

// passAll closes all channels: events were lost.
func (b barriers) passAll() {
	for path := range b {
		b.pass(path)
	}
}

func (b *barrier) close() {
	if b.dir != "" {
		_ = os.RemoveAll(b.dir) // what is left is empty
	}
	b.dir = ""
}
