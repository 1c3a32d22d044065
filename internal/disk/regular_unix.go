//go:build unix

package disk

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// A regular is a regular file that is open for reading. An [os.File] would be registered with the
// runtime's poller and get a finalizer, which takes as long as reading a small file.
type regular struct {
	fd   int
	path string
	left int64 // of the size that Stat returned
}

// OpenRegular opens the regular file at a path for reading. Size is the size that Stat returned: a
// read that ends there needs no other one to find the end of the file. The result is not safe for
// concurrent use.
func OpenRegular(path string, size int64) (io.ReadCloser, error) {
	for {
		fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
		if err == nil {
			return &regular{fd, path, size}, nil
		}
		if !errors.Is(err, syscall.EINTR) {
			return nil, &fs.PathError{Op: "open", Path: path, Err: err}
		}
	}
}

// Read implements [io.Reader]. A read that returns less than asked for has reached the end or
// failed. If it has also read as much as the size says, it has reached the end.
func (f *regular) Read(p []byte) (int, error) {
	for {
		n, err := syscall.Read(f.fd, p)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case err != nil:
			return 0, &fs.PathError{Op: "read", Path: f.path, Err: err}
		}
		f.left -= int64(n)
		if len(p) > 0 && (n == 0 || n < len(p) && f.left == 0) {
			return n, io.EOF
		}
		return n, nil
	}
}

// Close implements [io.Closer].
func (f *regular) Close() error {
	err := syscall.Close(f.fd)
	f.fd = -1 // the system gives the number to other files
	return os.NewSyscallError("close", err)
}
