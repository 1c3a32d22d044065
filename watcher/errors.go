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
	// ErrSource means that the source, or a part of it, cannot be read. The last good
	// datasets are served.
	ErrSource = errors.New("cannot read source; serving last good data")
	// ErrStale means that some documents are out of date in the registry. See
	// [StaleError].
	ErrStale = errors.New("some documents are out of date")
	// ErrShrink means that a change is held. See [ShrinkError].
	ErrShrink = errors.New("change would remove too many datasets")
)

// A StaleError lists the documents that are out of date in the registry. It is an
// [ErrStale].
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
