package server

import (
	"slices"
	"sync"
	"time"

	"github.com/neurondex/neurondex/internal/changes"
	"github.com/neurondex/neurondex/watcher"
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
			h.feed.done.Go(func() { h.feed.followDocuments(o.Status, o.CheckHealth) })
		}
	}
	return true
}

func (f *feed) close() {
	close(f.stop)
	f.done.Wait()
	f.log.Close()
}

// How often the documents are examined. The status of all of them costs time in proportion to
// their number, unlike the check of their health.
const (
	healthInterval = time.Second
	statusInterval = 15 * time.Second
)

// followDocuments adds to the log which documents become invalid or valid.
func (f *feed) followDocuments(status func() watcher.Status, checkHealth func() error) {
	tick := time.NewTicker(healthInterval)
	defer tick.Stop()
	invalid, health, generation, last := invalidDocuments(status()), errorText(checkHealth()), uint64(0), time.Now()
	for {
		select {
		case <-f.stop:
			return
		case <-tick.C:
		}
		s, _ := f.log.Latest()
		healthNow, generationNow := errorText(checkHealth()), s.Generation()
		if healthNow == health && generationNow == generation && time.Since(last) < statusInterval {
			continue
		}
		now := invalidDocuments(status())
		became, valid := without(now, invalid), without(invalid, now)
		if len(became)+len(valid) > 0 {
			f.log.AddDocuments(became, valid)
		}
		invalid, health, generation, last = now, healthNow, generationNow, time.Now()
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// invalidDocuments returns the names of the documents that are invalid, in order.
func invalidDocuments(s watcher.Status) []string {
	var names []string
	for _, d := range s.Documents {
		if d.State == watcher.StateInvalid || d.State == watcher.StateStale {
			names = append(names, d.Name)
		}
	}
	return names
}

// without returns the names that are not in a list, which is in order.
func without(names, list []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		_, found := slices.BinarySearch(list, name)
		return found
	})
}
