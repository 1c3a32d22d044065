package watcher

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"maps"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/internal/parallel"
	"github.com/neurondex/neurondex/registry"
)

// A Watcher keeps a registry in step with a [Source]. Its methods are safe for use by
// several goroutines.
type Watcher struct {
	// Set once.
	options  options
	source   Source
	registry *registry.Registry
	requests chan *request
	done     chan struct{}

	// Owned by the loop.
	documents map[string]*document
	waiting   []*request // for documents that are pending

	mu     sync.Mutex // guards status
	status Status
}

// A document is what the loop remembers of one.
type document struct {
	DocumentStatus
	sum [sha256.Size]byte // of what it said last, good or bad
}

// A request asks the loop to look now, and to answer once what it saw is served.
type request struct {
	full    bool
	ctx     context.Context //nolint:containedctx // the caller's, whose leaving the loop must see
	answer  chan error      // holds one
	pending []string        // documents that were pending at the first look; nil before
}

// ErrClosed says that the watcher's context is done.
var ErrClosed = errors.New("watcher is closed")

// Open loads the dataset files of a directory and follows them until ctx is done. That
// the directory cannot be read is an error, unless [WithWait] is given; files that are
// bad are not: see [Watcher.Status].
func Open(ctx context.Context, dir string, opts ...Option) (*Watcher, error) {
	o := newOptions(opts)
	source := o.dir
	source.Path = dir
	return open(ctx, &source, o)
}

// OpenSource is [Open] for any source, which it closes when ctx is done, or if it fails.
func OpenSource(ctx context.Context, source Source, opts ...Option) (*Watcher, error) {
	return open(ctx, source, newOptions(opts))
}

func newOptions(opts []Option) options {
	o := options{log: slog.Default()}
	for _, set := range opts {
		set(&o)
	}
	return o
}

func open(ctx context.Context, source Source, o options) (*Watcher, error) {
	w := &Watcher{
		options: o, source: source, registry: registry.New(),
		requests: make(chan *request), done: make(chan struct{}),
		documents: make(map[string]*document),
	}
	if err := w.first(ctx); err != nil {
		return nil, errors.Join(err, source.Close())
	}
	go w.run(ctx)
	return w, nil
}

// first loads the source: all of it, but for documents that are still changing after
// the longest delay.
func (w *Watcher) first(ctx context.Context) error {
	deadline, cancel := context.WithTimeout(ctx, orDefault(w.options.dir.MaxDelay, DefaultMaxDelay))
	defer cancel()
	for {
		pending, err := w.look(ctx, false)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && !w.options.wait:
			return err
		case err != nil:
			w.sourceFailed(err)
			return nil
		case len(pending) == 0:
			return nil
		}
		if w.source.Wait(deadline) != nil && ctx.Err() == nil {
			return nil
		}
	}
}

// Registry returns the registry. It stays as it is when the context is done.
func (w *Watcher) Registry() *registry.Registry { return w.registry }

// Done returns a channel that is closed when the context is done and everything that
// the watcher had running has ended.
func (w *Watcher) Done() <-chan struct{} { return w.done }

// Status returns how the watcher stands. The caller may keep and change it.
func (w *Watcher) Status() Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.status
	s.Documents = slices.Clone(s.Documents)
	s.Overrides = slices.Clone(s.Overrides)
	return s
}

// Sync is a barrier: when it returns nil, the registry reflects the source as it stood
// when Sync was called. If documents are bad the error is a [*StaleError]; if the source
// cannot be looked at, it says why; if ctx ends first, it is the context's.
func (w *Watcher) Sync(ctx context.Context) error { return w.ask(ctx, false) }

// Reload is [Watcher.Sync], but reads every document again, whether it seems to have
// changed or not.
func (w *Watcher) Reload(ctx context.Context) error { return w.ask(ctx, true) }

func (w *Watcher) ask(ctx context.Context, full bool) error {
	r := &request{full: full, ctx: ctx, answer: make(chan error, 1)}
	select {
	case w.requests <- r:
	case <-ctx.Done():
		return ctx.Err()
	case <-w.done:
		return ErrClosed
	}
	select {
	case err := <-r.answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-w.done:
		return ErrClosed
	}
}

// run is the loop. It ends when ctx is done.
func (w *Watcher) run(ctx context.Context) {
	defer close(w.done)
	defer func() {
		if err := w.source.Close(); err != nil {
			w.options.log.Warn("closing the source of datasets failed", "err", err)
		}
	}()
	for ctx.Err() == nil {
		asked := w.wait(ctx)
		if ctx.Err() != nil {
			return
		}
		pending, err := w.look(ctx, asked != nil && asked.full)
		if err != nil && ctx.Err() == nil {
			w.sourceFailed(err)
		}
		if asked != nil {
			w.waiting = append(w.waiting, asked)
		}
		w.answer(pending, err)
	}
}

// wait returns when it may be worth looking; with the request, if one came.
func (w *Watcher) wait(ctx context.Context) (asked *request) {
	ctx, cancel := context.WithCancel(ctx)
	listening := make(chan struct{})
	go func() {
		defer close(listening)
		select {
		case asked = <-w.requests:
			cancel()
		case <-ctx.Done():
		}
	}()
	_ = w.source.Wait(ctx) // whatever it says, looking tells
	cancel()
	<-listening
	return asked
}

// answer answers the requests for which nothing is pending any more.
func (w *Watcher) answer(pending []string, err error) {
	w.waiting = slices.DeleteFunc(w.waiting, func(r *request) bool {
		switch {
		case r.ctx.Err() != nil:
			return true // its caller has left
		case err != nil:
			r.answer <- err
			return true
		case r.pending == nil:
			r.pending = slices.Clone(pending)
		default:
			r.pending = slices.DeleteFunc(r.pending, func(name string) bool { return !slices.Contains(pending, name) })
		}
		if len(r.pending) > 0 {
			return false
		}
		r.answer <- w.staleness()
		return true
	})
}

// staleness returns a [*StaleError] if a document is stale.
func (w *Watcher) staleness() error {
	var stale []DocumentStatus
	for _, d := range w.documents {
		if d.State == Stale {
			stale = append(stale, d.DocumentStatus)
		}
	}
	if len(stale) == 0 {
		return nil
	}
	sortByName(stale)
	return &StaleError{stale}
}

func sortByName(docs []DocumentStatus) {
	slices.SortFunc(docs, func(a, b DocumentStatus) int { return cmp.Compare(a.Name, b.Name) })
}

// look takes one step along the whole flow: poll, parse, apply, report. It returns the
// documents that are pending.
func (w *Watcher) look(ctx context.Context, full bool) (pending []string, err error) {
	start := time.Now()
	batch, err := w.source.Poll(ctx, full)
	if err != nil {
		return nil, err
	}
	change := w.accept(batch, w.parse(batch.Changed))
	update, err := w.registry.Apply(change)
	if err != nil {
		// Parse lets nothing through that a registry does not take.
		w.options.log.Error("datasets not applied", "err", err)
	}
	w.report(update, batch.Pending, start)
	return batch.Pending, err
}

// A parsed is what a document was found to hold.
type parsed struct {
	sum      [sha256.Size]byte
	same     bool // as the last time
	datasets []registry.Spec
	found    config.Diagnostics
}

// parse parses documents on all cores; those with the same bytes as before it does not.
func (w *Watcher) parse(docs []Document) []parsed {
	out := make([]parsed, len(docs))
	one := func(i int) {
		doc, p := &docs[i], &out[i]
		if doc.Err != nil {
			p.found = config.Diagnostics{config.UnreadableDiagnostic(doc.Name, doc.Err)}
			return
		}
		p.sum = sha256.Sum256(doc.Data)
		if known := w.documents[doc.Name]; known != nil && known.sum == p.sum {
			p.same = true
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
	for doc, n := range w.registry.Snapshot().Documents() {
		if doc == name && n > 0 {
			return config.Diagnostics{{Severity: config.Error, Rule: config.EmptyDocument, File: name,
				Message: "had datasets and is empty now; to withdraw them, delete it or give an empty list"}}
		}
	}
	return found
}

// accept brings what is remembered of the documents up to date and returns the change
// that the good ones make.
func (w *Watcher) accept(batch Batch, results []parsed) registry.Change {
	now := time.Now()
	var change registry.Change
	for i, doc := range batch.Changed {
		p := &results[i]
		known := w.documents[doc.Name]
		if known == nil {
			known = &document{DocumentStatus: DocumentStatus{Name: doc.Name, Since: now}}
			w.documents[doc.Name] = known
		}
		if p.same {
			continue
		}
		was := known.State
		known.sum, known.Diagnostics = p.sum, p.found
		if p.found.Count(config.Error) > 0 {
			known.State = Stale
		} else {
			known.State = OK
			change.Put = append(change.Put, registry.Document{Name: doc.Name, Datasets: p.datasets})
		}
		if known.State != was {
			known.Since = now
		}
		w.logDocument(known, was)
	}
	for _, name := range batch.Removed {
		delete(w.documents, name)
		change.Remove = append(change.Remove, name)
	}
	return change
}

// logDocument says what is wrong with a document, or that nothing is any more.
func (w *Watcher) logDocument(d *document, was State) {
	for _, f := range d.Diagnostics {
		level := slog.LevelWarn
		if f.Severity == config.Error {
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

// report brings the status up to date and logs what has changed for readers.
func (w *Watcher) report(u registry.Update, pending []string, start time.Time) {
	snapshot := w.registry.Snapshot()
	documents := make([]DocumentStatus, 0, len(w.documents))
	for _, name := range slices.Sorted(maps.Keys(w.documents)) {
		d := w.documents[name].DocumentStatus
		if slices.Contains(pending, name) && d.State == OK {
			d.State = Busy
		}
		documents = append(documents, d)
	}
	overrides := slices.Collect(snapshot.Overrides())

	w.mu.Lock()
	defer w.mu.Unlock()
	s := &w.status
	if s.SourceErr != nil {
		w.options.log.Info("datasets can be looked at again")
	}
	for _, o := range overrides {
		if !slices.Contains(s.Overrides, o) {
			w.options.log.Warn("dataset is overridden", "dataset", o.Key.String(), "file", o.Hidden.Document, "line", o.Hidden.Line,
				"by", o.By.Document, "by_line", o.By.Line)
		}
	}
	s.SourceErr, s.Documents, s.Overrides = nil, documents, overrides
	s.Generation, s.Hash, s.Datasets = snapshot.Generation(), snapshot.Hash(), snapshot.Len()
	if u.Before != u.After {
		s.LastLoad, s.LoadTook = time.Now(), time.Since(start)
		s.Reloads++
		logUpdate(w.options.log, u, s)
	} else if !s.Ready && len(pending) == 0 {
		w.options.log.Info("datasets loaded: there are none")
	}
	s.Ready = s.Ready || len(pending) == 0 || u.Before != u.After
}

// logUpdate says what an update changed, in words and numbers.
func logUpdate(log *slog.Logger, u registry.Update, s *Status) {
	diff := u.Diff()
	attrs := []any{
		"generation", s.Generation, "datasets", s.Datasets, "documents", len(s.Documents), "took", s.LoadTook,
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
	log.Info("datasets loaded: "+diff.String(), attrs...)
}
