package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"

	"github.com/neurondex/neurondex/internal/disk"
	"github.com/neurondex/neurondex/internal/parallel"
	"github.com/neurondex/neurondex/registry"
)

// A Result is what files were found to hold: the documents without errors, by name,
// and all that is to be said about these and the others.
type Result struct {
	Documents   []registry.Document
	Diagnostics Diagnostics
}

// Change returns the change that brings the documents into a registry.
func (r Result) Change() registry.Change { return registry.Change{Put: r.Documents} }

// LoadFile reads the file of a path, which is also the document's name. The error
// says that it could not be read; what is wrong with its content is in the result.
func LoadFile(file string, opts ...Option) (Result, error) {
	o := newOptions(opts)
	info, err := os.Stat(file)
	if err != nil {
		return Result{}, err
	}
	if info.IsDir() {
		return Result{}, &fs.PathError{Op: "read", Path: file, Err: errors.New("is a directory")}
	}
	var r Result
	r.read(file, info, opts, func() ([]byte, error) {
		f, err := os.Open(file)
		return readAll(f, err, o.maxBytes)
	})
	return r, nil
}

// LoadDir reads every document of a directory, as [LoadFS] does.
func LoadDir(dir string, opts ...Option) (Result, error) {
	if info, err := os.Stat(dir); err != nil {
		return Result{}, err
	} else if !info.IsDir() {
		return Result{}, &fs.PathError{Op: "read", Path: dir, Err: errors.New("is not a directory")}
	}
	return LoadFS(disk.Dir(dir), opts...)
}

// LoadFS reads every document of a file system, on all cores: see [Walk] for which these are. A
// document's name is its path. The error says that the root could not be read; a file
// that could not is in the diagnostics.
func LoadFS(fsys fs.FS, opts ...Option) (Result, error) {
	var entries []Entry
	err := Walk(fsys, func(e Entry) {
		if e.IsCandidate() {
			entries = append(entries, e)
		}
	})
	if err != nil {
		return Result{}, err
	}
	slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	o := newOptions(opts)
	results := make([]Result, len(entries))
	parallel.For(len(entries), runtime.GOMAXPROCS(0), func(i int) {
		e, r := &entries[i], &results[i]
		if e.Err != nil {
			r.unreadable(e.Name, e.Err)
			return
		}
		r.read(e.Name, e.Info, opts, func() ([]byte, error) {
			f, err := fsys.Open(e.Name)
			return readAll(f, err, o.maxBytes)
		})
	})
	var all Result
	for _, r := range results {
		all.Documents = append(all.Documents, r.Documents...)
		all.Diagnostics = append(all.Diagnostics, r.Diagnostics...)
	}
	return all, nil
}

func (r *Result) read(name string, info fs.FileInfo, opts []Option, read func() ([]byte, error)) {
	if !info.Mode().IsRegular() {
		r.unreadable(name, errors.New("is not a regular file"))
		return
	}
	data, err := read()
	if err != nil {
		r.unreadable(name, err)
		return
	}
	specs, found := Parse(name, data, opts...)
	r.Diagnostics = append(r.Diagnostics, found...)
	if found.Count(SeverityError) == 0 {
		r.Documents = append(r.Documents, registry.Document{Name: name, Datasets: specs})
	}
}

func (r *Result) unreadable(name string, err error) {
	r.Diagnostics = append(r.Diagnostics, UnreadableDiagnostic(name, err))
}

// ErrTooLarge says that a file has more bytes than are read.
var ErrTooLarge = errors.New("too large")

// UnreadableDiagnostic returns the diagnostic of a file that could not be read; that of
// [RuleTooLarge] if err is an [ErrTooLarge].
func UnreadableDiagnostic(name string, err error) Diagnostic {
	if errors.Is(err, ErrTooLarge) {
		return Diagnostic{Severity: SeverityError, Rule: RuleTooLarge, File: name, Message: err.Error()}
	}
	if perr, ok := errors.AsType[*fs.PathError](err); ok {
		err = perr.Err // the name is in the diagnostic already
	}
	return Diagnostic{Severity: SeverityError, Rule: RuleUnreadable, File: name, Message: fmt.Sprintf("cannot be read: %v", err)}
}

// readAll reads at most one byte more than may be, so that Parse sees that it is too
// much.
func readAll(f fs.File, err error, maxBytes int64) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxBytes+1))
}

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
