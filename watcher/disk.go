package watcher

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// A system is what a [Dir] asks of the operating system. Tests put faults in its way.
type system struct {
	open   func(path string, confined bool) (fileSystem, error)
	notify func() (notifier, error)
	remote func(path string) bool // no notices are to be had there, though a watch can be set
}

var realSystem = system{open: openDisk, notify: newNotifier, remote: isRemote}

// A fileSystem is the tree below a directory. Closing it ends no file that is open.
type fileSystem interface {
	fs.StatFS
	fs.ReadDirFS
	fs.ReadLinkFS
	io.Closer
}

// A disk is the fileSystem of the machine. Unlike [os.DirFS] it never waits for somebody
// to write to a pipe that takes a file's place while it is opened.
type disk struct{ path string }

func openDisk(path string, confined bool) (fileSystem, error) {
	if !confined {
		return disk{path}, nil
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	return confinedDisk{root.FS().(rootFS), root}, nil
}

// openFlags open a file to be read, and a pipe at once.
const openFlags = os.O_RDONLY | syscall.O_NONBLOCK

func (d disk) full(name string) string { return filepath.Join(d.path, filepath.FromSlash(name)) }

// Open implements [fs.FS].
func (d disk) Open(name string) (fs.File, error) { return os.OpenFile(d.full(name), openFlags, 0) }

// Stat implements [fs.StatFS].
func (d disk) Stat(name string) (fs.FileInfo, error) { return os.Stat(d.full(name)) }

// Lstat implements [fs.ReadLinkFS].
func (d disk) Lstat(name string) (fs.FileInfo, error) { return os.Lstat(d.full(name)) }

// ReadLink implements [fs.ReadLinkFS].
func (d disk) ReadLink(name string) (string, error) { return os.Readlink(d.full(name)) }

// ReadDir implements [fs.ReadDirFS].
func (d disk) ReadDir(name string) ([]fs.DirEntry, error) { return os.ReadDir(d.full(name)) }

// Close implements [io.Closer].
func (disk) Close() error { return nil }

type rootFS interface {
	fs.StatFS
	fs.ReadDirFS
	fs.ReadLinkFS
}

// A confinedDisk is a disk whose links lead nowhere outside of it.
type confinedDisk struct {
	rootFS
	root *os.Root
}

// Open implements [fs.FS].
func (d confinedDisk) Open(name string) (fs.File, error) {
	return d.root.OpenFile(filepath.FromSlash(name), openFlags, 0)
}

// Close implements [io.Closer].
func (d confinedDisk) Close() error { return d.root.Close() }
