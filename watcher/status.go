package watcher

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/registry"
)

// A State tells how a document stands.
type State string

// The states of a document.
const (
	OK    State = "ok"    // what is served is what it says
	Busy  State = "busy"  // it is being changed; what it said before is served
	Stale State = "stale" // it is bad; what it said when it was last good is served
	Held  State = "held"  // it is good, and held back: see [WithMaxShrink]
)

// A DocumentStatus tells how one document stands.
type DocumentStatus struct {
	Name        string
	State       State
	Since       time.Time // when it came to stand so
	Diagnostics config.Diagnostics
}

// A Status tells how a watcher stands.
type Status struct {
	Ready      bool // the source was loaded once
	Generation uint64
	Hash       registry.Hash // of the content
	Datasets   int
	Documents  []DocumentStatus    // all of them, by name
	Overrides  []registry.Override // definitions that another document's hide
	SourceErr  error               // why the source cannot be looked at; nil if it can
	Held       *ShrinkError        // why a change is held back; nil if none is
	LastLoad   time.Time           // when the registry last changed
	LoadTook   time.Duration       // from the look that found the change to its being served
	Reloads    uint64              // changes of the registry so far
	Source     Health
}

// Status returns how the watcher stands. The caller may keep and change it. It is put
// together when it is asked for, from all documents.
func (w *Watcher) Status() Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.status
	s.Generation, s.Hash, s.Datasets = w.snapshot.Generation(), w.snapshot.Hash(), w.snapshot.Len()
	s.Overrides = slices.Collect(w.snapshot.Overrides())
	s.Documents = make([]DocumentStatus, 0, len(w.documents))
	for name, doc := range w.documents {
		d := doc.DocumentStatus
		if since, ok := w.pending[name]; ok && d.State == OK {
			d.State, d.Since = Busy, since
		}
		s.Documents = append(s.Documents, d)
	}
	for name, since := range w.pending {
		if w.documents[name] == nil {
			s.Documents = append(s.Documents, DocumentStatus{Name: name, State: Busy, Since: since})
		}
	}
	sortByName(s.Documents)
	return s
}

func sortByName(docs []DocumentStatus) {
	slices.SortFunc(docs, func(a, b DocumentStatus) int { return cmp.Compare(a.Name, b.Name) })
}

// ErrStale is what a [*StaleError] is, for [errors.Is].
var ErrStale = errors.New("documents are not served as they stand")

// A StaleError says which documents are not served as they stand in the source, and
// why.
type StaleError struct{ Documents []DocumentStatus }

// Error names each document with what is wrong with it.
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

// Is makes every StaleError an [ErrStale].
func (e *StaleError) Is(target error) bool { return target == ErrStale }

// ErrShrink is what a [*ShrinkError] is, for [errors.Is].
var ErrShrink = errors.New("too many datasets would be removed at once")

// A ShrinkError says that a change was held back by [WithMaxShrink].
type ShrinkError struct {
	Removed  int     // datasets that the change would remove
	Of       int     // datasets that there are
	MaxShare float64 // of them that may be removed at once
}

// Error says how many datasets would be removed, and how to have it so.
func (e *ShrinkError) Error() string {
	return fmt.Sprintf("%v: %d of %d, where a share of %v may be; reload if it is meant, or bring them back", ErrShrink, e.Removed, e.Of, e.MaxShare)
}

// Is makes every ShrinkError an [ErrShrink].
func (e *ShrinkError) Is(target error) bool { return target == ErrShrink }
