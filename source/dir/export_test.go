package dir

import (
	"io/fs"
	"path"
)

// FileSystem and Notifier are what a Dir asks of the operating system. OpenDisk and
// NewNotifier return the real ones.
type (
	FileSystem = fileSystem
	Notifier   = notifier
)

var (
	OpenDisk    = openDisk
	NewNotifier = newNotifier
)

// SetSystem replaces the operating system for d.
func (d *Dir) SetSystem(open func(path string, confined bool) (FileSystem, error), notify func() (Notifier, error), remote func(path string) bool) {
	d.system = system{open: open, notify: notify, remote: remote, mounts: readMounts, lease: leaseOf}
}

// SetMounts replaces the mount points of the system.
func (d *Dir) SetMounts(points func() map[string]int) {
	d.system.mounts = func() mounts {
		m := mounts{points(), make(map[string]bool)}
		for point := range m.ids {
			m.parents[path.Dir(point)] = true
		}
		return m
	}
}

// WithoutLeases makes d unable to tell by a lease who has a file open.
func (d *Dir) WithoutLeases() {
	d.system = realSystem
	d.system.lease = func(fs.File) writing { return writingUnknown }
}
