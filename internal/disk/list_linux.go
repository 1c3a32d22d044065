//go:build linux && (amd64 || arm64)

package disk

import (
	"bytes"
	"encoding/binary"
	"io/fs"
	"os"
	"runtime"
	"syscall"
	"time"
	"unsafe"

	"github.com/neurondex/neurondex/internal/parallel"
	"golang.org/x/sys/unix"
)

// A lister holds the memory for listing directories. Package os would allocate several times
// for each file, which takes longer than the system does.
type lister struct {
	entries []byte     // directory entries, as the system returns them
	path    []byte     // of a directory with a slash, and of one entry
	found   []fastStat // regular files of the entries
}

// A fastStat is the [fs.FileInfo] of a regular file that was named like a document.
type fastStat struct {
	name string // path below the root
	base []byte // last element of name, and a zero byte
	stat syscall.Stat_t
	err  syscall.Errno
}

// list visits the files of a directory and returns its directories.
func (w *Walker) list(dir string, visit func(Entry)) (dirs []Entry, err error) {
	switch w.FS.(type) {
	case Dir, Confined:
	default:
		return w.listPortably(dir, visit)
	}
	f, err := w.FS.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	conn, err := f.(*os.File).SyscallConn()
	if err != nil {
		return nil, err
	}
	if w.lister.entries == nil {
		w.lister.entries = make([]byte, 64<<10)
	}
	for {
		var others []Entry // what needs the portable way
		n, cause := 0, error(nil)
		err := conn.Control(func(fd uintptr) {
			n, cause = unix.ReadDirent(int(fd), w.lister.entries)
			if n > 0 {
				others = w.split(dir, w.lister.entries[:n])
				w.lister.stat(int(fd))
			}
		})
		if err == nil && cause != nil {
			err = &fs.PathError{Op: "readdirent", Path: dir, Err: cause}
		}
		if err != nil || n <= 0 {
			return dirs, err
		}
		for i := range w.lister.found {
			s := &w.lister.found[i]
			switch {
			case s.err == syscall.ENOENT:
				// It was removed after the directory was listed.
			case s.err != 0:
				visit(Entry{Name: s.name, Err: &fs.PathError{Op: "stat", Path: s.name, Err: s.err}})
			case s.stat.Mode&syscall.S_IFMT != syscall.S_IFREG: // another file was put in its place
				others = append(others, Entry{Name: s.name, Link: s.stat.Mode&syscall.S_IFMT == syscall.S_IFLNK})
			default:
				visit(Entry{Name: s.name, Info: s})
			}
		}
		dirs = append(dirs, w.examine(others, visit)...)
	}
}

// split divides directory entries into regular files that are named like documents, which it
// puts into w.lister.found, and others that are to be visited.
func (w *Walker) split(dir string, entries []byte) (others []Entry) {
	l := &w.lister
	l.found = l.found[:0]
	l.path = l.path[:0]
	if dir != "." {
		l.path = append(append(l.path, dir...), '/')
	}
	prefix := len(l.path)
	for len(entries) > 0 {
		// The layout is that of linux_dirent64: inode, offset, length, type, name.
		length, typ, base := binary.NativeEndian.Uint16(entries[16:]), entries[18], entries[19:]
		end := bytes.IndexByte(base, 0)
		entries, base = entries[length:], base[:end+1]
		name := base[:end]
		if string(name) == "." || string(name) == ".." {
			continue
		}
		if typ != unix.DT_REG {
			if e, ok := w.found(dir, string(name), fileType(typ)); ok {
				others = append(others, e)
			}
			continue
		}
		l.path = append(l.path[:prefix], name...)
		if known, ok := w.known(l.path); ok {
			l.found = append(l.found, fastStat{name: known, base: base})
		} else if e, ok := w.found(dir, string(name), 0); ok && e.Ignored == "" {
			l.found = append(l.found, fastStat{name: e.Name, base: base})
		} else if ok {
			others = append(others, e)
		}
	}
	return others
}

func (w *Walker) known(path []byte) (string, bool) {
	if w.Known == nil {
		return "", false
	}
	return w.Known(path)
}

// fileType returns the type of a directory entry. One that the file system does not tell is
// taken for irregular, and examined.
func fileType(typ byte) fs.FileMode {
	if typ == unix.DT_LNK {
		return fs.ModeSymlink
	}
	return fs.ModeIrregular
}

// perStat is the number of files that are worth another goroutine.
const perStat = 64

// stat sets the stats of the files that were found in a directory.
func (l *lister) stat(fd int) {
	goroutines := min(runtime.GOMAXPROCS(0), 1+len(l.found)/perStat)
	chunk := (len(l.found) + goroutines - 1) / goroutines
	parallel.For(goroutines, goroutines, func(g int) {
		for i := g * chunk; i < min((g+1)*chunk, len(l.found)); i++ {
			s := &l.found[i]
			// unix.Fstatat would allocate a copy of the name.
			_, _, s.err = unix.Syscall6(unix.SYS_NEWFSTATAT, uintptr(fd), uintptr(unsafe.Pointer(&s.base[0])),
				uintptr(unsafe.Pointer(&s.stat)), unix.AT_SYMLINK_NOFOLLOW, 0, 0)
		}
	})
}

// Name implements [fs.FileInfo].
func (s *fastStat) Name() string { return string(s.base[:len(s.base)-1]) }

// Size implements [fs.FileInfo].
func (s *fastStat) Size() int64 { return s.stat.Size }

// Mode implements [fs.FileInfo]. The file is a regular one.
func (s *fastStat) Mode() fs.FileMode {
	mode := fs.FileMode(s.stat.Mode & 0o777)
	if s.stat.Mode&syscall.S_ISUID != 0 {
		mode |= fs.ModeSetuid
	}
	if s.stat.Mode&syscall.S_ISGID != 0 {
		mode |= fs.ModeSetgid
	}
	if s.stat.Mode&syscall.S_ISVTX != 0 {
		mode |= fs.ModeSticky
	}
	return mode
}

// ModTime implements [fs.FileInfo].
func (s *fastStat) ModTime() time.Time { return time.Unix(s.stat.Mtim.Unix()) }

// IsDir implements [fs.FileInfo].
func (s *fastStat) IsDir() bool { return false }

// Sys implements [fs.FileInfo].
func (s *fastStat) Sys() any { return &s.stat }
