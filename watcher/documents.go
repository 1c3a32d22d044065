package watcher

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"maps"
	"runtime"
	"slices"
	"time"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/internal/parallel"
	"github.com/neurondex/neurondex/registry"
)

// A document is what the loop remembers of one.
type document struct {
	DocumentStatus
	sum [sha256.Size]byte // of what it said last, good or bad
}

// A parsed is what a document was found to hold.
type parsed struct {
	sum      [sha256.Size]byte
	same     bool // as the last time
	datasets []registry.Spec
	found    config.Diagnostics
}

// held is what is to be applied: what the last look found, and what [WithMaxShrink] held
// back before.
type held struct {
	put    map[string]registry.Document
	remove map[string]bool
	err    *ShrinkError // why it was held back; nil if it was not
}

// parse parses documents on all cores; those with the same bytes as before it does not.
func (w *Watcher) parse(docs []Document) []parsed {
	out := make([]parsed, len(docs))
	one := func(i int) {
		doc, p := &docs[i], &out[i]
		if doc.Err != nil {
			p.found = config.Diagnostics{config.UnreadableDiagnostic(doc.Name, doc.Err)}
			p.sum = sha256.Sum256([]byte(doc.Err.Error()))
		} else {
			p.sum = sha256.Sum256(doc.Data)
		}
		if known := w.documents[doc.Name]; known != nil && known.sum == p.sum {
			p.same = true
			return
		}
		if doc.Err != nil {
			return
		}
		p.datasets, p.found = config.Parse(doc.Name, doc.Data, w.options.parsing...)
		if len(bytes.TrimSpace(doc.Data)) == 0 {
			p.found = w.emptied(doc.Name, p.found)
		}
		doc.Data = nil // it is not needed any more, and may be large
	}
	parallel.For(len(docs), runtime.GOMAXPROCS(0), one)
	return out
}

// emptied makes it an error that a document which had datasets is empty: it is far more
// often half written than meant.
func (w *Watcher) emptied(name string, found config.Diagnostics) config.Diagnostics {
	if n, _ := w.registry.Snapshot().DocumentLen(name); n == 0 {
		return found
	}
	return config.Diagnostics{{Severity: config.SeverityError, Rule: config.RuleEmptyDocument, File: name,
		Message: "had datasets and is empty now; to withdraw them, delete it or give an empty list"}}
}

// accept brings what is remembered of the documents up to date, and adds what the good ones
// say to what is to be applied.
func (w *Watcher) accept(batch Batch, results []parsed) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	if w.held.put == nil {
		w.held.put, w.held.remove = make(map[string]registry.Document), make(map[string]bool)
	}
	for i, doc := range batch.Changed {
		p := &results[i]
		if p.same {
			continue
		}
		known := w.documents[doc.Name]
		if known == nil {
			known = &document{DocumentStatus: DocumentStatus{Name: doc.Name}}
			w.documents[doc.Name] = known
		}
		was := known.State
		known.sum, known.Diagnostics = p.sum, p.found
		if p.found.Count(config.SeverityError) > 0 {
			known.stand(Stale, now)
		} else {
			known.stand(OK, now)
			w.held.put[doc.Name] = registry.Document{Name: doc.Name, Datasets: p.datasets}
			delete(w.held.remove, doc.Name)
		}
		w.logDocument(known, was)
	}
	for _, name := range batch.Removed {
		delete(w.documents, name)
		delete(w.held.put, name)
		w.held.remove[name] = true
	}
}

func (d *document) stand(s State, now time.Time) {
	if d.State != s {
		d.State, d.Since = s, now
	}
}

// apply applies what is to be. Unless it is meant, the guard may hold it back.
func (w *Watcher) apply(meant bool) (registry.Update, error) {
	change := registry.Change{Put: slices.Collect(maps.Values(w.held.put)), Remove: slices.Collect(maps.Keys(w.held.remove))}
	update, err := w.registry.ApplyIf(change, func(u registry.Update) error {
		if meant {
			return nil
		}
		return w.options.guard(u)
	})
	state := OK
	refused, _ := errors.AsType[*ShrinkError](err)
	switch {
	case refused != nil:
		state, err = Held, nil
		if w.held.err == nil || *w.held.err != *refused {
			w.options.log.Error("change held back", "err", refused)
		}
	case err != nil:
		// Parse lets nothing through that a registry does not take.
		w.options.log.Error("datasets not applied", "err", err)
	case w.held.err != nil:
		w.options.log.Info("nothing is held back any more")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	for name := range w.held.put {
		if d := w.documents[name]; d.State != Stale {
			d.stand(state, now)
		}
	}
	if refused == nil {
		w.held = held{}
	}
	w.held.err = refused
	if update.After == nil { // nothing was applied
		current := w.registry.Snapshot()
		update = registry.Update{Before: current, After: current}
	}
	return update, err
}

// report brings the status up to date and logs what has changed for readers.
func (w *Watcher) report(u registry.Update, pending []string, start time.Time) {
	snapshot := w.registry.Snapshot()
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	was := w.pending
	w.pending = make(map[string]time.Time, len(pending))
	for _, name := range pending {
		w.pending[name] = now
		if since, ok := was[name]; ok {
			w.pending[name] = since
		}
	}
	s := &w.status
	if s.SourceErr != nil {
		w.options.log.Info("datasets can be looked at again")
		s.SourceErr = nil
	}
	for o := range u.Overrides() {
		w.options.log.Warn("dataset is overridden", "dataset", o.Key.String(), "file", o.Hidden.Document, "line", o.Hidden.Line,
			"by", o.By.Document, "by_line", o.By.Line)
	}
	w.snapshot, s.Held = snapshot, w.held.err
	if u.Before != u.After {
		s.LastLoad, s.LoadTook = now, now.Sub(start)
		s.Reloads++
		w.logUpdate(u)
	} else if !s.Ready && len(pending) == 0 {
		w.options.log.Info("datasets loaded: there are none")
	}
	s.Ready = s.Ready || len(pending) == 0 || u.Before != u.After
}

func (w *Watcher) noteHealth(h Health) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.status.Source = h
}

// logDocument says what is wrong with a document, or that nothing is any more.
func (w *Watcher) logDocument(d *document, was State) {
	for _, f := range d.Diagnostics {
		level := slog.LevelWarn
		if f.Severity == config.SeverityError {
			level = slog.LevelError
		}
		w.options.log.Log(context.Background(), level, "dataset file: "+f.Message,
			"file", f.File, "line", f.Line, "column", f.Column, "field", f.Field, "rule", string(f.Rule))
	}
	switch {
	case d.State == Stale && was == "":
		w.options.log.Error("dataset file is not loaded until it is mended", "file", d.Name)
	case d.State == Stale:
		w.options.log.Error("dataset file is bad; what it held when it was last good stays in service", "file", d.Name)
	case was == Stale:
		w.options.log.Info("dataset file is good again", "file", d.Name)
	}
}

func (w *Watcher) sourceFailed(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.status.SourceErr == nil || w.status.SourceErr.Error() != err.Error() {
		if w.status.Ready {
			w.options.log.Error("datasets cannot be looked at; what was loaded stays in service", "err", err)
		} else {
			w.options.log.Warn("datasets cannot be looked at yet; waiting for them", "err", err)
		}
	}
	w.status.SourceErr = err
}

// logUpdate says what an update changed, in words and numbers.
func (w *Watcher) logUpdate(u registry.Update) {
	diff := u.Diff()
	attrs := []any{
		"generation", u.After.Generation(), "datasets", u.After.Len(), "documents", len(w.documents), "took", w.status.LoadTook,
	}
	names := func(what string, n int, key func(int) registry.Key) {
		const most = 10 // a first load of thousands is not to fill a screen
		if n == 0 {
			return
		}
		list := make([]string, 0, most+1)
		for i := range min(n, most) {
			list = append(list, key(i).String())
		}
		if n > most {
			list = append(list, "...")
		}
		attrs = append(attrs, what, list)
	}
	names("added", len(diff.Added), func(i int) registry.Key { return diff.Added[i].Key() })
	names("updated", len(diff.Updated), func(i int) registry.Key { return diff.Updated[i].After.Key() })
	names("removed", len(diff.Removed), func(i int) registry.Key { return diff.Removed[i].Key() })
	w.options.log.Info("datasets loaded: "+diff.String(), attrs...)
}
