// Package disk reads the tree of files below a directory of the operating system.
package disk

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// A Dir is the file system of the tree below a directory. Unlike [os.DirFS] it accepts names
// that are not valid UTF-8, and opens files as [Open] does. It is safe for concurrent use.
type Dir string

func (d Dir) full(name string) string { return filepath.Join(string(d), filepath.FromSlash(name)) }

// Open implements [fs.FS].
func (d Dir) Open(name string) (fs.File, error) { return Open(d.full(name)) }

// OpenRegular opens a regular file for reading. Size is the size that Stat returned.
func (d Dir) OpenRegular(name string, size int64) (io.ReadCloser, error) {
	return OpenRegular(d.full(name), size)
}

// Stat implements [fs.StatFS].
func (d Dir) Stat(name string) (fs.FileInfo, error) { return os.Stat(d.full(name)) }

// Lstat implements [fs.ReadLinkFS].
func (d Dir) Lstat(name string) (fs.FileInfo, error) { return os.Lstat(d.full(name)) }

// ReadLink implements [fs.ReadLinkFS].
func (d Dir) ReadLink(name string) (string, error) { return os.Readlink(d.full(name)) }

// ReadDir implements [fs.ReadDirFS].
func (d Dir) ReadDir(name string) ([]fs.DirEntry, error) {
	dir, err := Open(d.full(name))
	return readDir(dir, err)
}

// Close does nothing. A Dir has it so that it can replace a [Confined].
func (Dir) Close() error { return nil }

// A Confined is a [Dir] that does not follow symbolic links that are absolute or lead out of
// the directory.
type Confined struct{ root *os.Root }

// OpenConfined opens the tree below a directory. The caller must close it.
func OpenConfined(path string) (Confined, error) {
	root, err := os.OpenRoot(path)
	return Confined{root}, err
}

// Open implements [fs.FS]. The files of a root can be renamed and deleted while they are open.
func (c Confined) Open(name string) (fs.File, error) {
	return c.root.OpenFile(filepath.FromSlash(name), os.O_RDONLY|syscall.O_NONBLOCK, 0)
}

// Stat implements [fs.StatFS].
func (c Confined) Stat(name string) (fs.FileInfo, error) {
	return c.root.Stat(filepath.FromSlash(name))
}

// Lstat implements [fs.ReadLinkFS].
func (c Confined) Lstat(name string) (fs.FileInfo, error) {
	return c.root.Lstat(filepath.FromSlash(name))
}

// ReadLink implements [fs.ReadLinkFS].
func (c Confined) ReadLink(name string) (string, error) {
	return c.root.Readlink(filepath.FromSlash(name))
}

// ReadDir implements [fs.ReadDirFS].
func (c Confined) ReadDir(name string) ([]fs.DirEntry, error) {
	dir, err := c.root.Open(filepath.FromSlash(name))
	return readDir(dir, err)
}

// readDir lists and closes a directory. It takes the results of opening it.
func readDir(dir *os.File, err error) ([]fs.DirEntry, error) {
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	entries, err := dir.ReadDir(-1)
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, err
}

// Close closes the directory. Files that are open stay so.
func (c Confined) Close() error { return c.root.Close() }
