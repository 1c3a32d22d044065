package dir

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"runtime"
	"time"

	"github.com/neurondex/neurondex/internal/parallel"
	"github.com/neurondex/neurondex/source"
)

var (
	// errChanged means that a file was not the same before and after it was read.
	errChanged = errors.New("changed while it was read")
	// errOpen means that a process has a file open for writing.
	errOpen = errors.New("is open for writing")
)

// read reads pending files, on all cores. Removed ones have no content.
func (d *Dir) read(files fileSystem, names []string) []source.Document {
	limit := orDefault(d.MaxBytes, DefaultMaxBytes)
	documents := make([]source.Document, len(names))
	parallel.For(len(names), runtime.GOMAXPROCS(0), func(i int) {
		doc := &documents[i]
		doc.Name = names[i]
		switch change := d.pending.waiting[doc.Name]; {
		case change.kind.isRemoval():
		case change.file.unknown:
			doc.Err = fmt.Errorf("%w: %s", source.ErrNotDocument, change.file.err)
		case change.file.err != "":
			doc.Err = errors.New(change.file.err)
		default:
			doc.Data, doc.Err = d.readFile(files, doc.Name, change, limit)
		}
	})
	return documents
}

// readFile reads a file that is still as the scan found it. That its name still leads to
// it, the second scan shows.
func (d *Dir) readFile(files fileSystem, name string, c change, limit int64) ([]byte, error) {
	found := c.file.stat
	f, err := files.Open(name)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, errChanged
		}
		return nil, errors.New(reason(err))
	}
	defer f.Close()
	if !isSame(f, found) {
		return nil, errChanged
	}
	if c.kind != touched && d.hasWriter(f, name) {
		return nil, errOpen
	}
	if found.size > limit {
		return nil, fmt.Errorf("%w: exceeds the limit of %d bytes", source.ErrTooLarge, limit) // never a part of it
	}
	data := make([]byte, found.size+1) // the last byte shows that the file has grown
	n, err := io.ReadFull(f, data)
	switch {
	case err == nil:
		return nil, errChanged
	case !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return nil, errors.New(reason(err))
	}
	if int64(n) != found.size || !isSame(f, found) {
		return nil, errChanged
	}
	return data[:n], nil
}

// hasWriter reports whether a process has a file open for writing, as far as the system
// tells.
func (d *Dir) hasWriter(f fs.File, name string) bool {
	path := filepath.Join(d.root, filepath.FromSlash(name))
	switch d.system.lease(f) {
	case writingYes:
		// NFS 4 and SMB also refuse a lease where the server has not delegated the file to this
		// machine, and many servers never do.
		if !d.system.remote(path) {
			return true
		}
	case writingNo:
		return false
	}
	return d.watches.writers.isOpen(path, time.Now())
}

// isSame reports whether an open file is the one that a scan found, unchanged.
func isSame(f fs.File, found stat) bool {
	info, err := f.Stat()
	return err == nil && newStat(info).same(found)
}
