package watcher

import "context"

// A Source delivers named documents: first all of them, then what has changed. One
// goroutine calls its methods, one at a time.
//
// Notice and truth are apart. Wait says only that it may be worth looking; Poll looks.
// So a notice that is lost, or comes once too often, does no harm.
type Source interface {
	// Wait returns nil when Poll may have something new, or an error if ctx ends
	// first. It may return too early, never too late for good.
	Wait(ctx context.Context) error

	// Poll looks at everything and returns what has changed since the last Poll that
	// returned it; the first Poll returns everything. If full is set it returns
	// everything again, whether it seems to have changed or not. An error says that
	// the source as a whole cannot be looked at now: nothing is gone for that.
	Poll(ctx context.Context, full bool) (Batch, error)

	// Close ends the source and waits for what it had running.
	Close() error
}

// A Batch is what one look found. Documents that changed together are to be in one
// batch, as far as the source can tell.
type Batch struct {
	Changed []Document
	Removed []string
	// Pending names documents that are changing just now and will be in a later
	// batch. The source sees to it that Wait returns in time for them.
	Pending []string
}

// A Document is the content of one named document, or why it cannot be read. A name's
// end tells the format: .toml or .json.
type Document struct {
	Name string
	Data []byte
	Err  error
}
