// Package disk is the tree of files below a directory of the machine.
package disk

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// Dir is the tree below a directory, as a file system. Unlike [os.DirFS] it takes names that
// are not UTF-8, and never waits for somebody to write to a pipe that takes a file's place
// while it is opened. It is safe for use by several goroutines.
type Dir string

// openFlags open a file to be read, and a pipe at once.
const openFlags = os.O_RDONLY | syscall.O_NONBLOCK

func (d Dir) full(name string) string { return filepath.Join(string(d), filepath.FromSlash(name)) }

// Open implements [fs.FS].
func (d Dir) Open(name string) (fs.File, error) { return os.OpenFile(d.full(name), openFlags, 0) }

// Stat implements [fs.StatFS].
func (d Dir) Stat(name string) (fs.FileInfo, error) { return os.Stat(d.full(name)) }

// Lstat implements [fs.ReadLinkFS].
func (d Dir) Lstat(name string) (fs.FileInfo, error) { return os.Lstat(d.full(name)) }

// ReadLink implements [fs.ReadLinkFS].
func (d Dir) ReadLink(name string) (string, error) { return os.Readlink(d.full(name)) }

// ReadDir implements [fs.ReadDirFS].
func (d Dir) ReadDir(name string) ([]fs.DirEntry, error) { return os.ReadDir(d.full(name)) }

// Close has nothing to do: it is there so that a Dir and a [Confined] may stand for each
// other.
func (Dir) Close() error { return nil }

// A Confined is a Dir whose links lead nowhere outside of it: those that would cannot be
// followed.
type Confined struct{ root *os.Root }

// OpenConfined returns the tree below a directory, which is to be closed.
func OpenConfined(path string) (Confined, error) {
	root, err := os.OpenRoot(path)
	return Confined{root}, err
}

// Open implements [fs.FS].
func (c Confined) Open(name string) (fs.File, error) {
	return c.root.OpenFile(filepath.FromSlash(name), openFlags, 0)
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
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	entries, err := dir.ReadDir(-1)
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, err
}

// Close lets the directory go.
func (c Confined) Close() error { return c.root.Close() }
