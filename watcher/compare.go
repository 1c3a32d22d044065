package watcher

import (
	"path"
	"slices"
	"time"
)

// placed returns the files that the swap of a link put in place, whole: those that are
// elsewhere than when they were delivered, and what is new beside them.
func (l *look) placed(v *view) map[string]bool {
	files, directories := make(map[string]bool), make(map[string]bool)
	for name, s := range v.found {
		if k, ok := l.known[name]; ok && s.real != k.real && s.real != "" && k.real != "" {
			files[name] = true
			directories[path.Dir(name)] = true
		}
	}
	if len(files) == 0 {
		return files
	}
	for name := range v.found {
		if _, ok := l.known[name]; !ok && directories[path.Dir(name)] {
			files[name] = true
		}
	}
	return files
}

// compare notes what differs from what was delivered, and returns the names that may be
// read.
func (l *look) compare(v *view) (ready []string) {
	placed := l.placed(v)
	files := make(map[fileID]bool) // that came, to tell a file that went from one that was moved
	for name, s := range v.found {
		k, ok := l.known[name]
		if ok && k.same(s) && !l.again(name) && !l.promised(name) {
			delete(l.unquiet, name)
			continue
		}
		if s.info != nil {
			if id, ok := identity(s.info); ok {
				files[id] = true
			}
		}
		l.note(name, unsettled{seen: s, placed: placed[name]})
	}
	if l.scope != nil {
		for name := range l.scope {
			l.compareGone(name, v, files)
		}
	} else {
		for name := range l.known {
			l.compareGone(name, v, files)
		}
		for name := range l.unquiet {
			l.compareGone(name, v, files)
		}
	}
	for name, u := range l.unquiet {
		if !u.ready.After(l.now) {
			ready = append(ready, name)
		}
	}
	slices.Sort(ready)
	return ready
}

// compareGone notes that a file is not there any more, if it is not.
func (l *look) compareGone(name string, v *view, moved map[fileID]bool) {
	if _, ok := v.found[name]; ok {
		return
	}
	k, known := l.known[name]
	if !known || v.keeps(name) {
		delete(l.unquiet, name) // it came and went, or stays as it was
		if t, ok := l.recheck[name]; ok {
			l.recheck[name] = later(t, l.now.Add(pulse)) // it cannot be read just now
		}
		return
	}
	u := unsettled{gone: true}
	if k.info != nil {
		id, ok := identity(k.info)
		u.placed = ok && moved[id]
	}
	l.note(name, u)
}

// again reports whether a file is to be read though it looks as it did.
func (l *look) again(name string) bool {
	if l.depth == Afresh {
		return true
	}
	t, ok := l.recheck[name]
	return ok && (l.depth == Everything || !l.now.Before(t))
}

// promised reports whether a file that looks as it did was found to be read again before,
// and had to wait for others.
func (l *look) promised(name string) bool {
	u, ok := l.unquiet[name]
	return ok && !u.gone && u.same(l.known[name])
}

// note remembers how a file that changed looks, and when it may be read: once it has been
// still for the settle time by its modification time or, where clocks disagree, by how long
// it has looked the same.
func (l *look) note(name string, u unsettled) {
	u.at = l.now
	swapped := u.placed
	if old, ok := l.unquiet[name]; ok && old.gone == u.gone && old.same(u.seen) {
		u.at, u.placed = old.at, old.placed || u.placed
	}
	if whole, told := l.news.documents[name]; told && !u.gone {
		u.placed = whole || swapped // a notice of a write may be of what was there before the swap
	}
	settle := orDefault(l.Settle, DefaultSettle)
	u.ready = u.at.Add(settle)
	if u.info != nil {
		modified := u.info.ModTime()
		if still := modified.Add(max(settle, granularity(modified))); still.Before(u.ready) {
			u.ready = still
		}
	}
	if k, ok := l.known[name]; u.placed || ok && k.same(u.seen) && !u.gone {
		u.ready = l.now
	}
	if l.since.IsZero() {
		l.since = l.now
	}
	l.unquiet[name] = u
}

// granularity is within what time of a file's last change another one may leave its times
// as they are. On file systems that count whole seconds, or two, that is as long.
func granularity(t time.Time) time.Duration {
	if t.Nanosecond() == 0 {
		return 2 * time.Second
	}
	return 20 * time.Millisecond
}
