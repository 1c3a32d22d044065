package watcher

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/source"
)

// report brings the status up to date and logs what happened.
func (w *Watcher) report(batch source.Batch, err error, transitions []transition, a application, start time.Time) {
	wasReady, wasErr, wasHealth := w.status.Ready, w.sourceErr, w.status.Source
	took := time.Since(start)
	w.updateStatus(batch, err, a.update, took)
	w.setHealth()
	for _, t := range append(transitions, a.rejected...) {
		w.logDocument(t)
	}
	w.logSource(wasErr, wasReady)
	w.logHealth(wasHealth, batch.Health)
	w.logIgnored(batch.Health.Ignored)
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
	w.setSourceErr(err, now)
	s := &w.status
	s.Source, s.Held = batch.Health, ""
	if w.change.held != nil {
		s.Held = w.change.held.Error()
	}
	w.snapshot = u.After
	if u.Before != u.After {
		s.LastLoad, s.LoadSeconds = now, took.Seconds()
		s.Reloads++
		s.LoadTimes.add(took)
	}
	was := w.pending
	w.pending = make(map[string]time.Time, len(batch.Pending))
	for _, name := range batch.Pending {
		w.pending[name] = now
		if since, ok := was[name]; ok {
			w.pending[name] = since
		}
	}
	if err == nil {
		s.Ready = s.Ready || w.isReady(len(batch.Pending))
	}
}

// setSourceErr notes why the source cannot be read; nil if it can be. It needs w.mu.
func (w *Watcher) setSourceErr(err error, now time.Time) {
	w.sourceErr = err
	switch {
	case err == nil:
		w.status.SourceError, w.failedSince = "", time.Time{}
		return
	case w.failedSince.IsZero():
		w.failedSince = now
	}
	w.status.SourceError = err.Error()
}

// reportSlow says that the poll that is running takes too long: a file system whose server is
// gone, for one, does not return an error.
func (w *Watcher) reportSlow() {
	was := w.sourceErr
	w.mu.Lock()
	w.setSourceErr(errSlow, time.Now())
	w.mu.Unlock()
	w.setHealth()
	w.logSource(was, w.status.Ready)
}

// isReady reports whether enough documents are loaded to serve them: one at least if there
// are any.
func (w *Watcher) isReady(pending int) bool {
	anyValid := false
	for _, d := range w.documents {
		if !d.notDocument && !d.status.State.isInvalid() {
			anyValid = true
		}
	}
	if w.options.allValid || !anyValid {
		return w.invalid+pending == 0
	}
	return true
}

// maxDiagnostics is the number of diagnostics of a document, and of overrides, that are logged
// at once.
const maxDiagnostics = 20

// logDocument logs what is wrong with a document and was not before, one line for each
// diagnostic, and what becomes of the document.
func (w *Watcher) logDocument(t transition) {
	d := t.document
	log := func(level slog.Level, msg string, attrs ...slog.Attr) {
		w.options.log.LogAttrs(context.Background(), level, msg, append([]slog.Attr{slog.String("file", d.Name)}, attrs...)...)
	}
	invalid := "invalid file; serving its last good datasets"
	if d.State == StateInvalid {
		invalid = "invalid file; skipping it"
	}
	fresh := news(t.known, d.Diagnostics)
	if errors := d.Diagnostics.Count(config.SeverityError); errors > 0 && fresh.Count(config.SeverityError) == 0 {
		log(slog.LevelError, "file has changed and is still invalid", slog.Int("errors", errors))
	}
	for i, found := range fresh {
		if i == maxDiagnostics {
			log(slog.LevelWarn, "file has more problems; see its status", slog.Int("more", len(fresh)-i))
			break
		}
		switch found.Severity {
		case config.SeverityError:
			log(slog.LevelError, invalid, attributes(found)...)
		case config.SeverityWarning:
			log(slog.LevelWarn, "file has a warning", attributes(found)...)
		default:
			log(slog.LevelInfo, "file has a hint", attributes(found)...)
		}
	}
	switch {
	case !t.from.isInvalid(), d.State.isInvalid():
	case d.State == "":
		log(slog.LevelInfo, "invalid file was removed")
	default:
		log(slog.LevelInfo, "invalid file is fixed")
	}
}

// attributes returns what a diagnostic says, and where.
func attributes(d config.Diagnostic) []slog.Attr {
	var attrs []slog.Attr
	if d.Line > 0 {
		attrs = append(attrs, slog.Int("line", d.Line), slog.Int("column", d.Column))
	}
	if d.Field != "" {
		attrs = append(attrs, slog.String("field", d.Field))
	}
	attrs = append(attrs, slog.String("problem", d.Message))
	if d.Suggestion != "" {
		attrs = append(attrs, slog.String("suggestion", d.Suggestion))
	}
	if d.Datasets > 1 {
		attrs = append(attrs, slog.Int("datasets", d.Datasets))
	}
	return append(attrs, slog.String("rule", string(d.Rule)))
}

// logHealth logs when events stop covering the source, and when they do again. Of releases, the
// problem is another one, such as a cache that cannot be written.
func (w *Watcher) logHealth(was, is source.Health) {
	switch {
	case is.Problem == was.Problem:
	case is.Problem != "" && is.Release != nil:
		w.options.log.Warn("problem with releases", "reason", is.Problem)
	case is.Release != nil:
		w.options.log.Info("no problem with releases any more", "release", is.Release.Number)
	case is.Problem != "":
		w.options.log.Warn("events do not cover the source; scanning it periodically", "reason", is.Problem)
	default:
		w.options.log.Info("events cover the source again", "mode", is.Mode)
	}
}

// maxIgnored is the number of files that are remembered though they are not ignored any more.
const maxIgnored = 1000

// logIgnored names files that the source ignores, each once.
func (w *Watcher) logIgnored(files []source.Ignored) {
	if len(w.ignored) > len(files)+maxIgnored {
		maps.DeleteFunc(w.ignored, func(name string, _ bool) bool {
			return !slices.ContainsFunc(files, func(f source.Ignored) bool { return f.Name == name })
		})
	}
	var found []source.Ignored
	for _, f := range files {
		if !w.ignored[f.Name] {
			w.ignored[f.Name] = true
			found = append(found, f)
		}
	}
	if len(found) > 0 {
		w.options.log.Warn("files are not read; rename, remove or exclude them", "files", firstOf(found, func(f source.Ignored) string { return f.Name + " (" + f.Why + ")" }))
	}
}

func (w *Watcher) logSource(was error, wasReady bool) {
	switch err := w.sourceErr; {
	case err == nil && was != nil:
		w.options.log.Info("source can be read again")
	case err == nil, was != nil && was.Error() == err.Error():
	case wasReady:
		w.options.log.Error(ErrSource.Error(), "err", err)
	case w.options.wait, errors.Is(err, errSlow): // otherwise Follow returns it
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

// maxNames is the number of datasets or files that are named in one log line.
const maxNames = 10

// firstOf returns the names of the first items, and "..." if there are more.
func firstOf[T any](items []T, name func(T) string) []string {
	var list []string
	for _, item := range items[:min(len(items), maxNames)] {
		list = append(list, name(item))
	}
	if len(items) > maxNames {
		list = append(list, "...")
	}
	return list
}

// logUpdate logs what an update changed.
func (w *Watcher) logUpdate(u registry.Update, took time.Duration) {
	overrides := 0
	for o := range u.Overrides() {
		if overrides++; overrides <= maxDiagnostics {
			w.options.log.Warn("dataset is overridden", "dataset", o.Key.String(), "file", o.Hidden.Document, "line", o.Hidden.Line,
				"by", o.By.Document, "by_line", o.By.Line)
		}
	}
	if overrides > maxDiagnostics {
		w.options.log.Warn("more datasets are overridden; see the status", "more", overrides-maxDiagnostics)
	}
	diff := u.Diff()
	attrs := []any{
		"generation", u.After.Generation(), "datasets", u.After.Len(), "documents", len(w.documents), "took", took,
	}
	names := func(what string, list []string) {
		if len(list) > 0 {
			attrs = append(attrs, what, list)
		}
	}
	names("added", firstOf(diff.Added, registry.Dataset.String))
	names("updated", firstOf(diff.Updated, func(c registry.Changed) string { return c.After.String() }))
	names("removed", firstOf(diff.Removed, registry.Dataset.String))
	w.options.log.Info("datasets loaded: "+diff.String(), attrs...)
}
