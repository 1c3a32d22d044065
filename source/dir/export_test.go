package dir

// FileSystem and Notifier are what a Dir asks of the operating system; OpenDisk and
// NewNotifier are how it comes by them.
type (
	FileSystem = fileSystem
	Notifier   = notifier
)

var (
	OpenDisk    = openDisk
	NewNotifier = newNotifier
)

// SetSystem puts something between d and the operating system.
func (d *Dir) SetSystem(open func(path string, confined bool) (FileSystem, error), notify func() (Notifier, error), remote func(path string) bool) {
	d.system = system{open: open, notify: notify, remote: remote, mounts: readMounts}
}
