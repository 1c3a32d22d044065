package dir

import (
	"io"
	"io/fs"

	"github.com/neurondex/neurondex/internal/disk"
)

// A system is what a [Dir] asks of the operating system. Tests inject faults here.
type system struct {
	open   func(path string, confined bool) (fileSystem, error)
	notify func() (notifier, error)
	remote func(path string) bool // watches can be set there, but report no changes of other machines
	mounts func() mounts
	lease  func(f fs.File) writing // of an open file
}

var realSystem = system{open: openDisk, notify: newNotifier, remote: isRemote, mounts: readMounts, lease: leaseOf}

// A fileSystem is the tree below a directory. Files that are open stay so when it closes.
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
