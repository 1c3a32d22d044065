package disk_test

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"

	"github.com/neurondex/neurondex/internal/disk"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestOpenRegular reads files whose size is, and is not, what it was when Stat was called.
func TestOpenRegular(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.toml")
	for _, size := range []int{0, 1, 511, 512, 513, 4096, 100_000} {
		content := bytes.Repeat([]byte("neurondex\n"), size/10+1)[:size]
		require.NoError(t, os.WriteFile(path, content, 0o600))
		for _, stat := range []int64{-1, 0, 1, int64(size) - 1, int64(size), int64(size) + 1, 1 << 40} {
			t.Run(fmt.Sprint(size, " as ", stat), func(t *testing.T) {
				open := func() io.ReadCloser {
					f, err := disk.OpenRegular(path, stat)
					require.NoError(t, err)
					return f
				}
				f := open()
				require.NoError(t, iotest.TestReader(f, content))
				require.NoError(t, f.Close())
				_, err := f.Read(make([]byte, 1))
				require.Error(t, err, "closed")

				f = open()
				got := make([]byte, size+1)
				n, err := io.ReadFull(f, got)
				assert.Equal(t, content, got[:n])
				if size == 0 {
					require.ErrorIs(t, err, io.EOF)
				} else {
					require.ErrorIs(t, err, io.ErrUnexpectedEOF)
				}
				require.NoError(t, f.Close())
			})
		}
	}
}

// TestOpenRegularGrows appends to a file after its size was read.
func TestOpenRegularGrows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.toml")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o600))
	f, err := disk.OpenRegular(path, 3)
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, os.WriteFile(path, []byte("old and new"), 0o600))
	got, err := io.ReadAll(f)
	require.NoError(t, err)
	assert.Equal(t, "old and new", string(got))
}

// TestOpenRegularFails checks that errors name the operation and the path.
func TestOpenRegularFails(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "missing")
	_, err := disk.OpenRegular(missing, 0)
	require.ErrorIs(t, err, fs.ErrNotExist)
	var failed *fs.PathError
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, []string{"open", missing}, []string{failed.Op, failed.Path})

	f, err := disk.Dir(dir).OpenRegular(".", 0)
	require.NoError(t, err)
	defer f.Close()
	_, err = f.Read(make([]byte, 1))
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, []string{"read", dir}, []string{failed.Op, failed.Path})
}
