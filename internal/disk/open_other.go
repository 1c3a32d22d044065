//go:build !windows

package disk

import (
	"os"
	"syscall"
)

// Open opens a file or a directory for reading. Opening a pipe does not wait for a writer.
func Open(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
}
