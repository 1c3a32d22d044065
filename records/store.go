package records

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-retryablehttp"
	"golang.org/x/sync/singleflight"
)

// The extensions of stored files.
const (
	RecordExt      = ".json"
	ExplanationExt = ".jsonl"

	pyTorchExt = ".pt" // not supported
)

// The limits of a [Store] whose fields are zero.
const (
	DefaultMaxFile   = 32 << 20
	DefaultCacheSize = 1 << 30
	DefaultFresh     = time.Minute
)

// The limits of downloads.
const (
	attemptTimeout  = 20 * time.Second
	downloadTimeout = time.Minute
	downloadRetries = 4 // after network errors, 429 and 5xx
)

// ErrFile means that a stored file exists, or may, but cannot be used. It is not used for a
// missing file: that is [fs.ErrNotExist].
var ErrFile = errors.New("cannot use stored file")

// ErrPyTorch means that the record of a unit exists only as a PyTorch file, which is not supported.
// It wraps [fs.ErrNotExist].
var ErrPyTorch = fmt.Errorf("%w; a %s file exists, but PyTorch files are not supported; convert it to %s", fs.ErrNotExist, pyTorchExt, RecordExt)

// A Store reads the files of datasets: from directories of this machine, and over HTTPS. It
// reads whatever path it is given; which paths are allowed is for the caller to say. The zero
// value is ready to use. It must not be copied after first use.
type Store struct {
	CacheDir  string        // keeps downloaded files, for several processes; empty for none
	CacheSize int64         // limit of what CacheDir holds, in bytes; 0 means DefaultCacheSize
	Fresh     time.Duration // how long a file of CacheDir is used without asking its server; 0 means DefaultFresh
	MaxFile   int64         // limit of one file, in bytes; 0 means DefaultMaxFile
	Transport http.RoundTripper

	init   sync.Once
	client *retryablehttp.Client
	cache  *cache // nil if there is none
	flight singleflight.Group
}

// CanonicalPath returns the path of a dataset in the form that the store reads and compares:
// without a trailing slash, and az://ACCOUNT/CONTAINER in its form with https.
func CanonicalPath(path string) string {
	if rest, ok := strings.CutPrefix(path, "az://"); ok {
		account, rest, _ := strings.Cut(rest, "/")
		path = "https://" + account + ".blob.core.windows.net/" + rest
	}
	if len(path) > 1 {
		path = strings.TrimSuffix(path, "/")
	}
	return path
}

// Read returns the content of the file of a unit below the path of a dataset. The error is
// [fs.ErrNotExist] if there is none, and [ErrFile] if it cannot be read. Calls for the same
// file share one download.
func (s *Store) Read(ctx context.Context, path string, layer, index int, ext string) ([]byte, error) {
	s.init.Do(s.setUp)
	if layer < 0 || index < 0 {
		return nil, fmt.Errorf("%w: layer and index must not be negative", ErrFile)
	}
	path = CanonicalPath(path)
	file := strconv.Itoa(layer) + "/" + strconv.Itoa(index) + ext
	u, err := url.Parse(path)
	switch {
	case err == nil && u.Scheme == "https" && u.Host != "":
		u.User = nil
		target := u.JoinPath(file).String()
		done := s.flight.DoChan(target, func() (any, error) {
			// The download outlives a caller that leaves, as others may wait for it.
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), downloadTimeout)
			defer cancel()
			return s.fetch(ctx, target)
		})
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case r := <-done:
			data, _ := r.Val.([]byte)
			return data, r.Err
		}
	case err == nil && u.Scheme == "file":
		return s.readLocal(filepath.FromSlash(u.Path), file)
	case err == nil && len(u.Scheme) > 1 && strings.Contains(path, "://"): // C:\data has a scheme of one letter
		return nil, fmt.Errorf("%w: %s: %s:// is not supported; use https, az or a directory", ErrFile, path, u.Scheme)
	default:
		return s.readLocal(path, file)
	}
}

func (s *Store) setUp() {
	s.MaxFile = cmp.Or(s.MaxFile, DefaultMaxFile)
	s.client = retryablehttp.NewClient()
	s.client.Logger = nil
	s.client.RetryMax = downloadRetries
	s.client.RetryWaitMin, s.client.RetryWaitMax = 100*time.Millisecond, 2*time.Second
	s.client.ErrorHandler = retryablehttp.PassthroughErrorHandler
	s.client.HTTPClient.Timeout = attemptTimeout
	if s.Transport != nil {
		s.client.HTTPClient.Transport = s.Transport
	}
	s.client.HTTPClient.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		if first := via[0].URL; req.URL.Scheme != first.Scheme || req.URL.Host != first.Host || len(via) >= 5 {
			return http.ErrUseLastResponse // which is not OK
		}
		return nil
	}
	if s.CacheDir != "" {
		s.cache = &cache{dir: s.CacheDir, limit: cmp.Or(s.CacheSize, DefaultCacheSize)}
		s.Fresh = cmp.Or(s.Fresh, DefaultFresh)
	}
}

// readLocal reads a file below a directory, which links cannot lead out of.
func (s *Store) readLocal(dir, file string) ([]byte, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, localError(err)
	}
	defer root.Close()
	info, err := root.Stat(file)
	if errors.Is(err, fs.ErrNotExist) {
		reason := fs.ErrNotExist
		if unit, ok := strings.CutSuffix(file, RecordExt); ok {
			if _, err := root.Stat(unit + pyTorchExt); err == nil {
				reason = ErrPyTorch
			}
		}
		return nil, &fs.PathError{Op: "open", Path: filepath.Join(dir, file), Err: reason}
	}
	if err != nil {
		return nil, localError(err)
	}
	if !info.Mode().IsRegular() { // to open a pipe would block
		return nil, fmt.Errorf("%w: %s: not a regular file", ErrFile, file)
	}
	f, err := root.Open(file)
	if err != nil {
		return nil, localError(err)
	}
	defer f.Close()
	data, err := s.readAll(f)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrFile, file, err)
	}
	return data, nil
}

func localError(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrFile, err)
}

func (s *Store) readAll(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, s.MaxFile+1))
	if err == nil && int64(len(data)) > s.MaxFile {
		err = fmt.Errorf("exceeds the limit of %d bytes", s.MaxFile)
	}
	return data, err
}

// fetch returns a file from the cache if it is fresh, and from its server otherwise.
func (s *Store) fetch(ctx context.Context, target string) ([]byte, error) {
	cached, ok := s.cache.get(target, s.MaxFile)
	if ok && time.Since(cached.Checked) < s.Fresh {
		return cached.data, nil
	}
	req, err := retryablehttp.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	req.Header.Set("User-Agent", "neurondex")
	if ok && cached.ETag != "" {
		req.Header.Set("If-None-Match", cached.ETag)
	} else if ok && cached.Modified != "" {
		req.Header.Set("If-Modified-Since", cached.Modified)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusOK:
	case resp.StatusCode == http.StatusNotModified && ok:
		cached.Checked = time.Now()
		s.cache.put(target, cached)
		return cached.data, nil
	case resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusGone:
		return nil, &fs.PathError{Op: "get", Path: plainURL(target), Err: fs.ErrNotExist}
	case 300 <= resp.StatusCode && resp.StatusCode < 400:
		return nil, fmt.Errorf("%w: %s: redirects to another host, or too often", ErrFile, plainURL(target))
	default:
		return nil, fmt.Errorf("%w: %s: HTTP %d %s", ErrFile, plainURL(target), resp.StatusCode, http.StatusText(resp.StatusCode))
	}
	data, err := s.readAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrFile, plainURL(target), err)
	}
	s.cache.put(target, entry{Checked: time.Now(), ETag: resp.Header.Get("ETag"), Modified: resp.Header.Get("Last-Modified"), data: data})
	return data, nil
}

// plainURL returns a URL without its query, which may hold a signature.
func plainURL(target string) string {
	before, _, _ := strings.Cut(target, "?")
	return before
}
