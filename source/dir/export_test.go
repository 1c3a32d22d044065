package dir

import "io/fs"

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

// WithoutLeases makes d unable to tell by a lease who has a file open.
func (d *Dir) WithoutLeases() {
	d.system = realSystem
	d.system.lease = func(fs.File) writing { return writingUnknown }
}
