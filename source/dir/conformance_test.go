package dir_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/neurondex/neurondex/source"
	"github.com/neurondex/neurondex/source/dir"
	"github.com/neurondex/neurondex/source/sourcetest"
	"github.com/stretchr/testify/require"
)

// A directoryStore holds documents in a directory, which may be renamed for a while.
type directoryStore struct {
	dir  string // while it is reachable
	away bool
}

func (s *directoryStore) path(name string) string {
	if s.away {
		return filepath.Join(s.dir+".away", name)
	}
	return filepath.Join(s.dir, name)
}

// Put writes a file in place.
func (s *directoryStore) Put(name, content string) error {
	if err := os.MkdirAll(filepath.Dir(s.path(name)), 0o755); err != nil {
		return err
	}
	return os.WriteFile(s.path(name), []byte(content), 0o644)
}

// Rename writes a temporary file and renames it.
func (s *directoryStore) Rename(name, content string) error {
	next := s.dir + ".next"
	if err := os.MkdirAll(filepath.Dir(s.path(name)), 0o755); err != nil {
		return err
	}
	return errors.Join(os.WriteFile(next, []byte(content), 0o644), os.Rename(next, s.path(name)))
}

func (s *directoryStore) Remove(name string) error { return os.Remove(s.path(name)) }

func (s *directoryStore) SetReachable(reachable bool) error {
	s.away = !reachable
	if s.away {
		return os.Rename(s.dir, s.dir+".away")
	}
	return os.Rename(s.dir+".away", s.dir)
}

func TestDirConformance(t *testing.T) {
	for name, dir := range map[string]dir.Dir{"events": {}, "polling": {Polling: true}, "confined": {Confined: true}} {
		t.Run(name, func(t *testing.T) {
			sourcetest.Run(t, func(t *testing.T) sourcetest.Store {
				s := &directoryStore{dir: filepath.Join(t.TempDir(), "datasets")}
				require.NoError(t, os.Mkdir(s.dir, 0o755))
				return sourcetest.Store{
					Open:         func() source.Source { d := dir; d.Path = s.dir; return &d },
					Put:          s.Put,
					Remove:       s.Remove,
					SetReachable: s.SetReachable,
				}
			})
		})
	}
	t.Run("renames", func(t *testing.T) {
		sourcetest.Run(t, func(t *testing.T) sourcetest.Store {
			s := &directoryStore{dir: filepath.Join(t.TempDir(), "datasets")}
			require.NoError(t, os.Mkdir(s.dir, 0o755))
			return sourcetest.Store{
				Open:         func() source.Source { return &dir.Dir{Path: s.dir} },
				Put:          s.Rename,
				Remove:       s.Remove,
				SetReachable: s.SetReachable,
			}
		})
	})
	t.Run("swaps", func(t *testing.T) {
		if runtime.GOOS == "windows" {
			t.Skip("links need a privilege")
		}
		sourcetest.Run(t, func(t *testing.T) sourcetest.Store {
			s := newSwapStore(t)
			return sourcetest.Store{
				Open:   func() source.Source { return &dir.Dir{Path: s.link} },
				Put:    func(name, content string) error { return s.Apply(map[string]string{name: content}, nil) },
				Remove: func(name string) error { return s.Apply(nil, []string{name}) },
				Apply:  s.Apply,
			}
		})
	})
}

// A swapStore publishes each change as a new directory, as git-sync does. The path is a
// link to it. The old directory is removed right after the link is swapped.
type swapStore struct {
	link     string
	revision int
}

func newSwapStore(t *testing.T) *swapStore {
	t.Helper()
	s := &swapStore{link: filepath.Join(t.TempDir(), "datasets")}
	require.NoError(t, os.Mkdir(s.target(), 0o755))
	require.NoError(t, os.Symlink(s.target(), s.link))
	return s
}

func (s *swapStore) target() string { return fmt.Sprintf("%s.%d", s.link, s.revision) }

func (s *swapStore) Apply(put map[string]string, remove []string) error {
	before := s.target()
	s.revision++
	if err := os.CopyFS(s.target(), os.DirFS(before)); err != nil {
		return err
	}
	for name, content := range put {
		path := filepath.Join(s.target(), name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
			return err
		}
	}
	for _, name := range remove {
		if err := os.Remove(filepath.Join(s.target(), name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	next := s.link + ".next"
	return errors.Join(os.Symlink(s.target(), next), os.Rename(next, s.link), os.RemoveAll(before))
}
