package dir

import (
	"errors"
	"io/fs"
	"syscall"

	"golang.org/x/sys/unix"
)

// hasWriter reports whether a process has an open file open for writing, as far as the
// system tells: it grants a read lease only if none has, and only to the file's owner or
// with CAP_LEASE. On other errors the answer is false, and only settling protects readers.
func hasWriter(f fs.File) (yes bool) {
	conn, ok := f.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return false
	}
	_ = raw.Control(func(fd uintptr) {
		_, err := unix.FcntlInt(fd, unix.F_SETLEASE, unix.F_RDLCK)
		if err == nil {
			_, _ = unix.FcntlInt(fd, unix.F_SETLEASE, unix.F_UNLCK) // closing ends it, too
		}
		yes = errors.Is(err, unix.EAGAIN)
	})
	return yes
}
