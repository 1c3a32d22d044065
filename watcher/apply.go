package watcher

import (
	"crypto/sha256"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/source"
)

// A document is what the loop remembers of one.
type document struct {
	sum         [sha256.Size]byte // of its last content, valid or not
	notDocument bool              // see source.ErrNotDocument
	status      DocumentStatus
}

// A change is what is to be applied: what the last poll found, and what was held before.
type change struct {
	put    map[string]registry.Document
	remove map[string]bool
	held   *ShrinkError // why it was held; nil if it was not
}

// A transition is a document that came into another state, or has other diagnostics.
type transition struct {
	document DocumentStatus
	from     State              // empty for a new document; that of a removed one becomes empty
	known    config.Diagnostics // before
}

// record brings what is remembered of documents up to date, and adds the valid ones to the
// change.
func (w *Watcher) record(batch source.Batch, results []parsed) []transition {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	if w.change.put == nil {
		w.change.put, w.change.remove = make(map[string]registry.Document), make(map[string]bool)
	}
	served := served{snapshot: w.registry.Snapshot()}
	var transitions []transition
	for i, doc := range batch.Changed {
		p := &results[i]
		if p.isSame {
			continue
		}
		d := w.documents[doc.Name]
		if d == nil {
			d = &document{status: DocumentStatus{Name: doc.Name}}
			w.documents[doc.Name] = d
			delete(w.change.remove, doc.Name) // it is back before its removal was applied
		}
		from, known := d.status.State, d.status.Diagnostics
		d.sum, d.notDocument, d.status.Diagnostics = p.sum, p.notDocument, p.diagnostics
		switch {
		case p.notDocument:
			w.setState(d, StateOK, now)
		case p.diagnostics.Count(config.SeverityError) > 0:
			w.setState(d, served.stateOfInvalid(doc.Name), now)
		default:
			w.setState(d, StateOK, now)
			w.change.put[doc.Name] = registry.Document{Name: doc.Name, Datasets: p.datasets}
		}
		transitions = append(transitions, transition{d.status, from, known})
	}
	for _, name := range batch.Removed {
		if d := w.documents[name]; d != nil {
			from, known := d.status.State, d.status.Diagnostics
			w.setState(d, "", now)
			delete(w.documents, name)
			d.status.Diagnostics = nil
			transitions = append(transitions, transition{d.status, from, known})
		}
		delete(w.change.put, name)
		w.change.remove[name] = true
	}
	return transitions
}

// setState needs w.mu.
func (w *Watcher) setState(d *document, s State, now time.Time) {
	if d.status.State == s {
		return
	}
	if d.status.State.isInvalid() {
		w.invalid--
	}
	if s.isInvalid() {
		w.invalid++
	}
	d.status.State, d.status.Since = s, now
}

// An application is what apply did.
type application struct {
	update   registry.Update
	rejected []transition // documents that the registry did not take
	wasHeld  *ShrinkError // the state before; w.change.held is the one after
}

// accept notes which documents may remove as many datasets as they do: those that a reload
// found changed, or pending, as long as its caller waits.
func (w *Watcher) accept(batch source.Batch, reload bool) {
	if !reload {
		if !slices.ContainsFunc(w.waiting, (*request).acceptsAll) {
			w.accepted = nil
		}
		return
	}
	w.accepted = make(map[string]bool)
	for name := range w.change.put {
		w.accepted[name] = true
	}
	for name := range w.change.remove {
		w.accepted[name] = true
	}
	for _, name := range batch.Pending {
		w.accepted[name] = true
	}
}

// apply applies the change, or holds it.
func (w *Watcher) apply() application {
	a := application{wasHeld: w.change.held}
	for {
		c := registry.Change{Put: slices.Collect(maps.Values(w.change.put)), Remove: slices.Collect(maps.Keys(w.change.remove))}
		update, err := w.registry.ApplyIf(c, func(u registry.Update) error {
			return w.options.checkShrink(u, w.accepted)
		})
		if bad, ok := errors.AsType[*registry.DocumentError](err); ok && w.hasPut(bad.Document) {
			// Parse should have found it. This document must not keep the others out.
			a.rejected = append(a.rejected, w.reject(bad))
			continue
		}
		if err == nil {
			release(c.Put)
		}
		a.update = update
		w.change.held, _ = errors.AsType[*ShrinkError](err)
		break
	}
	w.updateStates()
	if a.update.After == nil { // nothing was applied
		current := w.registry.Snapshot()
		a.update = registry.Update{Before: current, After: current}
	}
	return a
}

// updateStates brings the states of the documents of the change up to date, once it is applied
// or held.
func (w *Watcher) updateStates() {
	w.mu.Lock()
	defer w.mu.Unlock()
	now, isHeld := time.Now(), w.change.held != nil
	served := served{snapshot: w.registry.Snapshot()}
	for name := range w.change.put {
		switch d := w.documents[name]; {
		case d.status.State.isInvalid(): // it became so while the change was held
			w.setState(d, served.stateOfInvalid(name), now)
		case isHeld:
			w.setState(d, StateHeld, now)
		default:
			w.setState(d, StateOK, now)
		}
	}
	known := w.removals
	w.removals = nil
	if !isHeld {
		w.change = change{}
		return
	}
	w.removals = make(map[string]time.Time)
	for name := range w.change.remove {
		if served.has(name) {
			w.removals[name] = now
			if since, ok := known[name]; ok {
				w.removals[name] = since
			}
		}
	}
}

func (w *Watcher) hasPut(document string) bool {
	_, ok := w.change.put[document]
	return ok
}

// reject takes a document that the registry does not take out of the change.
func (w *Watcher) reject(err *registry.DocumentError) transition {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.change.put, err.Document)
	d := w.documents[err.Document]
	from, known := d.status.State, d.status.Diagnostics
	d.status.Diagnostics = append(slices.Clone(d.status.Diagnostics), config.Diagnostic{
		Severity: config.SeverityError, Rule: config.RuleBadValue, File: err.Document, Message: err.Error()})
	served := served{snapshot: w.registry.Snapshot()}
	w.setState(d, served.stateOfInvalid(err.Document), time.Now())
	return transition{d.status, from, known}
}
