package records_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/neurondex/neurondex/records"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

// workerEnv holds the URL of the storage and the directory of the cache for a process that only
// reads.
const workerEnv = "NEURONDEX_TEST_RECORD_CACHE"

func TestMain(m *testing.M) {
	if where := os.Getenv(workerEnv); where != "" {
		url, dir, _ := strings.Cut(where, " ")
		if err := readForEver(url, dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// The files of the storage, and the cache that processes share. It holds about half of them.
const (
	files     = 24
	cacheSize = 200_000
	readers   = 4 // of each process
	reads     = 150
)

// content returns a version of a file, which tells whether it is whole.
func content(file, version int) []byte {
	body := strings.Repeat(fmt.Sprintf("file %d version %d\n", file, version), 500+100*(file%5))
	return fmt.Appendf(nil, "%d %d %x\n%s", file, version, sha256.Sum256([]byte(body)), body)
}

// parse returns the version of a file.
func parse(file int, data []byte) (version int, err error) {
	var number int
	var sum string
	if _, err := fmt.Sscan(string(data), &number, &version, &sum); err != nil {
		return 0, err
	}
	if number != file || string(content(file, version)) != string(data) {
		return 0, fmt.Errorf("file %d: torn, or another: %.60q", file, data)
	}
	return version, nil
}

// readForEver reads files at random, once stdin ends. Each must be whole, and no older than what
// was read of it before.
func readForEver(url, dir string) error {
	s := &records.Store{
		Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
		CacheDir:  dir, CacheSize: cacheSize, Fresh: 1,
	}
	fmt.Println("ready")
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	var g errgroup.Group
	for range readers {
		g.Go(func() error {
			var seen [files]int
			for range reads {
				file := rand.IntN(files)
				data, err := s.Read(context.Background(), url, 0, file, records.RecordExt)
				if err != nil {
					return err
				}
				version, err := parse(file, data)
				if err != nil {
					return err
				}
				if version < seen[file] {
					return fmt.Errorf("file %d: version %d after %d", file, version, seen[file])
				}
				seen[file] = version
			}
			return nil
		})
	}
	return g.Wait()
}

// TestCacheOfTwoProcesses lets processes read and remove files of one small cache at once, while
// the files change.
func TestCacheOfTwoProcesses(t *testing.T) {
	var asked [files]atomic.Int32
	url, s := storage(t, func(w http.ResponseWriter, r *http.Request) {
		file, err := strconv.Atoi(strings.TrimSuffix(filepath.Base(r.URL.Path), records.RecordExt))
		if err != nil {
			t.Error(err)
		}
		version := int(asked[file].Add(1)) / 5
		tag := fmt.Sprintf(`"%d"`, version)
		w.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = w.Write(content(file, version))
	})
	dir := t.TempDir()
	var starts []io.Closer
	var workers []*exec.Cmd
	for range 2 {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), workerEnv+"="+url+" "+dir)
		cmd.Stderr = os.Stderr
		in, err := cmd.StdinPipe()
		require.NoError(t, err)
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		line, err := bufio.NewReader(out).ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "ready\n", line)
		starts, workers = append(starts, in), append(workers, cmd)
	}
	for _, in := range starts {
		require.NoError(t, in.Close())
	}
	for _, cmd := range workers {
		assert.NoError(t, cmd.Wait())
	}

	found, err := os.ReadDir(dir)
	require.NoError(t, err)
	var size int64
	for _, f := range found {
		assert.Equal(t, ".record", filepath.Ext(f.Name()), "a file is left over")
		info, err := f.Info()
		require.NoError(t, err)
		size += info.Size()
	}
	assert.LessOrEqual(t, size, int64(cacheSize))
	assert.Greater(t, size, int64(cacheSize/4), "the cache is of use")
	s.CacheDir, s.CacheSize, s.Fresh = dir, cacheSize*100, time.Hour
	for file := range files {
		data, err := s.Read(t.Context(), url, 0, file, records.RecordExt)
		require.NoError(t, err)
		_, err = parse(file, data)
		assert.NoError(t, err)
	}
}

// TestCacheCountsWhatOthersWrite checks that the limit is that of the directory, not of each process.
func TestCacheCountsWhatOthersWrite(t *testing.T) {
	url, s := storage(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1000)) })
	dir := t.TempDir()
	stores := [4]records.Store{}
	for i := range stores {
		stores[i] = records.Store{Transport: s.Transport, CacheDir: dir, CacheSize: 100_000}
	}
	for file := range 80 {
		for i := range stores {
			_, err := stores[i].Read(t.Context(), url, i, file, records.RecordExt)
			require.NoError(t, err)
		}
	}
	var size int64
	found, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, f := range found {
		info, err := f.Info()
		require.NoError(t, err)
		size += info.Size()
	}
	assert.LessOrEqual(t, size, int64(100_000))
	assert.Greater(t, size, int64(50_000))
}
