package dir_test

import (
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/neurondex/neurondex/internal/watchtest"
	"github.com/neurondex/neurondex/source"
	"github.com/neurondex/neurondex/source/dir"
	"github.com/neurondex/neurondex/watcher"
	"github.com/stretchr/testify/require"
)

// never is a settle time or an interval that does not end during a test.
const never = time.Hour

// A faultySystem is the operating system with injected faults. Operations are named like
// "open a.toml": stat, open, read and list with the name of a file, notify and watch without.
type faultySystem struct {
	mu       sync.Mutex                          // guards the rest
	errs     map[string]error                    // of operations that fail
	calls    map[string]int                      // number of calls of each operation
	before   map[string]func()                   // called once, right before an operation; for read, in the middle of the file
	onStat   func(name string, info fs.FileInfo) // may modify what stat returns
	seen     func(info fs.FileInfo) fs.FileInfo  // what stat returns instead; nil for the same
	mounts   func() map[string]int               // mount points, by path; nil for those of the system
	remote   bool
	silent   bool   // the notifier reports no events
	lost     string // it reports no events of this directory and what is below it
	notifier *faultyNotifier
}

// set modifies the system.
func (s *faultySystem) set(modify func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	modify()
}

// fail makes an operation fail with err, or succeed again if err is nil.
func (s *faultySystem) fail(operation string, err error) {
	s.set(func() { s.errs[operation] = err })
}

// use makes d use the system.
func (s *faultySystem) use(d *dir.Dir) {
	d.SetSystem(s.open, s.notify, s.isRemote)
	if s.mounts != nil {
		d.SetMounts(s.mounts)
	}
}

func newFaultySystem() *faultySystem {
	return &faultySystem{errs: make(map[string]error), calls: make(map[string]int), before: make(map[string]func())}
}

func (s *faultySystem) do(operation, name string) error {
	if name != "" {
		operation += " " + name
	}
	s.mu.Lock()
	f := s.before[operation]
	delete(s.before, operation)
	s.calls[operation]++
	s.mu.Unlock()
	if f != nil {
		f()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.errs[operation]; err != nil {
		return &fs.PathError{Op: operation, Path: name, Err: err}
	}
	return nil
}

func (s *faultySystem) open(path string, confined bool) (dir.FileSystem, error) {
	files, err := dir.OpenDisk(path, confined)
	if err != nil {
		return nil, err
	}
	return faultyFiles{files, s}, nil
}

func (s *faultySystem) notify() (dir.Notifier, error) {
	if err := s.do("notify", ""); err != nil {
		return nil, err
	}
	inner, err := dir.NewNotifier()
	if err != nil {
		return nil, err
	}
	n := &faultyNotifier{Notifier: inner, system: s, events: make(chan fsnotify.Event), errs: make(chan error)}
	go n.forward()
	s.set(func() { s.notifier = n })
	return n, nil
}

func (s *faultySystem) isRemote(string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.remote
}

type faultyFiles struct {
	dir.FileSystem
	system *faultySystem
}

func (f faultyFiles) Open(name string) (fs.File, error) {
	if err := f.system.do("open", name); err != nil {
		return nil, err
	}
	file, err := f.FileSystem.Open(name)
	if err != nil {
		return nil, err
	}
	return &faultyFile{File: file, system: f.system, name: name}, nil
}

func (f faultyFiles) Stat(name string) (fs.FileInfo, error)  { return f.stat(name, f.FileSystem.Stat) }
func (f faultyFiles) Lstat(name string) (fs.FileInfo, error) { return f.stat(name, f.FileSystem.Lstat) }

func (f faultyFiles) stat(name string, stat func(string) (fs.FileInfo, error)) (fs.FileInfo, error) {
	if err := f.system.do("stat", name); err != nil {
		return nil, err
	}
	info, err := stat(name)
	f.system.set(func() {
		if err == nil && f.system.onStat != nil {
			f.system.onStat(name, info)
		}
		if err == nil && f.system.seen != nil {
			info = f.system.seen(info)
		}
	})
	return info, err
}

func (f faultyFiles) ReadDir(name string) ([]fs.DirEntry, error) {
	if err := f.system.do("list", name); err != nil {
		return nil, err
	}
	return f.FileSystem.ReadDir(name)
}

// A faultyFile returns half of the file from the first Read. The next one is the operation
// "read".
type faultyFile struct {
	fs.File
	system *faultySystem
	name   string
	begun  bool
}

// Stat implements fs.File.
func (f *faultyFile) Stat() (fs.FileInfo, error) {
	info, err := f.File.Stat()
	f.system.set(func() {
		if err == nil && f.system.seen != nil {
			info = f.system.seen(info)
		}
	})
	return info, err
}

// SyscallConn lets a lease be taken.
func (f *faultyFile) SyscallConn() (syscall.RawConn, error) {
	return f.File.(syscall.Conn).SyscallConn()
}

func (f *faultyFile) Read(p []byte) (int, error) {
	if !f.begun {
		f.begun = true
		return f.File.Read(p[:(len(p)+1)/2])
	}
	if err := f.system.do("read", f.name); err != nil {
		return 0, err
	}
	return f.File.Read(p)
}

type faultyNotifier struct {
	dir.Notifier
	system *faultySystem
	events chan fsnotify.Event
	errs   chan error
}

// forward forwards events and errors until the notifier is closed.
func (n *faultyNotifier) forward() {
	defer close(n.events)
	defer close(n.errs)
	for {
		select {
		case e, ok := <-n.Notifier.Events():
			if !ok {
				return
			}
			n.system.mu.Lock()
			silent := n.system.silent || n.system.lost != "" && strings.HasPrefix(e.Name, n.system.lost)
			n.system.mu.Unlock()
			if !silent {
				n.events <- e
			}
		case err, ok := <-n.Notifier.Errors():
			if !ok {
				return
			}
			n.errs <- err
		}
	}
}

func (n *faultyNotifier) Events() <-chan fsnotify.Event { return n.events }
func (n *faultyNotifier) Errors() <-chan error          { return n.errs }

func (n *faultyNotifier) Add(dir string) error {
	if err := n.system.do("watch", ""); err != nil {
		return err
	}
	return n.Notifier.Add(dir)
}

// A faultRig is a rig whose directory is on a faulty system.
type faultRig struct {
	*watchtest.Rig
	system *faultySystem
}

// newFaultRig returns a rig whose directory holds a.toml.
func newFaultRig(t *testing.T) *faultRig {
	t.Helper()
	t.Parallel()
	r := &faultRig{watchtest.New(t), newFaultySystem()}
	r.Write("a.toml", watchtest.TOML("1", "a"))
	return r
}

// follow follows the directory. There are no resyncs by default, so that they do not hide
// lost events.
func (r *faultRig) follow(d dir.Dir) {
	r.Helper()
	d.Path = r.Dir
	if d.Resync == 0 {
		d.Resync = never
	}
	r.system.use(&d)
	r.Follow(&d)
}

// writeNotified writes a file and waits until want is served. Events must cover the
// directory, so that nothing else announces the change.
func (r *faultRig) writeNotified(name, version, want string) {
	r.Helper()
	require.True(r, r.health().Notified)
	r.Write(name, watchtest.TOML(version, strings.TrimSuffix(filepath.Base(name), ".toml")))
	r.WaitFor(want)
}

func (r *faultRig) health() source.Health { return r.W.Status().Source }

// document returns the status of a document.
func (r *faultRig) document(name string) watcher.DocumentStatus {
	r.Helper()
	for _, d := range r.W.Status().Documents {
		if d.Name == name {
			return d
		}
	}
	require.Fail(r, "document not found", "%s in %+v", name, r.W.Status().Documents)
	return watcher.DocumentStatus{}
}
