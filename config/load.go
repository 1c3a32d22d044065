package config

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/neurondex/neurondex/internal/disk"
	"github.com/neurondex/neurondex/internal/parallel"
	"github.com/neurondex/neurondex/registry"
)

// A Result is the outcome of loading files. The zero value is that of no files.
type Result struct {
	Documents   []registry.Document // the documents without errors, ordered by name
	Diagnostics Diagnostics         // of all files, ordered by file and position
}

// Change returns a change that puts the documents into a registry. It does not remove
// documents that the registry already has.
func (r Result) Change() registry.Change { return registry.Change{Put: r.Documents} }

// LoadFile loads a single file, whose path is the name of the document. It returns an error
// if the file does not exist or is a directory. Everything else that is wrong with the file
// is in the diagnostics.
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
	r.load(file, info.Mode().IsRegular(), info.Size(), opts, o.maxBytes, func() (io.ReadCloser, error) {
		return disk.OpenRegular(file, info.Size())
	})
	return r, nil
}

// LoadDir loads the files of a directory and its subdirectories as [LoadFS] does. It returns an
// error if dir is not a readable directory.
func LoadDir(dir string, opts ...Option) (Result, error) {
	if info, err := os.Stat(dir); err != nil {
		return Result{}, err
	} else if !info.IsDir() {
		return Result{}, &fs.PathError{Op: "read", Path: dir, Err: errors.New("not a directory")}
	}
	return LoadFS(disk.Dir(dir), opts...)
}

// LoadFS loads every file of fsys whose name ends in .toml, .json or .jsonc, in upper or lower
// case. The name of a document is its path. It uses all cores, so fsys must be safe for
// concurrent use. Files and directories whose names start with a dot are skipped, as are the
// leftovers of tools (backups, conflict copies) and what [WithExclude] matches. Symbolic links
// are followed.
//
// LoadFS returns an error if it cannot list the root, or if a pattern is malformed. A file
// below it that cannot be read is in the diagnostics as an error, a directory that cannot be
// listed as a warning, both with [RuleUnreadable]. A file that looks like a dataset file and is
// not read is a warning with [RuleIgnoredFile].
func LoadFS(fsys fs.FS, opts ...Option) (Result, error) {
	o := newOptions(opts)
	if err := o.exclude.Check(); err != nil {
		return Result{}, err
	}
	type entry struct {
		disk.Entry
		regular bool
		size    int64
	}
	var entries []entry
	walker := disk.Walker{FS: fsys, Exclude: o.exclude}
	err := walker.Walk(func(found disk.Entry) {
		if !found.IsCandidate() && found.Ignored == "" {
			return
		}
		e := entry{Entry: found}
		if found.Info != nil {
			e.regular, e.size = found.Info.Mode().IsRegular(), found.Info.Size()
		}
		entries = append(entries, e)
	})
	if err != nil {
		return Result{}, err
	}
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.Name, b.Name) })
	results := make([]Result, len(entries))
	parallel.For(len(entries), runtime.GOMAXPROCS(0), func(i int) {
		e, r := &entries[i], &results[i]
		switch {
		case e.Ignored != "":
			r.Diagnostics = Diagnostics{IgnoredDiagnostic(e.Name, e.Ignored)}
			return
		case e.Err != nil && e.IsDir():
			r.Diagnostics = Diagnostics{UnlistedDiagnostic(e.Name, e.Err)}
			return
		case e.Err != nil:
			r.unreadable(e.Name, e.Err)
			return
		}
		r.load(e.Name, e.regular, e.size, opts, o.maxBytes, func() (io.ReadCloser, error) {
			if dir, ok := fsys.(disk.Dir); ok {
				return dir.OpenRegular(e.Name, e.size)
			}
			return fsys.Open(e.Name)
		})
	})
	var all Result
	for _, r := range results {
		all.Documents = append(all.Documents, r.Documents...)
		all.Diagnostics = append(all.Diagnostics, r.Diagnostics...)
	}
	return all, nil
}

// buffers pools the memory that files are read into. Nothing that Parse returns refers to it.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// load adds the document of a file, unless it is invalid, and its diagnostics.
func (r *Result) load(name string, regular bool, size int64, opts []Option, maxBytes int64, open func() (io.ReadCloser, error)) {
	if !regular {
		r.unreadable(name, errors.New("not a regular file"))
		return
	}
	f, err := open()
	if err != nil {
		r.unreadable(name, err)
		return
	}
	defer f.Close()
	text := buffers.Get().(*bytes.Buffer)
	defer func() {
		if text.Cap() <= keptBytes {
			text.Reset()
			buffers.Put(text)
		}
	}()
	text.Grow(int(min(max(size, 0), maxBytes)) + bytes.MinRead) // as much as ReadFrom wants free at the end
	// One byte more than maxBytes, so that Parse rejects a file that is too large.
	if _, err := text.ReadFrom(io.LimitReader(f, maxBytes+1)); err != nil {
		r.unreadable(name, err)
		return
	}
	specs, found := Parse(name, text.Bytes(), opts...)
	r.Diagnostics = append(r.Diagnostics, found...)
	if found.Count(SeverityError) == 0 {
		r.Documents = append(r.Documents, registry.Document{Name: name, Datasets: specs})
	}
}

// unreadable adds the diagnostic of a file that cannot be read.
func (r *Result) unreadable(name string, err error) {
	r.Diagnostics = append(r.Diagnostics, UnreadableDiagnostic(name, err))
}
