//go:build linux && (amd64 || arm64)

package disk

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A lister holds the memory for listing directories. Package os would allocate several times
// for each file, which takes longer than the system does.
type lister struct {
	path  []byte // of a directory with a slash, and of one entry
	parts [2]part
}

// A part is a part of a directory's entries.
type part struct {
	entries []byte         // as the system returns them
	found   []fastStat     // regular files that are named like documents
	others  []Entry        // what else is to be visited
	next    atomic.Int64   // first of the files that no goroutine has taken
	stats   sync.WaitGroup // for the goroutines that call stat
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
	var failed error
	err = conn.Control(func(fd uintptr) { dirs, failed = w.listOpen(int(fd), dir, visit) })
	return dirs, errors.Join(err, failed)
}

// listOpen is list for an open directory. While other goroutines call stat for the files of a
// part, it visits those of the part before and reads the next one.
func (w *Walker) listOpen(fd int, dir string, visit func(Entry)) (dirs []Entry, err error) {
	var last *part
	for i := 0; ; i++ {
		p := &w.lister.parts[i%2]
		n, err := p.read(fd)
		w.split(p, dir, n)
		if last != nil {
			last.stats.Wait()
		}
		p.stat(fd)
		if last != nil {
			dirs = append(dirs, w.visitAll(last, visit)...)
		}
		if last = p; n <= 0 {
			if err != nil {
				err = &fs.PathError{Op: "readdirent", Path: dir, Err: err}
			}
			return dirs, err
		}
	}
}

// read reads the next entries of a directory and returns their size in bytes, 0 at the end.
func (p *part) read(fd int) (n int, err error) {
	if p.entries == nil {
		p.entries = make([]byte, 32<<10)
	}
	for {
		if n, err = unix.ReadDirent(fd, p.entries); !errors.Is(err, syscall.EINTR) {
			return n, err
		}
	}
}

// visitAll visits the files of a part and returns its directories.
func (w *Walker) visitAll(p *part, visit func(Entry)) (dirs []Entry) {
	for i := range p.found {
		s := &p.found[i]
		switch {
		case s.err == syscall.ENOENT:
			// It was removed after the directory was listed.
		case s.err != 0:
			visit(Entry{Name: s.name, Err: &fs.PathError{Op: "stat", Path: s.name, Err: s.err}})
		case s.stat.Mode&syscall.S_IFMT != syscall.S_IFREG: // another file was put in its place
			p.others = append(p.others, Entry{Name: s.name, Link: s.stat.Mode&syscall.S_IFMT == syscall.S_IFLNK})
		default:
			visit(Entry{Name: s.name, Info: s})
		}
	}
	return w.examine(p.others, visit)
}

// split divides the first n bytes of a part's entries into regular files that are named like
// documents and others that are to be visited.
func (w *Walker) split(p *part, dir string, n int) {
	l := &w.lister
	p.found, p.others = p.found[:0], nil
	l.path = l.path[:0]
	if dir != "." {
		l.path = append(append(l.path, dir...), '/')
	}
	prefix := len(l.path)
	for entries := p.entries[:max(n, 0)]; len(entries) > 0; {
		// The layout is that of linux_dirent64: inode, offset, length, type, name.
		length, typ, base := binary.NativeEndian.Uint16(entries[16:]), entries[18], entries[19:]
		end := bytes.IndexByte(base, 0)
		entries, base = entries[length:], base[:end+1]
		name := base[:end]
		if string(name) == "." || string(name) == ".." {
			continue
		}
		if typ == unix.DT_UNKNOWN {
			typ = w.typeOf(dir, string(name))
		}
		if typ != unix.DT_REG {
			if e, ok := w.found(dir, string(name), fileType(typ)); ok {
				p.others = append(p.others, e)
			}
			continue
		}
		l.path = append(l.path[:prefix], name...)
		if known, ok := w.known(l.path); ok {
			p.found = append(p.found, fastStat{name: known, base: base})
		} else if e, ok := w.found(dir, string(name), 0); ok && e.Ignored == "" {
			p.found = append(p.found, fastStat{name: e.Name, base: base})
		} else if ok {
			p.others = append(p.others, e)
		}
	}
}

func (w *Walker) known(path []byte) (string, bool) {
	if w.Known == nil {
		return "", false
	}
	return w.Known(path)
}

// typeOf returns the type of a directory entry on a file system that does not tell it.
func (w *Walker) typeOf(dir, base string) byte {
	info, err := fs.Lstat(w.FS, path.Join(dir, base))
	switch {
	case err != nil: // it is reported when it is examined
		return unix.DT_UNKNOWN
	case info.Mode()&fs.ModeSymlink != 0:
		return unix.DT_LNK
	case info.Mode().IsRegular():
		return unix.DT_REG
	default:
		return unix.DT_DIR
	}
}

// fileType returns the type of a directory entry that is not a regular file: a link or another.
func fileType(typ byte) fs.FileMode {
	if typ == unix.DT_LNK {
		return fs.ModeSymlink
	}
	return fs.ModeIrregular
}

// statBlock is the number of files that a goroutine calls stat for before it takes more. Equal
// shares would leave a core idle: the goroutine on the core of the reader begins late.
const statBlock = 64

// stat begins to set the stats of the files that were found in a directory. The caller waits
// for p.stats.
func (p *part) stat(fd int) {
	p.next.Store(0)
	blocks := (len(p.found) + statBlock - 1) / statBlock
	for range min(runtime.GOMAXPROCS(0), blocks) {
		p.stats.Go(func() {
			for {
				to := int(p.next.Add(statBlock))
				if to-statBlock >= len(p.found) {
					return
				}
				for i := to - statBlock; i < min(to, len(p.found)); i++ {
					p.found[i].call(fd)
				}
			}
		})
	}
}

// call calls stat for a file in a directory. [unix.Fstatat] would allocate a copy of the name.
func (s *fastStat) call(fd int) {
	_, _, s.err = unix.Syscall6(unix.SYS_NEWFSTATAT, uintptr(fd), uintptr(unsafe.Pointer(&s.base[0])),
		uintptr(unsafe.Pointer(&s.stat)), unix.AT_SYMLINK_NOFOLLOW, 0, 0)
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
