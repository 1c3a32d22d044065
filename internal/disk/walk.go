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
func mayBeDirectory(e fs.DirEntry) bool {
	return !strings.HasPrefix(e.Name(), ".") && !e.Type().IsRegular()
}

// An Entry is what [Walk] found under a name.
type Entry struct {
	Name string      // path below the root
	Info fs.FileInfo // of the target, if the name is a link; nil if Stat failed
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

// Walk calls visit for every file below the root of fsys whose name is that of a document
// (see [IsDocument]) or looks like it (see [Ignored]), and for every directory before it is
// listed, each directory in lexical order. A directory that cannot be listed is visited once more, with the error. An entry
// whose Stat fails is visited with the error, if it may be a document or a directory.
//
// Walk follows symbolic links, but never into a directory that it is still walking. It skips
// dot directories. It calls Stat on all cores, and visit for one entry at a time. It returns
// an error only if the root cannot be listed. Names that exclude matches do not exist for it.
func Walk(fsys fs.FS, exclude Patterns, visit func(Entry)) error {
	root, err := fs.Stat(fsys, ".")
	if err != nil {
		return err
	}
	w := walker{fsys, exclude, visit}
	return w.walk(Entry{Name: ".", Info: root}, []fs.FileInfo{root})
}

type walker struct {
	fsys    fs.FS
	exclude Patterns
	visit   func(Entry)
}

func (w *walker) walk(dir Entry, above []fs.FileInfo) error {
	w.visit(dir)
	entries, err := fs.ReadDir(w.fsys, dir.Name)
	if err != nil {
		return err
	}
	var all []Entry
	for _, e := range entries {
		found := Entry{Name: path.Join(dir.Name, e.Name()), Link: e.Type()&fs.ModeSymlink != 0}
		if !IsDocument(e.Name()) && !mayBeDirectory(e) {
			if found.Ignored = Ignored(e.Name()); found.Ignored == "" {
				continue
			}
		}
		if !w.exclude.matchOne(found.Name) {
			all = append(all, found)
		}
	}
	parallel.For(len(all), runtime.GOMAXPROCS(0), func(i int) {
		if e := &all[i]; e.Ignored == "" {
			e.Info, e.Err = fs.Stat(w.fsys, e.Name)
		}
	})
	for _, e := range all {
		switch {
		case errors.Is(e.Err, fs.ErrNotExist) && !e.Link:
			// It was removed after the directory was listed.
		case e.Err != nil:
			w.visit(e)
		case !e.IsDir():
			if base := path.Base(e.Name); !IsDocument(base) {
				if e.Ignored = Ignored(base); e.Ignored == "" {
					continue
				}
			}
			w.visit(e)
		case !slices.ContainsFunc(above, func(a fs.FileInfo) bool { return os.SameFile(a, e.Info) }):
			if err := w.walk(e, append(above, e.Info)); err != nil {
				e.Err = err
				w.visit(e)
			}
		}
	}
	return nil
}
