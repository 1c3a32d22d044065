package config

import (
	"errors"
	"io"
	"io/fs"
	"os"
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

// LoadFS reads every document of a file system, on all cores. A
// document's name is its path. The error says that the root could not be read; a file
// that could not is in the diagnostics.
func LoadFS(fsys fs.FS, opts ...Option) (Result, error) {
	var entries []disk.Entry
	err := disk.Walk(fsys, func(e disk.Entry) {
		if e.IsCandidate() {
			entries = append(entries, e)
		}
	})
	if err != nil {
		return Result{}, err
	}
	slices.SortFunc(entries, func(a, b disk.Entry) int { return strings.Compare(a.Name, b.Name) })
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

// readAll reads at most one byte more than may be, so that Parse sees that it is too
// much.
func readAll(f fs.File, err error, maxBytes int64) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxBytes+1))
}
