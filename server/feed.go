package server

import (
	"sync"

	"github.com/neurondex/neurondex/internal/changes"
)

// A feed is what event streams and long polls wait for. It owns the goroutines of a handler.
type feed struct {
	log  *changes.Log
	stop chan struct{}
	done sync.WaitGroup
}

// follow starts the feed unless it runs. It reports false if the handler is draining.
func (h *Handler) follow() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.isDraining() {
		return false
	}
	if h.feed == nil {
		h.feed = &feed{log: changes.Follow(h.reader), stop: make(chan struct{})}
		if o := &h.options; o.Status != nil && o.CheckHealth != nil {
			h.feed.done.Go(func() { h.feed.log.FollowDocuments(h.feed.stop, o.Status, o.CheckHealth) })
		}
	}
	return true
}

func (f *feed) close() {
	close(f.stop)
	f.done.Wait()
	f.log.Close()
}
