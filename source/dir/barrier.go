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

// A barrier is a private directory that the notifier watches. The system reports events in
// order, and queues the event of a change before the system call that made it returns. So
// once the event of a file that was created here has come, those of all earlier changes of
// the watched directories have.
type barrier struct {
	dir   string // empty if there is none
	count int
}

// newBarrier returns one that never passes if there is no temporary directory, or no watch
// left for it.
func newBarrier(n notifier) barrier {
	dir, err := os.MkdirTemp("", "neurondex-")
	if err != nil {
		return barrier{}
	}
	if err := n.Add(dir); err != nil {
		_ = os.Remove(dir)
		return barrier{}
	}
	return barrier{dir: dir}
}

// pass waits until every event of changes before the call has been collected, and reports
// whether that is so.
func (b *barrier) pass(ctx context.Context, c *collector) bool {
	b.count++
	path := filepath.Join(b.dir, strconv.Itoa(b.count))
	passed := c.expect(path)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		c.forget(path)
		return false
	}
	_ = f.Close()
	// It stays until its event has come: kqueue reports only files that still exist.
	defer func() { _ = os.Remove(path) }()
	timer := time.NewTimer(barrierTimeout)
	defer timer.Stop()
	select {
	case <-passed:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	c.forget(path)
	return false
}

func (b *barrier) close() {
	if b.dir != "" {
		_ = os.RemoveAll(b.dir) // what is left is empty
	}
	b.dir = ""
}
