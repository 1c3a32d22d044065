package watcher

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A look is one Poll of a Dir: look, compare, read, look again.
type look struct {
	*Dir
	depth Depth
	news  news
	now   time.Time

	files   fileSystem
	scope   map[string]bool // the names to look at; nil: everything
	pulsing bool            // and at every directory
}

// An unsettled is how a file that changed looked, and since when it has looked so.
type unsettled struct {
	seen
	gone   bool
	placed bool      // put there whole
	at     time.Time // since when it has looked so
	ready  time.Time // when it may be read
}

// errWider says that it does not do to look at some names only.
var errWider = errors.New("everything is to be looked at")

// step looks at what the notices name or, where that does not do, at everything.
func (l *look) step() (b Batch, err error) {
	l.files, err = l.system.open(l.root, l.Confined)
	if err == nil {
		l.scope = l.narrow()
		if b, err = l.round(); errors.Is(err, errWider) {
			l.scope = nil
			b, err = l.round()
		}
		_ = l.files.Close() // nothing is written by it
	}
	if err != nil {
		l.lost()
		return Batch{}, err
	}
	for name := range l.unquiet {
		b.Pending = append(b.Pending, name)
	}
	slices.Sort(b.Pending)
	return b, nil
}

// lost notes that the directory cannot be looked at.
func (l *look) lost() {
	l.missing, l.wide, l.health.Alive = true, true, false
	l.lastScan = l.now
	for path := range l.watches {
		if path != filepath.Dir(l.root) { // which tells when the root is back
			l.unwatch(path) // what comes back is another directory
		}
	}
}

// narrow returns the names that are to be looked at, nil for everything.
func (l *look) narrow() map[string]bool {
	l.pulsing = !l.blind && !l.now.Before(l.lastPulse.Add(pulse))
	switch {
	case l.depth != Noticed, l.wide, l.missing, l.news.lost, !l.now.Before(l.nextScan),
		l.blind && !l.now.Before(l.lastScan.Add(pollInterval)),
		l.aliased && len(l.news.documents)+len(l.news.others) > 0,
		l.blind && len(l.unquiet) == 0 && len(l.recheck) == 0,
		l.pulsing && !l.told():
		return nil
	}
	for path := range l.news.others {
		if l.isWide(path) {
			return nil
		}
	}
	scope := make(map[string]bool)
	for name := range l.news.documents {
		scope[name] = true
	}
	for name := range l.unquiet {
		scope[name] = true
	}
	for name, t := range l.recheck {
		if !l.now.Before(t) {
			scope[name] = true
		}
	}
	for name, link := range l.indirect {
		if link || l.pulsing {
			scope[name] = true
		}
	}
	if l.pulsing {
		l.lastPulse = l.now
	}
	if len(scope) > len(l.known)/2+16 {
		return nil // it costs no more
	}
	return scope
}

// isWide reports whether a notice of a path that is no document's may be about documents
// whose names it does not tell: a directory, or a link to one. Links that begin with a dot,
// like ..data, only matter to links, and these are looked at in any case.
func (l *look) isWide(path string) bool {
	name, _ := l.notices.below(path)
	if _, ok := l.directories[name]; ok {
		return true
	}
	if strings.HasPrefix(filepath.Base(path), ".") {
		return false
	}
	info, err := l.files.Lstat(name)
	return err == nil && !info.Mode().IsRegular() || err != nil && !errors.Is(err, fs.ErrNotExist)
}

// round looks, and delivers what has come to rest.
func (l *look) round() (Batch, error) {
	v, err := l.see()
	if err != nil {
		return Batch{}, err
	}
	if l.scope == nil {
		l.settleIn(v)
	}
	ready := l.compare(v)
	patience := l.since.IsZero() || l.now.Sub(l.since) < orDefault(l.MaxDelay, DefaultMaxDelay)
	var b Batch
	if len(ready) == len(l.unquiet) || !patience {
		// Otherwise the others are let come to rest: what changes together is seen together.
		if b, err = l.read(ready, v, patience); err != nil {
			return Batch{}, err
		}
	}
	l.delivered(b, l.now, patience)
	return b, nil
}
