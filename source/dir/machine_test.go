package dir_test

import (
	"io/fs"
	"sync"

	"github.com/fsnotify/fsnotify"
	"github.com/neurondex/neurondex/internal/watchtest"
	"github.com/neurondex/neurondex/source"
	"github.com/neurondex/neurondex/source/dir"
	"github.com/neurondex/neurondex/watcher"
	"github.com/stretchr/testify/require"
)

// A machine is the operating system, with faults in it. Operations are named like "open
// a.toml"; on files these are stat, open, read and list, on notices just "notify" and "watch".
type machine struct {
	mu       sync.Mutex // guards the rest
	fails    map[string]error
	count    map[string]int    // of operations so far
	before   map[string]func() // to be called once, right before an operation; before read: in the middle of it
	looks    func(name string, info fs.FileInfo)
	remote   bool
	deaf     bool // no notice comes through
	notifier *faultyNotifier
}

// set changes the machine.
func (m *machine) set(change func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change()
}

// fail has an operation fail; with nil no more.
func (m *machine) fail(operation string, err error) { m.set(func() { m.fails[operation] = err }) }

func (m *machine) do(operation, name string) error {
	if name != "" {
		operation += " " + name
	}
	m.mu.Lock()
	f := m.before[operation]
	delete(m.before, operation)
	m.count[operation]++
	m.mu.Unlock()
	if f != nil {
		f()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.fails[operation]; err != nil {
		return &fs.PathError{Op: operation, Path: name, Err: err}
	}
	return nil
}

func (m *machine) open(path string, confined bool) (dir.FileSystem, error) {
	files, err := dir.OpenDisk(path, confined)
	if err != nil {
		return nil, err
	}
	return faultyFiles{files, m}, nil
}

func (m *machine) notify() (dir.Notifier, error) {
	if err := m.do("notify", ""); err != nil {
		return nil, err
	}
	inner, err := dir.NewNotifier()
	if err != nil {
		return nil, err
	}
	n := &faultyNotifier{Notifier: inner, machine: m, events: make(chan fsnotify.Event), errors: make(chan error)}
	go n.pass()
	m.set(func() { m.notifier = n })
	return n, nil
}

func (m *machine) isRemote(string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.remote
}

type faultyFiles struct {
	dir.FileSystem
	*machine
}

func (f faultyFiles) Open(name string) (fs.File, error) {
	if err := f.do("open", name); err != nil {
		return nil, err
	}
	file, err := f.FileSystem.Open(name)
	if err != nil {
		return nil, err
	}
	return &faultyFile{File: file, machine: f.machine, name: name}, nil
}

func (f faultyFiles) Stat(name string) (fs.FileInfo, error)  { return f.stat(name, f.FileSystem.Stat) }
func (f faultyFiles) Lstat(name string) (fs.FileInfo, error) { return f.stat(name, f.FileSystem.Lstat) }

func (f faultyFiles) stat(name string, stat func(string) (fs.FileInfo, error)) (fs.FileInfo, error) {
	if err := f.do("stat", name); err != nil {
		return nil, err
	}
	info, err := stat(name)
	f.set(func() {
		if err == nil && f.looks != nil {
			f.looks(name, info)
		}
	})
	return info, err
}

func (f faultyFiles) ReadDir(name string) ([]fs.DirEntry, error) {
	if err := f.do("list", name); err != nil {
		return nil, err
	}
	return f.FileSystem.ReadDir(name)
}

// A faultyFile gives half of what it is asked for first, and then the rest.
type faultyFile struct {
	fs.File
	*machine
	name  string
	begun bool
}

func (f *faultyFile) Read(p []byte) (int, error) {
	if !f.begun {
		f.begun = true
		return f.File.Read(p[:(len(p)+1)/2])
	}
	if err := f.do("read", f.name); err != nil {
		return 0, err
	}
	return f.File.Read(p)
}

type faultyNotifier struct {
	dir.Notifier
	*machine
	events chan fsnotify.Event
	errors chan error
}

func (n *faultyNotifier) pass() {
	defer close(n.events)
	defer close(n.errors)
	for {
		select {
		case e, ok := <-n.Notifier.Events():
			if !ok {
				return
			}
			n.mu.Lock()
			deaf := n.deaf
			n.mu.Unlock()
			if !deaf {
				n.events <- e
			}
		case err, ok := <-n.Notifier.Errors():
			if !ok {
				return
			}
			n.errors <- err
		}
	}
}

func (n *faultyNotifier) Events() <-chan fsnotify.Event { return n.events }
func (n *faultyNotifier) Errors() <-chan error          { return n.errors }

func (n *faultyNotifier) Add(dir string) error {
	if err := n.do("watch", ""); err != nil {
		return err
	}
	return n.Notifier.Add(dir)
}

// A faultRig is a rig on a machine with faults.
type faultRig struct {
	*watchtest.Rig
	*machine
}

func (r *faultRig) follow(d dir.Dir) {
	r.Helper()
	d.Path = r.Dir
	if d.Resync == 0 {
		d.Resync = never // what is noticed is not noticed by the clock
	}
	d.SetSystem(r.open, r.notify, r.isRemote)
	r.Follow(&d)
}

func (r *faultRig) health() source.Health { return r.W.Status().Source }

// document returns how a document stands.
func (r *faultRig) document(name string) watcher.DocumentStatus {
	r.Helper()
	for _, d := range r.W.Status().Documents {
		if d.Name == name {
			return d
		}
	}
	require.Fail(r, "no such document", "%s in %+v", name, r.W.Status().Documents)
	return watcher.DocumentStatus{}
}
