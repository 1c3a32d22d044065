package disk

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"

	"github.com/neurondex/neurondex/internal/parallel"
)

// mayBeDirectory reports whether a directory entry may be a directory to walk.
func mayBeDirectory(base string, regular bool) bool { return !regular && !strings.HasPrefix(base, ".") }

// An Entry is what a [Walker] found under a name.
type Entry struct {
	Name string      // path below the root
	Info fs.FileInfo // of the target, if the name is a link; nil if Stat failed; valid until visit returns
	Link bool        // the name is a symbolic link
	Err  error       // of Stat or, for a directory, of listing it

	// Ignored is why the file is not read although it looks like a dataset file: see
	// [Ignored]. Info may be nil then.
	Ignored string
}

// IsDir reports whether e is known to be a directory.
func (e Entry) IsDir() bool { return e.Info != nil && e.Info.IsDir() }

// IsCandidate reports whether e must be read or, if it has an error, reported. It is false
// for a directory without an error, for a dangling link that is not named like a document,
// and for an ignored file.
func (e Entry) IsCandidate() bool {
	if e.Err == nil {
		return !e.IsDir() && e.Ignored == ""
	}
	return !e.Link || IsDocument(path.Base(e.Name)) || !errors.Is(e.Err, fs.ErrNotExist)
}

// A Walker finds the documents below the root of a file system. It reuses its memory from one
// walk to the next.
type Walker struct {
	FS      fs.FS
	Exclude Patterns // names that these match do not exist
	// Known returns the path, as a string, of a document that an earlier walk visited, and
	// whether it is one. It may be nil. With it, a walk that finds nothing new allocates
	// nearly nothing.
	Known func(path []byte) (string, bool)

	lister lister
}

// Walk calls visit for every file whose name is that of a document (see [IsDocument]) or looks
// like it (see [Ignored]), and for every directory before it is listed, directories in lexical
// order. A directory that cannot be listed is visited once more, with the error. An entry
// whose Stat fails is visited with the error, if it may be a document or a directory.
//
// Walk follows symbolic links, but never into a directory that it is still walking. It skips
// dot directories. It calls Stat on all cores, and visit for one entry at a time. It returns
// an error only if the root cannot be listed.
func (w *Walker) Walk(visit func(Entry)) error {
	root, err := fs.Stat(w.FS, ".")
	if err != nil {
		return err
	}
	return w.walk(Entry{Name: ".", Info: root}, []fs.FileInfo{root}, visit)
}

func (w *Walker) walk(dir Entry, above []fs.FileInfo, visit func(Entry)) error {
	visit(dir)
	dirs, err := w.list(dir.Name, visit)
	if err != nil {
		return err
	}
	slices.SortFunc(dirs, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	for _, d := range dirs {
		if slices.ContainsFunc(above, func(a fs.FileInfo) bool { return os.SameFile(a, d.Info) }) {
			continue
		}
		if err := w.walk(d, append(above, d.Info), visit); err != nil {
			d.Err = err
			visit(d)
		}
	}
	return nil
}

// listPortably visits the files of a directory and returns its directories.
func (w *Walker) listPortably(dir string, visit func(Entry)) (dirs []Entry, err error) {
	entries, err := fs.ReadDir(w.FS, dir)
	if err != nil {
		return nil, err
	}
	var all []Entry
	for _, e := range entries {
		if found, ok := w.found(dir, e.Name(), e.Type()); ok {
			all = append(all, found)
		}
	}
	return w.examine(all, visit), nil
}

// found returns the entry of a name in a directory, without Info, and whether it is to be
// visited.
func (w *Walker) found(dir, base string, typ fs.FileMode) (Entry, bool) {
	e := Entry{Name: base, Link: typ&fs.ModeSymlink != 0}
	if dir != "." {
		e.Name = dir + "/" + base
	}
	if !IsDocument(base) && !mayBeDirectory(base, typ.IsRegular()) {
		if e.Ignored = Ignored(base); e.Ignored == "" {
			return e, false
		}
	}
	return e, !w.Exclude.matchOne(e.Name)
}

// examine calls Stat for entries, visits the files among them and returns the directories.
func (w *Walker) examine(entries []Entry, visit func(Entry)) (dirs []Entry) {
	parallel.For(len(entries), runtime.GOMAXPROCS(0), func(i int) {
		if e := &entries[i]; e.Ignored == "" {
			e.Info, e.Err = fs.Stat(w.FS, e.Name)
		}
	})
	for _, e := range entries {
		base := path.Base(e.Name)
		switch {
		case errors.Is(e.Err, fs.ErrNotExist) && !e.Link:
			// It was removed after the directory was listed.
		case e.Err != nil:
			visit(e)
		case e.IsDir():
			dirs = append(dirs, e)
		case IsDocument(base):
			visit(e)
		default:
			if e.Ignored = Ignored(base); e.Ignored != "" {
				visit(e)
			}
		}
	}
	return dirs
}
