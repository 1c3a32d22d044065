package watcher

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/internal/parallel"
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

// An unsettled is how a file that changed looked, and since when it has looked so.
type unsettled struct {
	seen
	gone   bool
	placed bool      // put there whole
	at     time.Time // since when it has looked so
	ready  time.Time // when it may be read
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

// granularity is within what time of a file's last change another one may leave its times
// as they are. On file systems that count whole seconds, or two, that is as long.
func granularity(t time.Time) time.Duration {
	if t.Nanosecond() == 0 {
		return 2 * time.Second
	}
	return 20 * time.Millisecond
}

// errWider says that it does not do to look at some names only.
var errWider = errors.New("everything is to be looked at")

func (l *look) step(ctx context.Context) (b Batch, err error) {
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
	return b, ctx.Err()
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
	v, err := l.look()
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

// look looks at the names of the scope.
func (l *look) look() (*view, error) {
	v := &view{found: make(map[string]seen), directories: make(map[string]directory)}
	if l.scope == nil {
		return v, l.lookAtAll(v)
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

// lookAtAll finds every file, and watches every directory before listing it, so that
// nothing changes unseen between the two.
func (l *look) lookAtAll(v *view) error {
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
	err = config.Walk(l.files, func(e config.Entry) {
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
func (l *look) watchFound(e config.Entry, root fs.FileInfo, met map[fileID]bool) {
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
	if err := l.Dir.watch(l.full(e.Name), e.Info); err != nil {
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

// compare notes what differs from what was delivered, and returns the names that may be
// read.
func (l *look) compare(v *view) (ready []string) {
	placed := l.placed(v)
	files := make(map[fileID]bool) // that came, to tell a file that went from one that was moved
	for name, s := range v.found {
		k, ok := l.known[name]
		if ok && k.same(s) && !l.again(name) {
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

// note remembers how a file that changed looks, and when it may be read: once it has been
// still for the settle time by its modification time or, where clocks disagree, by how long
// it has looked the same.
func (l *look) note(name string, u unsettled) {
	u.at = l.now
	now := u.placed
	if old, ok := l.unquiet[name]; ok && old.gone == u.gone && old.same(u.seen) {
		u.at, u.placed = old.at, old.placed || u.placed
	}
	if whole, told := l.news.documents[name]; told && !u.gone {
		u.placed = whole || now // a notice of a write may be of what was there before the swap
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
	after, err := l.look()
	switch {
	case errors.Is(err, errWider):
		l.wide = true
		return b, nil
	case err != nil:
		return b, err
	case before.swapped(after), patience && !before.same(after):
		return b, nil
	}
	for i, name := range names {
		was, isThere := before.found[name]
		now, isStill := after.found[name]
		switch {
		case isThere != isStill, isThere && !now.same(was), errors.Is(documents[i].Err, errMoved):
			continue
		case isThere:
			b.Changed = append(b.Changed, documents[i])
			l.known[name] = was
			delete(l.indirect, name)
			if was.link || was.info != nil && hasOtherNames(was.info) {
				l.indirect[name] = was.link
			}
			l.recheckSoon(name, was, start)
		default:
			b.Removed = append(b.Removed, name)
			delete(l.known, name)
			delete(l.indirect, name)
			delete(l.recheck, name)
		}
		delete(l.unquiet, name)
	}
	return b, nil
}

// recheckSoon has a file read again if it was read so soon after its last change that
// another one might not show.
func (l *look) recheckSoon(name string, s seen, read time.Time) {
	delete(l.recheck, name)
	if s.info == nil {
		return
	}
	changed := later(s.info.ModTime(), changeTime(s.info))
	if safe := changed.Add(granularity(s.info.ModTime())); read.Before(safe) && read.Add(time.Minute).After(safe) {
		l.recheck[name] = safe
	}
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
