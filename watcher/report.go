package watcher

import (
	"context"
	"log/slog"
	"time"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/source"
)

// report brings the status up to date and logs what happened.
func (w *Watcher) report(batch source.Batch, err error, transitions []transition, a application, start time.Time) {
	wasReady, wasErr := w.status.Ready, w.sourceErr
	took := time.Since(start)
	w.updateStatus(batch, err, a.update, took)
	w.setHealth()
	for _, t := range append(transitions, a.rejected...) {
		w.logDocument(t)
	}
	w.logSource(wasErr, wasReady)
	w.logHeld(a.wasHeld)
	if a.update.Before != a.update.After {
		w.logUpdate(a.update, took)
	} else if w.status.Ready && !wasReady {
		w.options.log.Info("datasets loaded: none")
	}
}

func (w *Watcher) updateStatus(batch source.Batch, err error, u registry.Update, took time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	w.sourceErr = err
	s := &w.status
	s.Source, s.SourceError, s.Held = batch.Health, "", ""
	if w.change.held != nil {
		s.Held = w.change.held.Error()
	}
	w.snapshot = u.After
	if u.Before != u.After {
		s.LastLoad, s.LoadSeconds = now, took.Seconds()
		s.Reloads++
	}
	was := w.pending
	w.pending = make(map[string]time.Time, len(batch.Pending))
	for _, name := range batch.Pending {
		w.pending[name] = now
		if since, ok := was[name]; ok {
			w.pending[name] = since
		}
	}
	if err != nil {
		s.SourceError = err.Error()
		return
	}
	s.Ready = s.Ready || len(batch.Pending) == 0 || u.Before != u.After
}

// logDocument logs the diagnostics of a document, and what becomes of it.
func (w *Watcher) logDocument(t transition) {
	d := t.document
	for _, found := range d.Diagnostics {
		level := map[config.Severity]slog.Level{config.SeverityError: slog.LevelError, config.SeverityWarning: slog.LevelWarn}[found.Severity]
		w.options.log.LogAttrs(context.Background(), level, "dataset file: "+found.Message, position(found)...)
	}
	switch {
	case d.State == StateStale && t.from == "":
		w.options.log.Error("skipping invalid file", "file", d.Name)
	case d.State == StateStale:
		w.options.log.Error("invalid file; serving its last good datasets", "file", d.Name)
	case t.from == StateStale && d.State == "":
		w.options.log.Info("invalid file was removed", "file", d.Name)
	case t.from == StateStale:
		w.options.log.Info("invalid file is fixed", "file", d.Name)
	}
}

// position returns where a diagnostic is, its rule, and what was probably meant.
func position(d config.Diagnostic) []slog.Attr {
	attrs := []slog.Attr{slog.String("file", d.File)}
	if d.Line > 0 {
		attrs = append(attrs, slog.Int("line", d.Line), slog.Int("column", d.Column))
	}
	if d.Field != "" {
		attrs = append(attrs, slog.String("field", d.Field))
	}
	if d.Suggestion != "" {
		attrs = append(attrs, slog.String("suggestion", d.Suggestion))
	}
	return append(attrs, slog.String("rule", string(d.Rule)))
}

func (w *Watcher) logSource(was error, wasReady bool) {
	switch err := w.sourceErr; {
	case err == nil && was != nil:
		w.options.log.Info("source can be read again")
	case err == nil, was != nil && was.Error() == err.Error():
	case wasReady:
		w.options.log.Error(ErrSource.Error(), "err", err)
	case w.options.wait: // otherwise Follow returns it
		w.options.log.Warn("cannot read source yet; waiting for it", "err", err)
	}
}

func (w *Watcher) logHeld(was *ShrinkError) {
	switch held := w.change.held; {
	case held == nil && was != nil:
		w.options.log.Info("change is not held any more")
	case held != nil && (was == nil || *was != *held):
		w.options.log.Error("change held", "err", held)
	}
}

// maxNames is the number of datasets that are named in one log line.
const maxNames = 10

// logUpdate logs what an update changed.
func (w *Watcher) logUpdate(u registry.Update, took time.Duration) {
	for o := range u.Overrides() {
		w.options.log.Warn("dataset is overridden", "dataset", o.Key.String(), "file", o.Hidden.Document, "line", o.Hidden.Line,
			"by", o.By.Document, "by_line", o.By.Line)
	}
	diff := u.Diff()
	attrs := []any{
		"generation", u.After.Generation(), "datasets", u.After.Len(), "documents", len(w.documents), "took", took,
	}
	names := func(what string, n int, key func(int) registry.Key) {
		if n == 0 {
			return
		}
		list := make([]string, 0, maxNames+1)
		for i := range min(n, maxNames) {
			list = append(list, key(i).String())
		}
		if n > maxNames {
			list = append(list, "...")
		}
		attrs = append(attrs, what, list)
	}
	names("added", len(diff.Added), func(i int) registry.Key { return diff.Added[i].Key() })
	names("updated", len(diff.Updated), func(i int) registry.Key { return diff.Updated[i].After.Key() })
	names("removed", len(diff.Removed), func(i int) registry.Key { return diff.Removed[i].Key() })
	w.options.log.Info("datasets loaded: "+diff.String(), attrs...)
}
