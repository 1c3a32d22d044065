package records_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/neurondex/neurondex/records"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	cachedFiles   = 60
	cachedSize    = 10_000
	sharedLimit   = 200_000 // a third of the files
	readsOfOne    = 400
	childVariable = "NEURONDEX_TEST_CACHE"
)

// content returns a version of a file, which shows whether it is whole.
func content(index, version int) []byte {
	line := fmt.Sprintf("%d/%d\n", index, version)
	return []byte(strings.Repeat(line, cachedSize/len(line)))
}

// TestCacheOfTwoProcesses lets two processes read through one cache that is too small, while
// the files change: each gets whole files, no older ones than it had, and the limit holds.
func TestCacheOfTwoProcesses(t *testing.T) {
	if dir := os.Getenv(childVariable); dir != "" {
		readThrough(t, dir)
		return
	}
	var requests atomic.Int64
	url, _ := storage(t, func(w http.ResponseWriter, r *http.Request) {
		index, _ := strconv.Atoi(strings.TrimSuffix(path.Base(r.URL.Path), records.RecordExt))
		version := int(requests.Add(1)) / 100
		tag := fmt.Sprintf(`"%d/%d"`, index, version)
		w.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = w.Write(content(index, version))
	})
	dir := t.TempDir()
	var processes [2]*exec.Cmd
	var outputs [2]bytes.Buffer
	for i := range processes {
		cmd := exec.Command(os.Args[0], "-test.run=^TestCacheOfTwoProcesses$")
		cmd.Env = append(os.Environ(), childVariable+"="+dir, childVariable+"_URL="+url)
		cmd.Stdout, cmd.Stderr = &outputs[i], &outputs[i]
		require.NoError(t, cmd.Start())
		processes[i] = cmd
	}
	for i, cmd := range processes {
		require.NoError(t, cmd.Wait(), "%s", &outputs[i])
	}
	size := sizeOf(t, dir)
	assert.LessOrEqual(t, size, sharedLimit+sharedLimit/10)
	assert.Greater(t, size, sharedLimit/2, "the cache is used")
}

// sizeOf returns the size of a cache.
func sizeOf(t *testing.T, dir string) int {
	t.Helper()
	size := 0
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, f := range files {
		info, err := f.Info()
		require.NoError(t, err)
		assert.Equal(t, ".record", filepath.Ext(f.Name()), "nothing else is left")
		size += int(info.Size())
	}
	return size
}

// TestCacheCountsWhatOthersWrite fills one cache by two stores, which stand for processes,
// in turn: each alone stays below the limit.
func TestCacheCountsWhatOthersWrite(t *testing.T) {
	url, s := storage(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, cachedSize)) })
	dir := t.TempDir()
	var stores [2]*records.Store
	for i := range stores {
		stores[i] = &records.Store{Transport: s.Transport, CacheDir: dir, CacheSize: sharedLimit}
	}
	for i := range 36 {
		_, err := stores[i%2].Read(t.Context(), url, 0, i, records.RecordExt)
		require.NoError(t, err)
		require.LessOrEqual(t, sizeOf(t, dir), sharedLimit+sharedLimit/10)
	}
}

// readThrough is what each of the processes does.
func readThrough(t *testing.T, dir string) {
	client := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // a server of the test
	s := &records.Store{Transport: client, CacheDir: dir, CacheSize: sharedLimit, Fresh: 1}
	last := make(map[int]int)
	for range readsOfOne {
		index := rand.IntN(cachedFiles)
		data, err := s.Read(t.Context(), os.Getenv(childVariable+"_URL"), 0, index, records.RecordExt)
		require.NoError(t, err)
		var i, version int
		_, err = fmt.Sscanf(string(data), "%d/%d\n", &i, &version)
		require.NoError(t, err)
		require.Equal(t, string(content(index, version)), string(data))
		require.GreaterOrEqual(t, version, last[index])
		last[index] = version
	}
}
