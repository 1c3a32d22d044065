package watcher

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/neurondex/neurondex/internal/disk"
)

// A view is what was found by looking.
type view struct {
	found       map[string]seen      // files, and what could not be looked at
	directories map[string]directory // those of the files, up to the root
	unlisted    []string             // directories, with a slash at the end, that could not be
}

// A seen is how a file looked.
type seen struct {
	info fs.FileInfo // of what a link leads to; nil: it could not be looked at
	link bool
	real string // where it is, links resolved: of a link what that leads to, of another file the directory
	err  string
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
	return os.SameFile(a, b) && a.Size() == b.Size() && a.Mode() == b.Mode() &&
		a.ModTime().Equal(b.ModTime()) && changeTime(a).Equal(changeTime(b))
}

// see looks at the names of the scope.
func (l *look) see() (*view, error) {
	v := &view{found: make(map[string]seen), directories: make(map[string]directory)}
	if l.scope == nil {
		return v, l.seeAll(v)
	}
	if l.pulsing {
		for name := range l.directories {
			if !l.isUnmoved(v, name) {
				return nil, errWider
			}
		}
	}
	for name := range l.scope {
		if !l.isUnmoved(v, path.Dir(name)) {
			return nil, errWider
		}
		s, ok := l.stat(v, name)
		switch {
		case !ok:
		case s.info != nil && s.info.IsDir():
			return nil, errWider
		default:
			v.found[name] = s
		}
	}
	return v, nil
}

// isUnmoved reports whether a directory, and those above it, are the ones that were there
// when everything was looked at.
func (l *look) isUnmoved(v *view, name string) bool {
	if _, ok := v.directories[name]; ok {
		return true
	}
	if name != "." && !l.isUnmoved(v, path.Dir(name)) {
		return false
	}
	old, ok := l.directories[name]
	if !ok {
		return false
	}
	now, err := l.directory(v, name, old.link)
	if err != nil || !now.same(old) {
		return false
	}
	v.directories[name] = now
	return true
}

// directory looks at a directory whose parent was looked at.
func (l *look) directory(v *view, name string, link bool) (directory, error) {
	info, err := l.files.Stat(name)
	return directory{info, link, l.realOf(v, name, link)}, err
}

// realOf returns where the path of a directory leads. It is to be asked before what is in
// the directory is looked at: what a later swap puts there, the next look then finds.
func (l *look) realOf(v *view, name string, link bool) string {
	if name == "." || link {
		return l.resolve(name)
	}
	return filepath.Join(v.directories[path.Dir(name)].real, path.Base(name))
}

// resolve returns where a path leads, links resolved; empty if nowhere.
func (l *look) resolve(name string) string {
	real, err := filepath.EvalSymlinks(l.full(name))
	if err != nil {
		return ""
	}
	return real
}

// stat looks at one file; ok is false if it is not there.
func (l *look) stat(v *view, name string) (s seen, ok bool) {
	info, err := l.files.Lstat(name)
	if err != nil {
		return seen{err: reason(err)}, !errors.Is(err, fs.ErrNotExist)
	}
	if info.Mode()&fs.ModeSymlink == 0 {
		return l.regular(v, name, info, false), true
	}
	if info, err = l.files.Stat(name); err != nil {
		return seen{link: true, err: reason(err)}, true
	}
	return l.regular(v, name, info, true), true
}

func (l *look) regular(v *view, name string, info fs.FileInfo, link bool) seen {
	s := seen{info: info, link: link}
	if !info.Mode().IsRegular() {
		s.err = "is not a regular file"
	}
	switch k, ok := l.known[name]; {
	case !link:
		s.real = v.directories[path.Dir(name)].real
	case ok && k.same(s):
		s.real = k.real // it leads to the same file
	default:
		s.real = l.resolve(name)
	}
	return s
}

// seeAll finds every file, and watches every directory before listing it, so that
// nothing changes unseen between the two.
func (l *look) seeAll(v *view) error {
	info, err := l.files.Stat(".")
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return &fs.PathError{Op: "read", Path: l.Path, Err: errors.New("is not a directory")}
	}
	l.listen()
	l.aliased = false
	names := make(map[fileID]bool) // of directories, to see one that comes twice
	paths := make(map[string]bool)
	err = disk.Walk(l.files, func(e disk.Entry) {
		_, wasDirectory := l.directories[e.Name]
		switch {
		case e.IsDir() && e.Err == nil:
			v.directories[e.Name] = directory{e.Info, e.Link, l.realOf(v, e.Name, e.Link)}
			paths[l.full(e.Name)] = true
			l.watchFound(e, info, names)
		case e.Err == nil:
			v.found[e.Name] = l.regular(v, e.Name, e.Info, e.Link)
		case e.IsDir() || wasDirectory:
			v.unlisted = append(v.unlisted, e.Name+"/")
			v.found[e.Name] = seen{link: e.Link, err: reason(e.Err)}
		case e.IsCandidate():
			v.found[e.Name] = seen{link: e.Link, err: reason(e.Err)}
		}
	})
	if err != nil {
		return err
	}
	for path := range l.watches {
		if !paths[path] && path != filepath.Dir(l.root) {
			l.unwatch(path)
		}
	}
	return l.notUnmounted(v)
}

// watchFound has a directory that was found watched.
func (l *look) watchFound(e disk.Entry, root fs.FileInfo, met map[fileID]bool) {
	if l.notices == nil {
		return
	}
	if id, ok := identity(e.Info); ok {
		if met[id] {
			l.aliased = true // it is watched under its other name
			return
		}
		met[id] = true
		if top, _ := identity(root); top.device != id.device && l.system.remote(l.full(e.Name)) {
			l.blind = true
		}
	}
	if err := l.watch(l.full(e.Name), e.Info); err != nil {
		l.blind = true
	}
}

// notUnmounted keeps what is known of directories that are empty now, and on another file
// system than before.
func (l *look) notUnmounted(v *view) error {
	if l.depth == Afresh {
		return nil
	}
	for name, dir := range v.directories {
		was, ok := l.directories[name]
		if !ok {
			continue
		}
		before, _ := identity(was.info)
		after, _ := identity(dir.info)
		below := func(file string) bool { return isBelow(file, name) }
		if before.device == after.device || anyKey(v.found, below) || !anyKey(l.known, below) {
			continue
		}
		if name == "." {
			return &fs.PathError{Op: "read", Path: l.Path, Err: errUnmounted}
		}
		v.unlisted = append(v.unlisted, name+"/")
		v.found[name] = seen{err: errUnmounted.Error()}
		v.directories[name] = was // so that it is noticed the next time, too
	}
	return nil
}

func anyKey(m map[string]seen, is func(string) bool) bool {
	for name := range m {
		if is(name) {
			return true
		}
	}
	return false
}

func isBelow(file, dir string) bool { return dir == "." || strings.HasPrefix(file, dir+"/") }

// settleIn notes what a look at everything found of the directories.
func (l *look) settleIn(v *view) {
	l.missing = false
	l.health.Alive = !l.blind
	for name, old := range l.directories {
		if _, ok := v.directories[name]; !ok && v.keeps(name+"/") {
			v.directories[name] = old // or the next look would not know that there are files below
		}
	}
	l.directories = v.directories
	l.scanned(l.now)
}

// keeps reports whether a file that was not found stays as it was, as its directory could
// not be listed.
func (v *view) keeps(name string) bool {
	return slices.ContainsFunc(v.unlisted, func(dir string) bool { return strings.HasPrefix(name, dir) })
}

// swapped reports whether a directory, or what a link leads to, is another one than before.
func (v *view) swapped(after *view) bool {
	for name, dir := range v.directories {
		if now, ok := after.directories[name]; ok && !now.same(dir) {
			return true
		}
	}
	for name, s := range v.found {
		now, ok := after.found[name]
		if ok && s.link && s.info != nil && (now.info == nil || now.real != s.real || !os.SameFile(s.info, now.info)) {
			return true
		}
	}
	return false
}

func (v *view) same(after *view) bool {
	if len(v.found) != len(after.found) {
		return false
	}
	for name, s := range v.found {
		if now, ok := after.found[name]; !ok || !now.same(s) {
			return false
		}
	}
	return true
}
