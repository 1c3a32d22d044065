package watcher

import (
	"errors"
	"fmt"
	"strings"
)

// Errors to branch on with [errors.Is].
var (
	// ErrClosed means that the watcher has ended. The registry stays as it is.
	ErrClosed = errors.New("watcher is closed")
	// ErrNotReady means that the source has not been read yet, or that none of its
	// documents could be loaded. See also [WithRequireValid].
	ErrNotReady = errors.New("datasets are not loaded yet")
	// ErrSource means that the source, or a part of it, cannot be read, or that reading it
	// takes longer than 30 seconds. The last good datasets are served, if there are any.
	ErrSource = errors.New("cannot read source; serving last good data")
	// ErrStale means that the registry does not reflect some documents: they are invalid,
	// unreadable or changing. See [StaleError].
	ErrStale = errors.New("registry does not reflect some documents")
	// ErrShrink means that a change is held. See [ShrinkError].
	ErrShrink = errors.New("change would remove too many datasets")
)

// A StaleError lists the documents that the registry does not reflect. It is an [ErrStale].
type StaleError struct{ Documents []DocumentStatus }

// Error names each document and what is wrong with it.
func (e *StaleError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v:", ErrStale)
	for _, d := range e.Documents {
		if err := d.Diagnostics.Err(); err != nil {
			fmt.Fprintf(&b, "\n%v", err)
		} else {
			fmt.Fprintf(&b, "\n%s: %s", d.Name, d.State)
		}
	}
	return b.String()
}

// Is reports whether target is [ErrStale].
func (e *StaleError) Is(target error) bool { return target == ErrStale }

// unreadable returns the error of a source that cannot be read because of err.
func (w *Watcher) unreadable(err error) error {
	if !w.status.Ready {
		return neverReadError{err}
	}
	return fmt.Errorf("%w: %w", ErrSource, err)
}

// A neverReadError is the [ErrSource] of a source of which nothing is served.
type neverReadError struct{ err error }

func (e neverReadError) Error() string   { return "cannot read source: " + e.err.Error() }
func (e neverReadError) Unwrap() []error { return []error{ErrSource, e.err} }

// A ShrinkError describes a change that is held because of [WithMaxShrink]. It is an
// [ErrShrink].
type ShrinkError struct {
	Removed int     // datasets that the change would remove
	Of      int     // datasets in the registry
	Max     float64 // the share of them that may be removed at once
}

// Error says how many datasets would be removed, and how to accept that.
func (e *ShrinkError) Error() string {
	return fmt.Sprintf("removing %d of %d datasets exceeds the limit of %.4g %%; reload to accept", e.Removed, e.Of, 100*e.Max)
}

// Is reports whether target is [ErrShrink].
func (e *ShrinkError) Is(target error) bool { return target == ErrShrink }
