package records_test

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/neurondex/neurondex/records"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// storage returns an https server, and a store that trusts it.
func storage(t *testing.T, h http.HandlerFunc) (string, *records.Store) {
	t.Helper()
	srv := httptest.NewTLSServer(h)
	t.Cleanup(srv.Close)
	return srv.URL, &records.Store{Transport: srv.Client().Transport}
}

func TestReadSharesADownload(t *testing.T) {
	var calls atomic.Int32
	arrived, release := make(chan struct{}), make(chan struct{})
	url, s := storage(t, func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1) == 1 {
			close(arrived)
		}
		<-release // slow
		_, _ = w.Write([]byte(r.URL.Path + "?" + r.URL.RawQuery))
	})
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			data, err := s.Read(t.Context(), url+"/a/?sig=1", 3, 4, records.RecordExt)
			assert.NoError(t, err)
			assert.Equal(t, "/a/3/4.json?sig=1", string(data))
		})
	}
	<-arrived
	close(release)
	wg.Wait()
	assert.Less(t, calls.Load(), int32(20))
}

func TestReadOfStorageThatFailsHalfTheTime(t *testing.T) {
	var calls atomic.Int32
	url, s := storage(t, func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1)%2 == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("ok"))
	})
	for i := range 3 {
		data, err := s.Read(t.Context(), url, 0, i, records.RecordExt)
		require.NoError(t, err)
		assert.Equal(t, "ok", string(data))
	}
	assert.Equal(t, int32(6), calls.Load())
}

func TestReadErrors(t *testing.T) {
	var elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	t.Cleanup(other.Close)
	url, s := storage(t, func(w http.ResponseWriter, r *http.Request) {
		switch strings.Split(r.URL.Path, "/")[1] {
		case "missing":
			http.NotFound(w, r)
		case "away":
			http.Redirect(w, r, other.URL, http.StatusFound)
		case "loop":
			http.Redirect(w, r, r.URL.Path, http.StatusFound)
		case "near":
			http.Redirect(w, r, "/here", http.StatusFound)
		case "private":
			w.WriteHeader(http.StatusForbidden)
		default:
			_, _ = w.Write(make([]byte, 1000))
		}
	})
	s.MaxFile = 999
	for path, want := range map[string]string{
		"away": "redirects", "loop": "redirects", "private": "HTTP 403", "near": "exceeds the limit", "large": "exceeds the limit",
	} {
		_, err := s.Read(t.Context(), url+"/"+path, 0, 0, records.RecordExt)
		assert.ErrorIs(t, err, records.ErrFile, path)
		assert.ErrorContains(t, err, want, path)
	}
	_, err := s.Read(t.Context(), url+"/missing", 0, 0, records.RecordExt)
	assert.ErrorIs(t, err, fs.ErrNotExist)
	assert.Zero(t, elsewhere.Load())
	_, err = s.Read(t.Context(), other.URL, 0, 0, records.RecordExt)
	assert.ErrorContains(t, err, "http:// is not supported")
}

func TestCanonicalPath(t *testing.T) {
	for path, want := range map[string]string{
		"az://openaipublic/neuron-explainer/data/": "https://openaipublic.blob.core.windows.net/neuron-explainer/data",
		"https://a.example/b":                      "https://a.example/b", "/": "/", "dir/": "dir",
	} {
		assert.Equal(t, want, records.CanonicalPath(path))
	}
}

func TestReadLocal(t *testing.T) {
	dir := t.TempDir()
	inside := filepath.Join(dir, "data")
	require.NoError(t, os.MkdirAll(filepath.Join(inside, "0"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(inside, "0", "0.json"), []byte("in"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "1.json"), []byte("secret"), 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(inside, "0", "2.json"), 0o700))
	var s records.Store
	for _, path := range []string{inside, inside + "/", "file://" + filepath.ToSlash(inside)} {
		data, err := s.Read(t.Context(), path, 0, 0, records.RecordExt)
		require.NoError(t, err)
		assert.Equal(t, "in", string(data))
	}
	if err := os.Symlink(filepath.Join(dir, "1.json"), filepath.Join(inside, "0", "1.json")); err == nil {
		_, err := s.Read(t.Context(), inside, 0, 1, records.RecordExt)
		assert.ErrorIs(t, err, records.ErrFile)
	}
	_, err := s.Read(t.Context(), inside, 0, 2, records.RecordExt)
	assert.ErrorContains(t, err, "not a regular file")
	_, err = s.Read(t.Context(), inside, 9, 9, records.RecordExt)
	assert.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, os.WriteFile(filepath.Join(inside, "0", "3.pt"), nil, 0o600))
	_, err = s.Read(t.Context(), inside, 0, 3, records.RecordExt)
	assert.ErrorIs(t, err, fs.ErrNotExist)
	assert.ErrorIs(t, err, records.ErrPyTorch)
	_, err = s.Read(t.Context(), inside, 0, 3, records.ExplanationExt)
	assert.NotErrorIs(t, err, records.ErrPyTorch)
	_, err = s.Read(t.Context(), inside, -1, 0, records.RecordExt)
	assert.ErrorIs(t, err, records.ErrFile)
}

func TestCacheAsksWhetherTheFileChanged(t *testing.T) {
	for _, header := range []string{"ETag", "Last-Modified"} {
		t.Run(header, func(t *testing.T) {
			var full, unchanged atomic.Int32
			var content atomic.Value
			content.Store("one")
			url, s := storage(t, func(w http.ResponseWriter, r *http.Request) {
				tag := `"` + content.Load().(string) + `"`
				at := time.Date(2024, 1, len(tag), 0, 0, 0, 0, time.UTC).Format(http.TimeFormat)
				w.Header().Set(header, map[string]string{"ETag": tag, "Last-Modified": at}[header])
				if m := r.Header.Get("If-None-Match") + r.Header.Get("If-Modified-Since"); m == tag || m == at {
					unchanged.Add(1)
					w.WriteHeader(http.StatusNotModified)
					return
				}
				full.Add(1)
				_, _ = w.Write([]byte(content.Load().(string)))
			})
			dir := t.TempDir()
			read := func(fresh time.Duration) string {
				// Another store stands for another process.
				other := &records.Store{Transport: s.Transport, CacheDir: dir, Fresh: fresh}
				data, err := other.Read(t.Context(), url, 0, 0, records.RecordExt)
				require.NoError(t, err)
				return string(data)
			}
			assert.Equal(t, "one", read(time.Hour))
			assert.Equal(t, "one", read(time.Hour))
			assert.Equal(t, []int32{1, 0}, []int32{full.Load(), unchanged.Load()}, "a fresh file needs no request")
			assert.Equal(t, "one", read(1))
			assert.Equal(t, []int32{1, 1}, []int32{full.Load(), unchanged.Load()})
			content.Store("changed")
			assert.Equal(t, "changed", read(1))
			assert.Equal(t, "changed", read(time.Hour))
			assert.Equal(t, int32(2), full.Load())

			files, err := filepath.Glob(filepath.Join(dir, "*"))
			require.NoError(t, err)
			require.Len(t, files, 1)
			require.NoError(t, os.Truncate(files[0], 20))
			assert.Equal(t, "changed", read(time.Hour), "a damaged file is fetched again")
		})
	}
}

func TestCacheRemovesWhatWasNotUsedForLongest(t *testing.T) {
	var calls atomic.Int32
	url, s := storage(t, func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		_, _ = w.Write(make([]byte, 10_000))
	})
	s.CacheDir, s.CacheSize = t.TempDir(), 45_000
	read := func(i int) {
		_, err := s.Read(t.Context(), url, 0, i, records.RecordExt)
		require.NoError(t, err)
	}
	for i := range 3 {
		read(i)
	}
	files, err := filepath.Glob(filepath.Join(s.CacheDir, "*.record"))
	require.NoError(t, err)
	old := time.Now().Add(-time.Hour)
	for _, f := range files {
		require.NoError(t, os.Chtimes(f, old, old))
	}
	read(1) // used again
	read(3)
	read(4) // over the limit
	require.Equal(t, int32(5), calls.Load())
	read(1)
	assert.Equal(t, int32(5), calls.Load())
	read(0)
	assert.Greater(t, calls.Load(), int32(4))
	var size int64
	files, err = filepath.Glob(filepath.Join(s.CacheDir, "*"))
	require.NoError(t, err)
	for _, f := range files {
		info, err := os.Stat(f)
		require.NoError(t, err)
		size += info.Size()
	}
	assert.LessOrEqual(t, size, int64(45_000))
}
