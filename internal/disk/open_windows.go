package disk

import (
	"io/fs"
	"os"
	"syscall"
)

// Open opens a file or a directory for reading. Unlike [os.Open] it lets others rename or
// delete the file meanwhile, so that a writer never fails because of a reader.
func Open(path string) (*os.File, error) {
	failed := func(err error) (*os.File, error) { return nil, &fs.PathError{Op: "open", Path: path, Err: err} }
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return failed(err)
	}
	const share = syscall.FILE_SHARE_READ | syscall.FILE_SHARE_WRITE | syscall.FILE_SHARE_DELETE
	const attributes = syscall.FILE_ATTRIBUTE_NORMAL | syscall.FILE_FLAG_BACKUP_SEMANTICS // for directories
	h, err := syscall.CreateFile(name, syscall.GENERIC_READ, share, nil, syscall.OPEN_EXISTING, attributes, 0)
	if err != nil {
		return failed(err)
	}
	return os.NewFile(uintptr(h), path), nil
}
