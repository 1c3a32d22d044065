package watcher

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/source"
)

// A State is how a document relates to what is served.
type State string

// The states of a document.
const (
	StateOK      State = "ok"      // its content is served
	StatePending State = "pending" // it is changing; its previous content is served, if it has any
	StateInvalid State = "invalid" // it is invalid or unreadable; nothing of it is served
	StateStale   State = "stale"   // it is invalid or unreadable; its last good datasets are served
	StateHeld    State = "held"    // it is valid or removed, but a change is held: see [WithMaxShrink]
	StateUnknown State = "unknown" // the source cannot be read; its last good datasets are served
)

// isInvalid reports whether the content of a document cannot be served.
func (s State) isInvalid() bool { return s == StateInvalid || s == StateStale }

// A DocumentStatus describes one document.
type DocumentStatus struct {
	Name        string             `json:"name"`
	State       State              `json:"state"`
	Since       time.Time          `json:"since"` // when it came into this state
	Diagnostics config.Diagnostics `json:"diagnostics,omitempty"`
}

// A Status describes a watcher and all of its documents.
type Status struct {
	Ready       bool                `json:"ready"` // see [ErrNotReady]
	Generation  uint64              `json:"generation"`
	Hash        registry.Hash       `json:"hash"` // of the content
	Datasets    int                 `json:"datasets"`
	SourceError string              `json:"sourceError,omitempty"` // why the source cannot be read
	Held        string              `json:"held,omitempty"`        // why a change is held
	LastLoad    time.Time           `json:"lastLoad,omitzero"`     // when the registry last changed
	LoadSeconds float64             `json:"loadSeconds"`           // from the poll that found that change until it was served
	Reloads     uint64              `json:"reloads"`               // changes of the registry so far
	LoadTimes   LoadTimes           `json:"-"`                     // how long each of them took
	LastSuccess time.Time           `json:"lastSuccess,omitzero"`  // when the registry last reflected the whole source
	Source      source.Health       `json:"source,omitzero"`
	Overrides   []registry.Override `json:"overrides,omitempty"` // definitions hidden by those of other documents
	Documents   []DocumentStatus    `json:"documents"`           // sorted by name
}

// LoadTimes counts changes of the registry by the time from the poll that found one until it was
// served.
type LoadTimes struct {
	Seconds float64                     // of all of them
	Within  [len(loadTimeBounds)]uint64 // those that took at most the bound of the same index
}

// loadTimeBounds are in seconds.
var loadTimeBounds = [...]float64{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}

// Bounds returns the bounds of Within, in seconds and ascending.
func (LoadTimes) Bounds() []float64 { return slices.Clone(loadTimeBounds[:]) }

func (t *LoadTimes) add(took time.Duration) {
	t.Seconds += took.Seconds()
	for i, bound := range loadTimeBounds {
		if took.Seconds() <= bound {
			t.Within[i]++
		}
	}
}

// Status describes the watcher and all of its documents. It costs time in proportion to
// their number; see [Watcher.CheckHealth] for a constant-time check. The caller may modify
// the result.
func (w *Watcher) Status() Status {
	w.mu.Lock()
	s, snapshot := w.status, w.snapshot
	s.Documents = make([]DocumentStatus, 0, len(w.documents)+len(w.pending)+len(w.removals))
	for name, doc := range w.documents {
		d := doc.status
		since, isPending := w.pending[name]
		switch {
		case d.State != StateOK:
		case s.SourceError != "":
			d.State, d.Since = StateUnknown, w.failedSince
		case isPending:
			d.State, d.Since = StatePending, since
		}
		s.Documents = append(s.Documents, d)
	}
	for name, since := range w.pending {
		if w.documents[name] == nil {
			s.Documents = append(s.Documents, DocumentStatus{Name: name, State: StatePending, Since: since})
		}
	}
	for name, since := range w.removals {
		if _, isPending := w.pending[name]; !isPending && w.documents[name] == nil {
			s.Documents = append(s.Documents, DocumentStatus{Name: name, State: StateHeld, Since: since})
		}
	}
	w.mu.Unlock()
	for i := range s.Documents {
		s.Documents[i].Diagnostics = slices.Clone(s.Documents[i].Diagnostics)
	}
	sortByName(s.Documents)
	s.Generation, s.Hash, s.Datasets = snapshot.Generation(), snapshot.Hash(), snapshot.Len()
	s.Overrides = slices.Collect(snapshot.Overrides())
	return s
}

func sortByName(docs []DocumentStatus) {
	slices.SortFunc(docs, func(a, b DocumentStatus) int { return cmp.Compare(a.Name, b.Name) })
}

// CheckHealth returns nil if the registry reflects the source, as far as the watcher
// knows. Otherwise the error is one or several of [ErrNotReady], [ErrSource] (with the
// source's own error), [*ShrinkError], [ErrStale] and [ErrClosed]. The time it takes is
// constant, and it never blocks.
func (w *Watcher) CheckHealth() error {
	select {
	case <-w.done:
		return ErrClosed
	default:
	}
	if err := w.healthErr.Load(); err != nil {
		return *err
	}
	return nil
}

// setHealth makes CheckHealth return what is wrong now.
func (w *Watcher) setHealth() {
	var errs []error
	if !w.status.Ready {
		errs = append(errs, ErrNotReady)
	}
	if w.sourceErr != nil {
		errs = append(errs, w.unreadable(w.sourceErr))
	}
	if w.change.held != nil {
		errs = append(errs, w.change.held)
	}
	if w.invalid > 0 {
		errs = append(errs, fmt.Errorf("%w: %d of %d", ErrStale, w.invalid, len(w.documents)))
	}
	if len(errs) == 0 {
		w.healthErr.Store(nil)
		w.mu.Lock()
		w.status.LastSuccess = time.Now()
		w.mu.Unlock()
		return
	}
	err := errors.Join(errs...)
	w.healthErr.Store(&err)
}
