package watcher

import (
	"io"
	"io/fs"

	"github.com/neurondex/neurondex/internal/disk"
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

func openDisk(path string, confined bool) (fileSystem, error) {
	if confined {
		return disk.OpenConfined(path)
	}
	return disk.Dir(path), nil
}
