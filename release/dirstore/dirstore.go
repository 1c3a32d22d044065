// Package dirstore keeps releases in a directory, also one on a network file system that
// several machines mount. It registers the scheme file:
//
//	store, err := release.Open(ctx, "file:///srv/neurondex")
package dirstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/neurondex/neurondex/internal/disk"
	"github.com/neurondex/neurondex/release"
)

func init() {
	release.Register("file", func(_ context.Context, u *url.URL) (release.Store, error) {
		path, err := pathOf(u)
		if err != nil {
			return nil, err
		}
		return New(path), nil
	})
}

// pathOf returns the directory that a URL names: file:///srv/x, or file:///C:/x on Windows.
func pathOf(u *url.URL) (string, error) {
	path := u.Path
	switch {
	case u.Host != "" && u.Host != "localhost":
		return "", fmt.Errorf("file URL names the host %q; use three slashes, as in file:///%s%s", u.Host, u.Host, u.Path)
	case path == "" || u.Opaque != "":
		return "", errors.New("file URL must hold an absolute path, as in file:///srv/neurondex")
	case u.RawQuery != "" || u.Fragment != "":
		return "", errors.New("file URL must not have a query or a fragment")
	}
	if runtime.GOOS == "windows" && len(path) > 2 && path[2] == ':' {
		path = path[1:]
	}
	return filepath.FromSlash(path), nil
}

// A Store is a directory with a file for each key. A file is written under another name in
// the subdirectory tmp, and synced, before it is linked to its name, which fails if that
// exists.
type Store struct {
	dir   string
	sweep sync.Once // of files that were left in tmp
}

var _ release.Store = (*Store)(nil)

// New returns the store in a directory. If the directory does not exist, everything fails: a
// file system that is not mounted is not an empty store.
func New(dir string) *Store { return &Store{dir: dir} }

func (s *Store) path(key string) string { return filepath.Join(s.dir, filepath.FromSlash(key)) }

// Get implements [release.Store].
func (s *Store) Get(ctx context.Context, key string, limit int64) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f, err := disk.Open(s.path(key)) // which does not wait for the writer of a pipe
	if errors.Is(err, fs.ErrNotExist) {
		if _, e := os.Stat(s.dir); e != nil {
			return nil, fmt.Errorf("directory of the store: %v", e) //nolint:errorlint // it is not the key that does not exist
		}
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, &fs.PathError{Op: "read", Path: f.Name(), Err: errors.New("not a regular file")}
	case info.Size() > limit:
		return nil, fmt.Errorf("%s: %w", key, release.ErrTooLarge)
	}
	data := make([]byte, info.Size())
	_, err = io.ReadFull(f, data)
	return data, err
}

// Create implements [release.Store].
func (s *Store) Create(ctx context.Context, key string, value []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	path := s.path(key)
	if _, err := os.Lstat(path); err == nil {
		return &fs.PathError{Op: "create", Path: path, Err: fs.ErrExist}
	}
	tmp, err := s.write(value)
	if err != nil {
		return err
	}
	defer os.Remove(tmp)
	err = os.Link(tmp, path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = s.mkdir(filepath.Dir(path)); err == nil {
			err = os.Link(tmp, path)
		}
	}
	if err != nil && !sameFile(tmp, path) { // NFS may repeat a request that succeeded
		return err
	}
	return syncDir(filepath.Dir(path))
}

// sameFile reports whether two names are of one file.
func sameFile(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

// mkdir makes a directory below that of the store.
func (s *Store) mkdir(path string) error {
	if err := os.Mkdir(path, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(s.dir)
}

// write writes a file to tmp and returns its path.
func (s *Store) write(value []byte) (path string, err error) {
	dir := filepath.Join(s.dir, "tmp")
	if err := s.mkdir(dir); err != nil {
		return "", err
	}
	s.sweep.Do(func() { removeOld(dir) })
	f, err := os.CreateTemp(dir, "")
	if err != nil {
		return "", err
	}
	_, err = f.Write(value)
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err != nil {
		os.Remove(f.Name())
	}
	return f.Name(), err
}

// removeOld removes what processes that were killed left behind.
func removeOld(dir string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > 24*time.Hour {
			os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}

// syncDir makes the entries of a directory durable, where a system knows that.
func syncDir(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// List implements [release.Store].
func (s *Store) List(ctx context.Context, prefix, after string) iter.Seq2[release.Entry, error] {
	return func(yield func(release.Entry, error) bool) {
		names, err := s.names(ctx, prefix)
		if err != nil {
			yield(release.Entry{}, err)
			return
		}
		first, found := slices.BinarySearch(names, strings.TrimPrefix(after, prefix))
		if after == "" || !strings.HasPrefix(after, prefix) {
			first, found = 0, false
		}
		if found {
			first++
		}
		for _, name := range names[first:] {
			info, err := os.Stat(s.path(prefix + name))
			if errors.Is(err, fs.ErrNotExist) { // deleted meanwhile
				continue
			}
			if err != nil {
				yield(release.Entry{}, err)
				return
			}
			if !yield(release.Entry{Key: prefix + name, Size: info.Size(), Created: info.ModTime()}, nil) {
				return
			}
		}
	}
}

// names returns the sorted names of the keys with a prefix, which ends in a slash.
func (s *Store) names(ctx context.Context, prefix string) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	d, err := os.Open(s.path(prefix))
	if errors.Is(err, fs.ErrNotExist) {
		_, err = os.Stat(s.dir) // without the directory there is no store
		return nil, err
	}
	if err != nil {
		return nil, err
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	slices.Sort(names)
	return names, err
}

// Delete implements [release.Store].
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := os.Remove(s.path(key)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Close implements [release.Store].
func (s *Store) Close() error { return nil }
