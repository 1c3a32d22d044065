package watcher

import (
	"context"
	"time"
)

// A Source delivers named documents: first all of them, then what has changed. One
// goroutine calls its methods, one at a time. Package watchertest holds the tests that
// every Source is to pass.
//
// Notice and truth are apart. Wait says only that it may be worth looking; Poll looks.
// So a notice that is lost, or comes once too often, does no harm.
type Source interface {
	// Wait returns nil when Poll may have something new, or an error if ctx ends
	// first. It may return too early, never too late for good.
	Wait(ctx context.Context) error

	// Poll looks, as deep as it is asked to, and returns what has changed since it was
	// delivered last; the first Poll returns everything. An error says that the source as
	// a whole cannot be looked at now, or that ctx is done: nothing is gone for that, and
	// nothing counts as delivered. Health is given with an error, too.
	Poll(ctx context.Context, depth Depth) (Batch, error)

	// Close ends the source and waits for what it had running.
	Close() error
}

// A Depth tells how much a Poll is to look at, at least.
type Depth int

// The depths.
const (
	Noticed    Depth = iota // what Wait may have been told of
	Everything              // all that there is, as it stands when Poll is called
	Afresh                  // the same, delivered again whether it changed or not
)

// A Batch is what one look found. Documents that changed together are to be in one
// batch, as far as the source can tell.
type Batch struct {
	Changed []Document
	Removed []string
	// Pending names documents that are changing just now and will be in a later
	// batch. The source sees to it that Wait returns in time for them.
	Pending []string
	Health  Health
}

// A Document is the content of one named document, or why it cannot be read. A name's
// end tells the format: .toml, .json or .jsonc.
type Document struct {
	Name string
	Data []byte
	Err  error
}

// Health tells how a source comes to know of changes. Its counts only grow.
type Health struct {
	Mode     string    // how it is told of changes, like "inotify"; "poll" if it is not
	Alive    bool      // it is told of every change, as far as it knows
	LastScan time.Time // when it last looked at everything

	Events      uint64 // notices of changes
	Overflows   uint64 // times that notices were lost
	WatchErrors uint64 // times that being told failed otherwise
	Resyncs     uint64 // looks at everything that only the clock called for
	Found       uint64 // those of them that found a change
}
