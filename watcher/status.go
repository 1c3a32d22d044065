package watcher

import (
	"errors"
	"fmt"
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
	Hash       registry.Hash
	Datasets   int
	Documents  []DocumentStatus    // all of them, by name
	Overrides  []registry.Override // definitions that another document's hide
	SourceErr  error               // why the source cannot be looked at; nil if it can
	LastLoad   time.Time           // when the registry last changed
	LoadTook   time.Duration       // from the look that found the change to its being served
	Reloads    uint64              // changes of the registry so far
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
