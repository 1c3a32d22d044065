package dir

import (
	"errors"
	"io/fs"
	"path"
	"path/filepath"

	"github.com/neurondex/neurondex/internal/disk"
	"github.com/neurondex/neurondex/source"
)

// errDirectoryChanged means that a directory is not the one that the last full scan found,
// so that scanning single names is not enough.
var errDirectoryChanged = errors.New("a directory changed")

// errUnmounted is the error of a directory that had files and is now an empty one of another
// mount.
var errUnmounted = errors.New("directory is empty and on another mount than before, as if it was unmounted; reload to accept")

// scan returns the tree as it is now, as far as the scope goes. A full scan also watches
// the directories that it finds.
func (d *Dir) scan(files fileSystem, scope scope, depth source.Depth) (*tree, error) {
	if scope.full || scope.verify {
		was := d.mounts
		d.mounts = d.system.mounts()
		if !scope.full && (!d.mounts.equal(was) || d.system.remote(d.root)) {
			return nil, errDirectoryChanged
		}
	}
	s := &scanner{files: files, walker: d.walker, root: d.root, exclude: d.Exclude, mounts: d.mounts, dirs: d.dirs, dangling: d.dangling, delivered: d.pending.delivered, tree: newTree()}
	if !scope.full {
		return s.tree, s.scanNames(scope)
	}
	if err := s.checkRoot(); err != nil {
		return nil, err
	}
	known := d.watches.coverage
	d.watches.begin()
	if err := s.scanAll(d.watches.enter); err != nil {
		d.watches.coverage = known // nothing was learned of the tree
		return nil, err
	}
	d.watches.end(s.tree)
	if depth == source.PollReread {
		return s.tree, nil
	}
	return s.tree, s.keepUnmounted()
}

// A scanner makes one tree. It changes nothing else.
type scanner struct {
	files     fileSystem
	walker    *disk.Walker
	root      string // absolute
	exclude   disk.Patterns
	mounts    mounts
	dirs      map[string]directory // of the last full scan
	dangling  []string             // of the last full scan
	delivered map[string]delivery
	tree      *tree

	parent    string // of the name that directoryOf was last called with
	parentDir directory
}

func (s *scanner) checkRoot() error {
	info, err := s.files.Stat(".")
	if err == nil && !info.IsDir() {
		err = &fs.PathError{Op: "read", Path: s.root, Err: errors.New("not a directory")}
	}
	return err
}

// scanAll scans the whole tree. It calls enter for each directory before listing it.
func (s *scanner) scanAll(enter func(path string, id fileID)) error {
	t := s.tree
	s.walker.FS, s.walker.Exclude, s.walker.Known = s.files, s.exclude, func(path []byte) (string, bool) {
		d, ok := s.delivered[string(path)]
		return d.name, ok && !d.unknown
	}
	return s.walker.Walk(func(e disk.Entry) {
		_, wasDirectory := s.dirs[e.Name]
		switch {
		case e.IsDir() && e.Err == nil:
			dir := s.directory(e.Name, e.Info, e.Link)
			t.dirs[e.Name] = dir
			enter(s.path(e.Name), dir.id)
		case e.Ignored != "":
			t.ignored[e.Name] = e.Ignored
		case e.Err == nil:
			d, ok := s.delivered[e.Name]
			if f := s.fileOf(e.Name, e.Info, e.Link, d.file, ok); ok && d.file == f {
				t.same.add(d.number)
			} else {
				t.files[e.Name] = f
			}
		case e.IsDir() || wasDirectory:
			t.unlisted = append(t.unlisted, e.Name+"/")
			t.files[e.Name] = file{link: e.Link, err: reason(e.Err), unknown: !anyBelow(s.delivered, e.Name)}
		case e.IsCandidate():
			t.files[e.Name] = file{link: e.Link, err: reason(e.Err)}
		default:
			t.dangling = append(t.dangling, e.Name)
		}
	})
}

// scanNames scans the names of a scope. It returns errDirectoryChanged if they are not all
// files of directories that the last full scan found.
func (s *scanner) scanNames(scope scope) error {
	if scope.verify {
		for name := range s.dirs {
			if !s.isUnchanged(name) {
				return errDirectoryChanged
			}
		}
		for _, name := range s.dangling {
			if info, err := s.files.Stat(name); err == nil && info.IsDir() {
				return errDirectoryChanged
			}
		}
	}
	for name := range scope.names {
		if !s.isUnchanged(path.Dir(name)) {
			return errDirectoryChanged
		}
		f, ok := s.examine(name)
		switch {
		case !ok:
		case f.examined && f.stat.mode.IsDir() && s.isStillUnlisted(name):
			s.tree.unlisted = append(s.tree.unlisted, name+"/")
			s.tree.files[name] = s.delivered[name].file
		case f.examined && f.stat.mode.IsDir(), s.isSwapped(name, f):
			return errDirectoryChanged
		default:
			s.tree.files[name] = f
		}
	}
	return nil
}

// isUnchanged reports whether a directory and those above it are the ones that the last
// full scan found.
func (s *scanner) isUnchanged(name string) bool {
	if _, ok := s.tree.dirs[name]; ok {
		return true
	}
	if name != "." && !s.isUnchanged(path.Dir(name)) {
		return false
	}
	old, ok := s.dirs[name]
	if !ok {
		return false
	}
	info, err := s.files.Stat(name)
	if err != nil {
		return false
	}
	now := s.directory(name, info, old.link)
	if !now.same(old) {
		return false
	}
	s.tree.dirs[name] = now
	return true
}

// isSwapped reports whether a link leads to another file than when it was delivered. Other
// links, to directories too, may have been swapped with it.
func (s *scanner) isSwapped(name string, f file) bool {
	old, ok := s.delivered[name]
	return ok && f.link && f.real != old.real
}

// isStillUnlisted reports whether a directory cannot be listed, as when it was delivered.
func (s *scanner) isStillUnlisted(name string) bool {
	old, ok := s.delivered[name]
	if !ok || old.examined {
		return false
	}
	_, err := s.files.ReadDir(name)
	return err != nil && reason(err) == old.err
}

// examine returns the file of a name; ok is false if there is none.
func (s *scanner) examine(name string) (f file, ok bool) {
	info, err := s.files.Lstat(name)
	if err != nil {
		return file{err: reason(err)}, !errors.Is(err, fs.ErrNotExist)
	}
	if info.Mode()&fs.ModeSymlink == 0 {
		return s.file(name, info, false), true
	}
	if info, err = s.files.Stat(name); err != nil {
		return file{link: true, err: reason(err)}, true
	}
	return s.file(name, info, true), true
}

func (s *scanner) file(name string, info fs.FileInfo, link bool) file {
	d, ok := s.delivered[name]
	return s.fileOf(name, info, link, d.file, ok)
}

// fileOf is file for a name under which old was delivered, if ok.
func (s *scanner) fileOf(name string, info fs.FileInfo, link bool, old file, ok bool) file {
	dir := s.directoryOf(name)
	f := file{stat: newStat(info), examined: true, link: link, linked: link || dir.linked}
	if !f.stat.mode.IsRegular() {
		f.err = "is not a regular file"
	}
	switch {
	case !link:
		f.real = dir.real
		if s.mounts.isPoint(f.real, path.Base(name)) {
			f.stat.linked = true // its directory's watch does not report changes
		}
	case ok && old.same(f):
		f.real = old.real // it leads to the same file
	default:
		f.real = s.resolve(name)
	}
	return f
}

// directoryOf returns the directory of a name, as the scan found it before.
func (s *scanner) directoryOf(name string) directory {
	if parent := path.Dir(name); parent != s.parent {
		s.parent, s.parentDir = parent, s.tree.dirs[parent]
	}
	return s.parentDir
}

// directory returns what a scan finds of a directory. It must be called before anything in
// the directory is examined: a swap after that shows in the next scan.
func (s *scanner) directory(name string, info fs.FileInfo, link bool) directory {
	d := directory{id: newStat(info).id, link: link}
	d.linked = link || s.tree.dirs[path.Dir(name)].linked
	if name == "." || link {
		d.real = s.resolve(name)
	} else {
		d.real = filepath.Join(s.tree.dirs[path.Dir(name)].real, path.Base(name))
	}
	d.mount = s.mounts.of(d.real)
	return d
}

// resolve returns the path of a name without links; empty if it leads nowhere.
func (s *scanner) resolve(name string) string {
	real, err := filepath.EvalSymlinks(s.path(name))
	if err != nil {
		return ""
	}
	return real
}

func (s *scanner) path(name string) string { return filepath.Join(s.root, filepath.FromSlash(name)) }

// keepUnmounted treats directories that look unmounted as ones that cannot be listed. If
// the root looks so, it returns an error.
func (s *scanner) keepUnmounted() error {
	t := s.tree
	for name, dir := range t.dirs {
		old, ok := s.dirs[name]
		if !ok || old.id.device == dir.id.device && old.mount == dir.mount || anyBelow(t.files, name) || s.anySameBelow(name) || !anyBelow(s.delivered, name) {
			continue
		}
		if name == "." {
			return &fs.PathError{Op: "read", Path: s.root, Err: errUnmounted}
		}
		t.unlisted = append(t.unlisted, name+"/")
		t.files[name] = file{err: errUnmounted.Error()}
		t.dirs[name] = old // so that the next scan finds the same
	}
	return nil
}

func (s *scanner) anySameBelow(dir string) bool {
	for name, d := range s.delivered {
		if s.tree.same.has(d.number) && isBelow(name, dir) {
			return true
		}
	}
	return false
}

func anyBelow[F any](files map[string]F, dir string) bool {
	for name := range files {
		if isBelow(name, dir) {
			return true
		}
	}
	return false
}

// reason returns the text of an error without the path, which is reported beside it.
func reason(err error) string {
	if perr, ok := errors.AsType[*fs.PathError](err); ok {
		return perr.Err.Error()
	}
	return err.Error()
}
