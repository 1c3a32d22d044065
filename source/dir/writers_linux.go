package dir

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// leaseOf reports whether a process has an open file open for writing. The system grants a
// read lease only if none has; it grants one only to the owner of the file and with
// CAP_LEASE.
func leaseOf(f fs.File) writing {
	conn, ok := f.(syscall.Conn)
	if !ok {
		return writingUnknown
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return writingUnknown
	}
	answer := writingUnknown
	_ = raw.Control(func(fd uintptr) {
		_, err := unix.FcntlInt(fd, unix.F_SETLEASE, unix.F_RDLCK)
		switch {
		case err == nil:
			answer = writingNo
			_, _ = unix.FcntlInt(fd, unix.F_SETLEASE, unix.F_UNLCK) // closing the file ends it, too
		case errors.Is(err, unix.EAGAIN):
			answer = writingYes
		}
	})
	return answer
}

// An inotifyWriters is a writerWatch by means of inotify, which needs no permission.
// fsnotify does not pass on that a writer closed a file.
type inotifyWriters struct {
	fd   int
	file *os.File      // of fd, for the reading goroutine
	done chan struct{} // closed when the goroutine has ended

	mu       sync.Mutex           // guards the fields below
	dirs     map[int]string       // by watch descriptor
	wds      map[string]int       // by directory
	files    map[string]fileUsage // by path: those that a process opened and did not close
	moved    map[uint32]move      // by cookie: those on their way to another path
	barriers barriers
}

// A fileUsage is how a file is open.
type fileUsage struct {
	opens   int       // about how often; the system reports equal events in a row once
	written time.Time // when it was written to last; zero if it was not
}

// A move is the first of the two events of a rename. The second one may take until a later read,
// or never come, if the file has left the directories.
type move struct {
	usage fileUsage
	at    time.Time
}

// writerTimeout is how long a file counts as being written without another write. A file
// that a reader has open, and that truncate(2) changes, looks as if the reader wrote it.
const writerTimeout = 10 * time.Second

const writerEvents = unix.IN_OPEN | unix.IN_MODIFY | unix.IN_CLOSE | unix.IN_MOVED_FROM | unix.IN_MOVED_TO | unix.IN_DELETE | unix.IN_ONLYDIR

// newWriterWatch returns one that knows nothing if there is no inotify instance left.
func newWriterWatch() writerWatch {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return noWriterWatch{}
	}
	w := &inotifyWriters{
		fd: fd, file: os.NewFile(uintptr(fd), "inotify"), done: make(chan struct{}),
		dirs: make(map[int]string), wds: make(map[string]int), files: make(map[string]fileUsage),
		moved: make(map[uint32]move), barriers: make(barriers),
	}
	go w.run()
	return w
}

func (w *inotifyWriters) add(dir string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	wd, err := unix.InotifyAddWatch(w.fd, dir, writerEvents)
	if err != nil {
		return // without it only leases and settling protect readers
	}
	w.dirs[wd], w.wds[dir] = dir, wd
}

func (w *inotifyWriters) remove(dir string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	wd, ok := w.wds[dir]
	if !ok {
		return
	}
	_, _ = unix.InotifyRmWatch(w.fd, uint32(wd)) // it fails if the directory was removed
	w.drop(wd)
}

// drop drops a directory and what is known of its files. It needs w.mu.
func (w *inotifyWriters) drop(wd int) {
	dir := w.dirs[wd]
	delete(w.dirs, wd)
	if w.wds[dir] == wd {
		delete(w.wds, dir)
	}
	for path := range w.files {
		if filepath.Dir(path) == dir {
			delete(w.files, path)
		}
	}
}

func (w *inotifyWriters) isOpen(path string, now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return now.Before(w.files[path].written.Add(writerTimeout))
}

func (w *inotifyWriters) expect(path string) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.wds[filepath.Dir(path)]; !ok {
		return noWriterWatch{}.expect(path)
	}
	return w.barriers.expect(path)
}

func (w *inotifyWriters) forget(path string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.barriers, path)
}

func (w *inotifyWriters) close() {
	_ = w.file.Close() // nothing is written to it
	<-w.done
}

// run ends when the file is closed.
func (w *inotifyWriters) run() {
	defer close(w.done)
	buf := make([]byte, 64<<10)
	for {
		n, err := w.file.Read(buf)
		if err != nil {
			return
		}
		w.handle(buf[:n], time.Now())
	}
}

func (w *inotifyWriters) handle(buf []byte, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	maps.DeleteFunc(w.moved, func(_ uint32, m move) bool { return now.Sub(m.at) >= writerTimeout })
	for len(buf) >= unix.SizeofInotifyEvent {
		wd, mask := int(int32(binary.NativeEndian.Uint32(buf))), binary.NativeEndian.Uint32(buf[4:])
		cookie, end := binary.NativeEndian.Uint32(buf[8:]), unix.SizeofInotifyEvent+int(binary.NativeEndian.Uint32(buf[12:]))
		name := string(bytes.TrimRight(buf[unix.SizeofInotifyEvent:end], "\x00"))
		buf = buf[end:]
		dir, ok := w.dirs[wd]
		path := filepath.Join(dir, name)
		usage, isOpen := w.files[path]
		switch {
		case mask&unix.IN_Q_OVERFLOW != 0:
			clear(w.files)
			clear(w.moved)
			w.barriers.passAll()
		case !ok, w.barriers.pass(path):
		case mask&unix.IN_IGNORED != 0:
			w.drop(wd)
		case mask&unix.IN_OPEN != 0:
			usage.opens++
			w.files[path] = usage
		case mask&unix.IN_MODIFY != 0:
			if isOpen {
				usage.written = now
				w.files[path] = usage
			}
		case mask&unix.IN_CLOSE_NOWRITE != 0 && (usage.opens > 1 || !usage.written.IsZero()): // by a reader
			usage.opens--
			w.files[path] = usage
		case mask&unix.IN_MOVED_FROM != 0:
			if isOpen {
				w.moved[cookie] = move{usage, now}
			}
			delete(w.files, path)
		case mask&unix.IN_MOVED_TO != 0:
			delete(w.files, path)
			if was, ok := w.moved[cookie]; ok {
				w.files[path] = was.usage
				delete(w.moved, cookie)
			}
		default: // closed or deleted
			delete(w.files, path)
		}
	}
}
