package source

import (
	"context"
	"errors"
	"time"
)

// A Source delivers named documents: all of them in the first batches, then what changed.
// Its methods are called by one goroutine, one at a time.
//
// Events and state are separate. Wait only says that something may have changed; Poll
// finds out what did. A lost or a doubled event therefore does no harm.
type Source interface {
	// Wait returns nil when Poll may have something to deliver. It may return early; it
	// must return within a bounded time after a change. It returns the context's error
	// if ctx is done first.
	Wait(ctx context.Context) error

	// Poll returns what changed since it was last delivered. The first Poll delivers
	// every document.
	//
	// An error means that the source, or a part of it, cannot be read now, or that ctx
	// is done. It removes nothing. A batch may come beside an error: what it holds counts
	// as delivered. Batch.Health is always set.
	Poll(ctx context.Context, depth Depth) (Batch, error)

	// Close ends the source and waits for its goroutines.
	Close() error
}

// A Depth is how much a Poll must examine.
type Depth int

// The depths of a [Source.Poll], each including the one before it.
const (
	// PollNotified examines what events, timers and pending documents call for.
	PollNotified Depth = iota
	// PollAll examines every document as of the call.
	PollAll
	// PollReread examines every document and delivers it again, changed or not.
	PollReread
)

// A Batch is what one Poll delivers. Documents that changed together belong in one batch,
// as far as the source can tell.
type Batch struct {
	Changed []Document
	Removed []string // names of documents
	// Pending names documents that are changing. They come in a later batch, for which
	// Wait returns in time.
	Pending []string
	Health  Health
}

// A Document is the content of a named document, or the reason why it cannot be read. The
// extension of the name tells the format: .toml, .json or .jsonc, in upper or lower case.
type Document struct {
	Name string
	Data []byte
	Err  error // Data is nil then
}

// Errors of a [Document], to branch on with [errors.Is].
var (
	// ErrTooLarge means that a document exceeds the size limit of its source.
	ErrTooLarge = errors.New("document too large")
	// ErrNotDocument means that the name is not known to be a document, such as that of a
	// directory that cannot be listed and never had documents. It is worth a warning.
	ErrNotDocument = errors.New("not known to be a document")
)

// Health describes how a source learns of changes. The counts never decrease.
type Health struct {
	Mode     string    `json:"mode"`              // the mechanism, like "inotify"; "poll" if events do not cover the source
	Notified bool      `json:"notified"`          // events cover the whole source, as far as it can tell
	Problem  string    `json:"problem,omitempty"` // why they do not, and what to do; empty if they need not
	LastScan time.Time `json:"lastScan"`          // when it last examined every document

	Events        uint64 `json:"events"`        // events received
	Overflows     uint64 `json:"overflows"`     // times that events were lost
	WatchErrors   uint64 `json:"watchErrors"`   // other failures of the event mechanism
	Resyncs       uint64 `json:"resyncs"`       // full scans that only the timer called for
	ResyncChanges uint64 `json:"resyncChanges"` // those that found a change no event announced

	// Release is what a source of releases delivered last. It is nil for other sources, and
	// before there is one.
	Release *Release `json:"release,omitempty"`

	// Ignored lists files that look like documents and are not read, by name; of many only
	// the first. The slice does not change after the Poll.
	Ignored []Ignored `json:"ignored,omitempty"`
}

// A Release is a catalog that was published under a number: see package release. It does not
// change.
type Release struct {
	Number  int       `json:"number"`
	Time    time.Time `json:"time"` // when it was published
	Message string    `json:"message,omitempty"`
	Cached  bool      `json:"cached,omitempty"` // it was read from a cache, because its store cannot be read
}

// An Ignored is a file that looks like a document and is not read, such as the backup of an
// editor.
type Ignored struct {
	Name string `json:"name"`
	Why  string `json:"why"`
}
