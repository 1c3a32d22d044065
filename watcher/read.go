package watcher

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"time"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/internal/parallel"
)

// errMoved says that a file was not the same before and after it was read.
var errMoved = errors.New("changed while it was read")

// read reads files and looks once more. Files that look the same as before the reading
// were all so at one moment, between the two looks; if others do not, something is still
// going on, and with patience left nothing is delivered. If a directory or a link leads
// elsewhere now, nothing is in any case: half of a swap must not be.
func (l *look) read(names []string, before *view, patience bool) (b Batch, err error) {
	if len(names) == 0 {
		return b, nil
	}
	start := time.Now()
	documents := make([]Document, len(names))
	parallel.For(len(names), runtime.GOMAXPROCS(0), func(i int) {
		if u := l.unquiet[names[i]]; !u.gone {
			documents[i] = l.document(names[i], u.seen)
		}
	})
	after, err := l.see()
	switch {
	case errors.Is(err, errWider):
		l.wide = true
		return b, nil
	case err != nil:
		return b, err
	case before.swapped(after), patience && !before.same(after):
		return b, nil
	}
	changed := 0
	for i, name := range names {
		was, isThere := before.found[name]
		now, isStill := after.found[name]
		switch {
		case isThere != isStill, isThere && !now.same(was), errors.Is(documents[i].Err, errMoved):
			continue
		case !isThere:
			l.forget(name)
			b.Removed = append(b.Removed, name)
			changed++
		case l.accept(documents[i], was, start):
			b.Changed = append(b.Changed, documents[i])
			changed++
		case documents[i].Err == nil || l.depth == Afresh:
			b.Changed = append(b.Changed, documents[i])
		}
		delete(l.unquiet, name)
	}
	if changed > 1 {
		l.burst = l.now
	}
	return b, nil
}

// accept notes how a document looked that is to be delivered, and reports whether it looks
// otherwise than the last time, or cannot be read for another reason: it may merely be read
// again.
func (l *look) accept(doc Document, s seen, read time.Time) (changed bool) {
	if doc.Err != nil {
		s.err = doc.Err.Error()
	}
	k, known := l.known[doc.Name]
	l.forget(doc.Name)
	l.known[doc.Name] = s
	if s.link || s.info != nil && hasOtherNames(s.info) {
		l.indirect[doc.Name] = s.link
	}
	l.recheckSoon(doc.Name, s, read)
	return !known || !k.same(s)
}

func (l *look) forget(name string) {
	delete(l.known, name)
	delete(l.indirect, name)
	delete(l.recheck, name)
}

// recheckSoon has a file read again if it was read so soon after its last change that
// another one might not show, or if it could not be read: what hindered that may go away and
// leave no trace in the file.
func (l *look) recheckSoon(name string, s seen, read time.Time) {
	if s.err != "" {
		l.recheck[name] = l.now.Add(pulse)
		return
	}
	changed := later(s.info.ModTime(), changeTime(s.info))
	if safe := changed.Add(granularity(s.info.ModTime())); read.Before(safe) && read.Add(time.Minute).After(safe) {
		l.recheck[name] = safe
	}
}

// document reads the file that was seen under a name.
func (l *look) document(name string, s seen) Document {
	doc := Document{Name: name}
	if s.err != "" {
		doc.Err = errors.New(s.err)
	} else {
		doc.Data, doc.Err = l.readFile(name, s.info)
	}
	return doc
}

func (l *look) readFile(name string, info fs.FileInfo) ([]byte, error) {
	f, err := l.files.Open(name)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, errMoved
		}
		return nil, errors.New(reason(err))
	}
	defer f.Close()
	before, err := f.Stat()
	if err != nil || !sameStat(before, info) {
		return nil, errMoved
	}
	most := l.MaxBytes
	if most == 0 {
		most = config.DefaultMaxBytes
	}
	if info.Size() > most {
		return nil, fmt.Errorf("%w: it has more than %d bytes", config.ErrTooLarge, most) // never a part of it
	}
	data := make([]byte, info.Size()+1) // one more, to see that it has grown
	n, err := io.ReadFull(f, data)
	switch {
	case err == nil:
		return nil, errMoved
	case !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return nil, errors.New(reason(err))
	}
	after, err := f.Stat()
	if err != nil || !sameStat(after, info) || int64(n) != info.Size() {
		return nil, errMoved
	}
	return data[:n], nil // that the path still leads here, the next look tells
}

// reason returns an error's text without the path, which stands beside it already.
func reason(err error) string {
	if perr, ok := errors.AsType[*fs.PathError](err); ok {
		return perr.Err.Error()
	}
	return err.Error()
}
