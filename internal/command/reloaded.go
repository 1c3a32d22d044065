package command

import (
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"
)

// A reloadedFile is the content of a file that is read again when it has changed. It is safe for
// concurrent use.
type reloadedFile[T any] struct {
	path  string
	parse func([]byte) (T, error)
	log   *slog.Logger
	// interval is the time for which the file counts as unchanged.
	interval time.Duration

	mu      sync.Mutex
	value   T           // the last good one
	info    fs.FileInfo // of the file that was read last
	checked time.Time
	failed  string // what was logged last
}

// checkInterval is the interval of most files.
const checkInterval = time.Second

// newReloadedFile reads a file. Later failures are logged, and the last good content stays.
func newReloadedFile[T any](path string, parse func([]byte) (T, error), log *slog.Logger) (*reloadedFile[T], error) {
	f := &reloadedFile[T]{path: path, parse: parse, log: log, interval: checkInterval}
	if err := f.read(); err != nil {
		return nil, err
	}
	f.checked = time.Now()
	return f, nil
}

// get returns the content as of an interval ago at most.
func (f *reloadedFile[T]) get() T {
	value, failure := f.refresh(time.Now())
	if failure != "" {
		f.log.Error("cannot read file; using its last good content", "path", f.path, "err", failure)
	}
	return value
}

// refresh returns the content, and a failure that is not logged yet.
func (f *reloadedFile[T]) refresh(now time.Time) (value T, failure string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now.Sub(f.checked) >= f.interval {
		f.checked = now
		was := f.failed
		f.failed = ""
		if err := f.read(); err != nil {
			if f.failed = err.Error(); f.failed != was {
				failure = f.failed
			}
		}
	}
	return f.value, failure
}

// read reads the file if it is another one than before. It needs f.mu.
func (f *reloadedFile[T]) read() error {
	info, err := os.Stat(f.path)
	if err != nil {
		return err
	}
	if f.info != nil && os.SameFile(f.info, info) && f.info.ModTime().Equal(info.ModTime()) && f.info.Size() == info.Size() {
		return nil
	}
	data, err := os.ReadFile(f.path)
	if err != nil {
		return err
	}
	value, err := f.parse(data)
	if err != nil {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	f.value, f.info = value, info
	return nil
}
