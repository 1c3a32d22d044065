package watcher

import (
	"errors"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/neurondex/neurondex/internal/disk"
)

// A notifier is the part of fsnotify that a Dir uses.
type notifier interface {
	Add(dir string) error
	Remove(dir string) error
	WatchList() []string
	Events() <-chan fsnotify.Event
	Errors() <-chan error
	Close() error
}

type fsNotifier struct{ *fsnotify.Watcher }

func newNotifier() (notifier, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	return fsNotifier{w}, nil
}

// Events returns what fsnotify has as a field.
func (n fsNotifier) Events() <-chan fsnotify.Event { return n.Watcher.Events }

// Errors returns what fsnotify has as a field.
func (n fsNotifier) Errors() <-chan error { return n.Watcher.Errors }

// notifierName is how the system tells of changes.
func notifierName() string {
	switch runtime.GOOS {
	case "linux", "android":
		return "inotify"
	case "windows":
		return "ReadDirectoryChangesW"
	case "solaris", "illumos":
		return "fen"
	default:
		return "kqueue"
	}
}

// notices gathers what a notifier tells until the loop comes to look. A goroutine of its
// own takes it off the notifier at once, so that the system's queue does not overflow.
type notices struct {
	notifier
	root  string        // the directory that is followed, absolute
	wake  chan struct{} // filled with every notice; holds one
	ended chan struct{} // closed when the goroutine has ended

	mu   sync.Mutex // guards the rest
	news news
	last time.Time // when the last notice came
	health
}

// health are the counts of a Health that notices keep.
type health struct{ events, overflows, errors uint64 }

// News is what notices told of since they were taken last.
type news struct {
	// documents are names below the root, and whether a rename put a file there after
	// which it was not touched: then it is whole already.
	documents map[string]bool
	// others are paths that may be anything.
	others map[string]bool
	// lost says that there was more than this, or may have been.
	lost bool
}

// mostOthers is how many paths that may be anything are remembered, and looked at one by
// one; it costs less to look at everything than at more.
const mostOthers = 256

func newNotices(n notifier, root string) *notices {
	s := &notices{notifier: n, root: root, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	s.news = news{documents: make(map[string]bool), others: make(map[string]bool)}
	go s.gather()
	return s
}

// gather ends when the notifier is closed.
func (s *notices) gather() {
	defer close(s.ended)
	events, errs := s.Events(), s.Errors()
	for events != nil || errs != nil {
		select {
		case e, ok := <-events:
			if !ok {
				events = nil
				continue
			}
			if !s.event(e) {
				continue
			}
		case err, ok := <-errs:
			if !ok {
				errs = nil
				continue
			}
			s.error(err)
		}
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
}

// event notes an event and reports whether it is of any concern.
func (s *notices) event(e fsnotify.Event) bool {
	if e.Name == "" {
		return false // fsnotify's form of "nothing"
	}
	name, below := s.below(e.Name)
	if !below {
		return false // beside the root, whose parent is watched
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events++
	s.last = time.Now()
	switch {
	case name == ".":
		s.news.lost = true
	case disk.IsDocument(filepath.Base(name)):
		// An event that knows where the file came from is unequal to one that does not,
		// and it cannot be asked for it in another way.
		s.news.documents[name] = e.Has(fsnotify.Create) && e != fsnotify.Event{Name: e.Name, Op: e.Op}
	case len(s.news.others) < mostOthers:
		s.news.others[e.Name] = true
	default:
		s.news.lost = true
	}
	return true
}

// below returns the name that a path has below the root, "." for the root itself.
func (s *notices) below(path string) (name string, ok bool) {
	if path == s.root {
		return ".", true
	}
	rest, ok := strings.CutPrefix(path, s.root+string(filepath.Separator))
	return filepath.ToSlash(rest), ok
}

func (s *notices) error(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.news.lost = true
	s.last = time.Now()
	if errors.Is(err, fsnotify.ErrEventOverflow) {
		s.overflows++
	} else {
		s.errors++
	}
}

// take returns what is new, and forgets it.
func (s *notices) take() (news, health) {
	if s == nil {
		return news{}, health{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := s.news
	s.news = news{documents: make(map[string]bool), others: make(map[string]bool)}
	return taken, s.health
}

// lastAt returns when the last notice came.
func (s *notices) lastAt() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

func (s *notices) close() error {
	err := s.Close()
	<-s.ended
	return err
}
