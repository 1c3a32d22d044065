package records

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// A cache keeps files in a directory, which several processes may share: each file is renamed
// into place and read whole. Before the limit is reached, the least recently used ones are
// removed. A nil cache is empty. The cache loses what it cannot write or read.
type cache struct {
	dir   string
	limit int64

	mu       sync.Mutex
	isListed bool
	written  int64 // bytes since the directory was listed
}

// An entry is a file of a cache: its fields as a line of JSON, and the data.
type entry struct {
	Target   string
	Size     int
	ETag     string
	Modified string
	Checked  time.Time
	data     []byte
}

// suffix is that of the files of a cache, which touches no others.
const suffix = ".record"

func (c *cache) path(target string) string {
	return filepath.Join(c.dir, fmt.Sprintf("%x", sha256.Sum256([]byte(target)))+suffix)
}

// maxHeader limits the first line of a file.
const maxHeader = 16 << 10

func (c *cache) get(target string, maxFile int64) (e entry, ok bool) {
	if c == nil {
		return e, false
	}
	path := c.path(target)
	f, err := os.Open(path)
	if err != nil {
		return e, false
	}
	defer f.Close()
	all, err := io.ReadAll(io.LimitReader(f, maxFile+maxHeader))
	header, data, found := bytes.Cut(all, []byte("\n"))
	if err != nil || !found || json.Unmarshal(header, &e) != nil || e.Target != target || e.Size != len(data) {
		return entry{}, false
	}
	e.data = data
	now := time.Now()
	if now.Before(e.Checked) {
		e.Checked = time.Time{} // the clock was set back
	}
	_ = os.Chtimes(path, now, now) // used now
	return e, true
}

func (c *cache) put(target string, e entry) {
	if c == nil || int64(len(e.data)) > c.limit {
		return
	}
	e.Target, e.Size = target, len(e.data)
	header, err := json.Marshal(e)
	if err != nil || len(header) >= maxHeader || os.MkdirAll(c.dir, 0o700) != nil {
		return
	}
	f, err := os.CreateTemp(c.dir, "*"+suffix+".tmp")
	if err != nil {
		return
	}
	_, err = f.Write(slices.Concat(header, []byte("\n"), e.data))
	if err = cmp.Or(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), c.path(target))
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return
	}
	c.grow(int64(len(header) + 1 + len(e.data)))
}

// abandoned is the age at which a temporary file has no writer any more.
const abandoned = time.Hour

// Shares of the limit: of the size at which files are removed, of the size that remains, and of
// what a process writes before it lists the directory again. The first leaves room for what other
// processes write between two listings.
const (
	fullShare    = 7. / 8
	leftShare    = 3. / 4
	writtenShare = 1. / 64
)

// grow counts what was written, and removes files if there are too many.
func (c *cache) grow(n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	limit := float64(c.limit)
	if c.written += n; c.isListed && float64(c.written) <= limit*writtenShare {
		return
	}
	infos, size, err := c.list()
	if err != nil {
		return
	}
	c.isListed, c.written = true, 0
	if float64(size) <= limit*fullShare {
		return
	}
	slices.SortFunc(infos, func(a, b os.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	for _, info := range infos {
		if float64(size) <= limit*leftShare {
			return
		}
		// Another process may have removed it.
		if err := os.Remove(filepath.Join(c.dir, info.Name())); err == nil || errors.Is(err, fs.ErrNotExist) {
			size -= info.Size()
		}
	}
}

// list returns the files of the cache and their size. It removes abandoned temporary files.
func (c *cache) list() (infos []os.FileInfo, size int64, err error) {
	files, err := os.ReadDir(c.dir)
	if err != nil {
		return nil, 0, err
	}
	for _, f := range files {
		info, err := f.Info()
		switch {
		case err != nil || !info.Mode().IsRegular(): // removed, or not ours
		case strings.HasSuffix(f.Name(), suffix):
			infos, size = append(infos, info), size+info.Size()
		case strings.HasSuffix(f.Name(), suffix+".tmp") && time.Since(info.ModTime()) > abandoned:
			_ = os.Remove(filepath.Join(c.dir, f.Name()))
		}
	}
	return infos, size, nil
}
