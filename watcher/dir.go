package watcher

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/neurondex/neurondex/config"
)

// The defaults of a [Dir].
const (
	DefaultSettle   = 50 * time.Millisecond
	DefaultMaxDelay = time.Second
	DefaultResync   = 30 * time.Second
)

// blindInterval is how often a Dir looks while it cannot be told of changes: the
// directory is away, or the system has no watch left to give.
const blindInterval = 250 * time.Millisecond

// coalesce is how long Wait lets further notices come before it returns, so that a
// storm of them costs few looks.
const coalesce = 5 * time.Millisecond

// A Dir is a [Source] that follows the dataset files of a directory: those that
// [config.Walk] finds. It is told of changes by the system (inotify, kqueue,
// ReadDirectoryChangesW), and looks by itself every Resync, and more often where it
// cannot be told.
//
// A file is read once its modification time is Settle ago, and only if its size,
// modification time and identity are the same before and after.
type Dir struct {
	Path     string
	Settle   time.Duration // how long a file must be still to be read; 0: DefaultSettle
	MaxDelay time.Duration // how long files that are not still hold up the others; 0: DefaultMaxDelay
	Resync   time.Duration // how often to look without having been told; 0: DefaultResync
	MaxBytes int64         // how much of a file to read at most; 0: config.DefaultMaxBytes

	notify  *fsnotify.Watcher // nil before the first Poll, and where there is none to be had
	wake    chan struct{}     // filled by pump; holds one notice
	pumped  chan struct{}     // closed when pump has ended
	watched map[string]fs.FileInfo
	blind   bool // not told of all changes

	known   map[string]seen      // what was delivered
	unquiet map[string]unsettled // what differs from known, and is not delivered yet
	since   time.Time            // when the first of unquiet was found; zero: none
}

// A seen is how a file looked.
type seen struct {
	info fs.FileInfo // nil: it could not be looked at
	err  string
}

// An unsettled is how a file that changed looked, and since when it has looked so.
type unsettled struct {
	seen
	gone bool
	at   time.Time
}

func (s seen) same(t seen) bool {
	if s.info == nil || t.info == nil {
		return s.info == nil && t.info == nil && s.err == t.err
	}
	return s.err == t.err && sameStat(s.info, t.info)
}

// sameStat reports whether two looks at a path found the same file with, for all that
// can be told without reading it, the same content.
func sameStat(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) && a.Mode() == b.Mode()
}

// Wait implements [Source].
func (d *Dir) Wait(ctx context.Context) error {
	interval := orDefault(d.Resync, DefaultResync)
	if d.blind {
		interval = min(interval, blindInterval)
	}
	if len(d.unquiet) > 0 {
		interval = min(interval, max(orDefault(d.Settle, DefaultSettle)/2, time.Millisecond))
	}
	timer := time.NewTimer(interval)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	case <-d.wake:
	}
	timer.Reset(coalesce)
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// Poll implements [Source].
func (d *Dir) Poll(ctx context.Context, full bool) (Batch, error) {
	d.start()
	found, kept, err := d.look()
	if err != nil {
		d.blind = true
		clear(d.watched) // what comes back is another directory
		return Batch{}, err
	}
	if full {
		for name := range d.known {
			d.known[name] = seen{err: "to be read again"} // as nothing ever looks
		}
	}
	now := time.Now()
	ready := d.compare(found, kept, now)
	patience := now.Sub(d.since) < orDefault(d.MaxDelay, DefaultMaxDelay)
	var batch Batch
	if len(ready) == len(d.unquiet) || !patience {
		// Otherwise the others are let come to rest: what changes together is seen together.
		if batch, err = d.read(ready, found, patience); err != nil {
			return Batch{}, err
		}
	}
	for name := range d.unquiet {
		batch.Pending = append(batch.Pending, name)
	}
	slices.Sort(batch.Pending)
	switch {
	case len(d.unquiet) == 0:
		d.since = time.Time{}
	case len(batch.Changed)+len(batch.Removed) > 0:
		d.since = now // a busy file does not hold up the next ones for less than the first
	}
	return batch, ctx.Err()
}

// Close implements [Source].
func (d *Dir) Close() error {
	if d.notify == nil {
		return nil
	}
	err := d.notify.Close()
	<-d.pumped
	return err
}

// start sets up what the first Poll needs. Without a notifier the directory is
// followed all the same, by looking.
func (d *Dir) start() {
	if d.known != nil {
		return
	}
	d.known, d.unquiet, d.watched = make(map[string]seen), make(map[string]unsettled), make(map[string]fs.FileInfo)
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		return
	}
	d.notify, d.wake, d.pumped = notify, make(chan struct{}, 1), make(chan struct{})
	go d.pump(notify)
}

// pump turns notices, and the loss of some, into the one notice that Wait takes. It
// ends when the notifier is closed.
func (d *Dir) pump(notify *fsnotify.Watcher) {
	defer close(d.pumped)
	for {
		var ok bool
		select {
		case _, ok = <-notify.Events:
		case _, ok = <-notify.Errors:
		}
		if !ok {
			return
		}
		select {
		case d.wake <- struct{}{}:
		default:
		}
	}
}

// look finds every file, and watches every directory before listing it, so that
// nothing changes unseen between the two. Of a directory that cannot be listed, or a
// file that cannot be looked at, kept says which of the known files stay.
func (d *Dir) look() (found map[string]seen, kept func(name string) bool, err error) {
	info, err := os.Stat(d.Path)
	if err != nil {
		return nil, nil, err
	}
	if !info.IsDir() {
		return nil, nil, &fs.PathError{Op: "read", Path: d.Path, Err: errors.New("is not a directory")}
	}
	d.blind = d.notify == nil
	found = make(map[string]seen, len(d.known))
	directories := make(map[string]bool, len(d.watched))
	var unlisted []string
	err = config.Walk(os.DirFS(d.Path), func(name string, info fs.FileInfo, err error) {
		switch {
		case err == nil && info.IsDir():
			directories[name] = true
			d.watch(name, info)
		case err == nil && !info.Mode().IsRegular():
			found[name] = seen{info, "is not a regular file"}
		case err == nil:
			found[name] = seen{info: info}
		default:
			found[name] = seen{err: reason(err)}
			if info != nil {
				unlisted = append(unlisted, name+"/")
			}
		}
	})
	if err != nil {
		return nil, nil, err
	}
	for name := range d.watched {
		if !directories[name] {
			d.unwatch(name)
		}
	}
	kept = func(name string) bool {
		return slices.ContainsFunc(unlisted, func(dir string) bool { return strings.HasPrefix(name, dir) })
	}
	return found, kept, nil
}

func (d *Dir) watch(name string, info fs.FileInfo) {
	if old, ok := d.watched[name]; d.notify == nil || ok && os.SameFile(old, info) {
		return
	}
	d.unwatch(name)
	if err := d.notify.Add(d.full(name)); err != nil {
		d.blind = true
		return
	}
	d.watched[name] = info
}

func (d *Dir) unwatch(name string) {
	if _, ok := d.watched[name]; !ok {
		return
	}
	delete(d.watched, name)
	// It fails where the directory is gone, and its watch with it.
	_ = d.notify.Remove(d.full(name))
}

func (d *Dir) full(name string) string { return filepath.Join(d.Path, filepath.FromSlash(name)) }

// compare notes what differs from what was delivered, and returns the names that have
// been still for long enough.
func (d *Dir) compare(found map[string]seen, kept func(string) bool, now time.Time) (ready []string) {
	for name := range d.unquiet {
		if _, ok := found[name]; !ok && !d.unquiet[name].gone {
			delete(d.unquiet, name) // noted again below if it was ever delivered
		}
	}
	for name, s := range found {
		if k, ok := d.known[name]; ok && k.same(s) {
			delete(d.unquiet, name)
			continue
		}
		if d.note(name, unsettled{s, false, now}) {
			ready = append(ready, name)
		}
	}
	for name := range d.known {
		if _, ok := found[name]; !ok && !kept(name) && d.note(name, unsettled{gone: true, at: now}) {
			ready = append(ready, name)
		}
	}
	slices.Sort(ready)
	return ready
}

// note remembers how a file that changed looks and reports whether it has been still
// for the settle time: by its modification time, or, where clocks disagree, by how long
// it has looked the same.
func (d *Dir) note(name string, u unsettled) bool {
	settle := orDefault(d.Settle, DefaultSettle)
	if old, ok := d.unquiet[name]; ok && old.gone == u.gone && old.same(u.seen) {
		u.at = old.at
	}
	if d.since.IsZero() {
		d.since = time.Now()
	}
	d.unquiet[name] = u
	if time.Since(u.at) >= settle {
		return true
	}
	return u.info != nil && time.Since(u.info.ModTime()) >= settle
}

// read reads the files of the given names, which found has, and looks once more. Files
// that look the same as before the reading were all so at one moment, between the two
// looks; if others do not, something is still going on, and with patience left nothing is
// delivered: half of a swapped directory must not be.
func (d *Dir) read(names []string, found map[string]seen, patience bool) (b Batch, err error) {
	if len(names) == 0 {
		return b, nil
	}
	documents := make(map[string]Document, len(names))
	for _, name := range names {
		if s, ok := found[name]; ok {
			documents[name] = d.document(name, s)
		}
	}
	again, _, err := d.look()
	if err != nil {
		return b, err
	}
	if patience && !maps.EqualFunc(found, again, seen.same) {
		return b, nil
	}
	for _, name := range names {
		was, isThere := found[name]
		if now, ok := again[name]; ok != isThere || !now.same(was) {
			continue
		}
		if doc := documents[name]; isThere && !errors.Is(doc.Err, errMoved) {
			b.Changed = append(b.Changed, doc)
			d.known[name] = was
		} else if !isThere {
			b.Removed = append(b.Removed, name)
			delete(d.known, name)
		} else {
			continue
		}
		delete(d.unquiet, name)
	}
	return b, nil
}

// document reads the document that was seen under a name.
func (d *Dir) document(name string, s seen) Document {
	doc := Document{Name: name}
	if s.err != "" {
		doc.Err = errors.New(s.err)
	} else {
		doc.Data, doc.Err = d.readFile(name, s.info)
	}
	return doc
}

// errMoved says that a file was not the same before and after it was read.
var errMoved = errors.New("changed while it was read")

func (d *Dir) readFile(name string, info fs.FileInfo) ([]byte, error) {
	f, err := os.Open(d.full(name))
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, errMoved
		}
		return nil, fmt.Errorf("%s", reason(err))
	}
	defer f.Close()
	before, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !sameStat(before, info) {
		return nil, errMoved
	}
	most := d.MaxBytes
	if most == 0 {
		most = config.DefaultMaxBytes
	}
	data, err := io.ReadAll(io.LimitReader(f, most+1)) // one more, to see that it is too much
	if err != nil {
		return nil, fmt.Errorf("%s", reason(err))
	}
	if int64(len(data)) > most {
		return nil, fmt.Errorf("%w: it has more than %d bytes", config.ErrTooLarge, most) // never a part of it
	}
	after, err := f.Stat()
	if err != nil || !sameStat(after, info) {
		return nil, errMoved
	}
	return data, nil // that the path still leads here, the next look tells
}

// reason returns an error's text without the path, which stands beside it already.
func reason(err error) string {
	if perr, ok := errors.AsType[*fs.PathError](err); ok {
		return perr.Err.Error()
	}
	return err.Error()
}

func orDefault(d, fallback time.Duration) time.Duration {
	if d == 0 {
		return fallback
	}
	return d
}
