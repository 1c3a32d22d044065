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

// IsDocument reports whether a file of the given name, without its directory, is one
// that holds datasets: *.toml, *.json and *.jsonc, but no dot file, and nothing that an editor
// leaves beside the file that it edits.
func IsDocument(base string) bool {
	ext := path.Ext(base)
	return (ext == ".toml" || ext == ".json" || ext == ".jsonc") && !strings.HasPrefix(base, ".") && !strings.HasPrefix(base, "#") && !strings.HasPrefix(base, "~")
}

// mayBeDirectory reports whether something listed may be a directory that is walked.
func mayBeDirectory(e fs.DirEntry) bool {
	return !strings.HasPrefix(e.Name(), ".") && !e.Type().IsRegular()
}

// An Entry is what [Walk] found under a name.
type Entry struct {
	Name string      // its path below the root
	Info fs.FileInfo // of what a link leads to; nil where that could not be looked at
	Link bool        // it is a symbolic link
	Err  error       // why it could not be looked at or, of a directory, listed
}

// IsDir reports whether e is a directory that could be looked at.
func (e Entry) IsDir() bool { return e.Info != nil && e.Info.IsDir() }

// IsCandidate reports whether e is to be read or, with its error, to be reported: it is
// neither a directory that could be listed, nor a link that leads nowhere and is not named
// like a document.
func (e Entry) IsCandidate() bool {
	if e.Err == nil {
		return !e.IsDir()
	}
	return !e.Link || IsDocument(path.Base(e.Name)) || !errors.Is(e.Err, fs.ErrNotExist)
}

// Walk calls visit for every file below the root of fsys for which [IsDocument] holds,
// in lexical order of each directory, and for every directory before it is listed and
// once more with the error if it cannot be. Symbolic links are followed, to files and
// to directories, but never into a directory that is being walked already; dot
// directories are passed over. What cannot be looked at is visited with the error, if it
// may be a document or a directory. The files of a directory are looked at on all cores, and
// visited one after the other. Walk itself fails only if the root cannot be listed.
func Walk(fsys fs.FS, visit func(Entry)) error {
	root, err := fs.Stat(fsys, ".")
	if err != nil {
		return err
	}
	return walk(fsys, Entry{Name: ".", Info: root}, []fs.FileInfo{root}, visit)
}

func walk(fsys fs.FS, dir Entry, above []fs.FileInfo, visit func(Entry)) error {
	visit(dir)
	entries, err := fs.ReadDir(fsys, dir.Name)
	if err != nil {
		return err
	}
	var all []Entry
	for _, e := range entries {
		if IsDocument(e.Name()) || mayBeDirectory(e) {
			all = append(all, Entry{Name: path.Join(dir.Name, e.Name()), Link: e.Type()&fs.ModeSymlink != 0})
		}
	}
	parallel.For(len(all), runtime.GOMAXPROCS(0), func(i int) {
		all[i].Info, all[i].Err = fs.Stat(fsys, all[i].Name)
	})
	for _, e := range all {
		switch {
		case errors.Is(e.Err, fs.ErrNotExist) && !e.Link:
			// It went away after the directory was listed.
		case e.Err != nil:
			visit(e)
		case !e.IsDir():
			if IsDocument(path.Base(e.Name)) {
				visit(e)
			}
		case !slices.ContainsFunc(above, func(a fs.FileInfo) bool { return os.SameFile(a, e.Info) }):
			if err := walk(fsys, e, append(above, e.Info), visit); err != nil {
				e.Err = err
				visit(e)
			}
		}
	}
	return nil
}
