package dir

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestWriterEvents drives the bookkeeping by the events of a file's life.
func TestWriterEvents(t *testing.T) {
	d := t.TempDir()
	path := func(name string) string { return filepath.Join(d, name) }
	w := newWriterWatch().(*inotifyWriters)
	defer w.close()
	w.add(d)
	// seen waits until the events so far have been handled: a file of our own is the last.
	n := 0
	seen := func() {
		t.Helper()
		n++
		marker := path(string(rune('A' + n)))
		f, err := os.Create(marker)
		require.NoError(t, err)
		defer f.Close()
		_, err = f.WriteString("x")
		require.NoError(t, err)
		require.Eventually(t, func() bool { return w.isOpen(marker, time.Now()) }, 10*time.Second, time.Millisecond)
	}
	isOpen := func(name string) bool {
		t.Helper()
		seen()
		return w.isOpen(path(name), time.Now())
	}
	f, err := os.Create(path("a"))
	require.NoError(t, err)
	assert.False(t, isOpen("a"), "nothing was written yet")
	_, err = f.WriteString("x")
	require.NoError(t, err)
	assert.True(t, isOpen("a"))
	reader, err := os.Open(path("a"))
	require.NoError(t, err)
	require.NoError(t, reader.Close())
	assert.True(t, isOpen("a"), "only a reader closed it")
	assert.False(t, w.isOpen(path("a"), time.Now().Add(writerTimeout)), "it was not written to for long")
	require.NoError(t, os.Rename(path("a"), path("b")))
	assert.True(t, isOpen("b"))
	assert.False(t, isOpen("a"))
	require.NoError(t, f.Close())
	assert.False(t, isOpen("b"))
	require.NoError(t, unix.Truncate(path("b"), 0))
	assert.False(t, isOpen("b"), "truncate(2) opens nothing")

	f, err = os.OpenFile(path("b"), os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteString("x")
	require.NoError(t, err)
	assert.True(t, isOpen("b"))
	require.NoError(t, os.WriteFile(path("c"), []byte("x"), 0o644))
	require.NoError(t, os.Rename(path("c"), path("b")))
	assert.False(t, isOpen("b"), "another file took its name")
	require.NoError(t, f.Close())
	require.NoError(t, os.WriteFile(path("b"), []byte("x"), 0o644))
	require.NoError(t, os.Remove(path("b")))
	assert.False(t, isOpen("b"))
	w.remove(d)
	w.mu.Lock()
	defer w.mu.Unlock()
	assert.Empty(t, w.files)
	assert.Empty(t, w.dirs)
	assert.Empty(t, w.wds)
}

// TestWritersOfRemovedDirectory checks that what is known of a directory's files goes with its
// watch, and that no event of such a directory is waited for.
func TestWritersOfRemovedDirectory(t *testing.T) {
	w := newWriterWatch().(*inotifyWriters)
	defer w.close()
	var files []string
	for range 2 {
		d := t.TempDir()
		w.add(d)
		f, err := os.Create(filepath.Join(d, "a"))
		require.NoError(t, err)
		defer f.Close()
		_, err = f.WriteString("x")
		require.NoError(t, err)
		require.Eventually(t, func() bool { return w.isOpen(f.Name(), time.Now()) }, 10*time.Second, time.Millisecond)
		files = append(files, f.Name())
	}
	missing := filepath.Join(t.TempDir(), "missing")
	w.add(missing)
	w.remove(filepath.Dir(files[0]))
	assert.False(t, w.isOpen(files[0], time.Now()))
	assert.True(t, w.isOpen(files[1], time.Now()))
	for path, ends := range map[string]bool{files[0]: true, filepath.Join(missing, "a"): true, files[1]: false} {
		select {
		case <-w.expect(path):
			assert.True(t, ends, path)
		default:
			assert.False(t, ends, path)
		}
		w.forget(path)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	assert.Empty(t, w.barriers)
}

// TestWritersOfDeletedDirectory checks that a directory is forgotten when it is deleted.
func TestWritersOfDeletedDirectory(t *testing.T) {
	w := newWriterWatch().(*inotifyWriters)
	defer w.close()
	d := filepath.Join(t.TempDir(), "d")
	require.NoError(t, os.Mkdir(d, 0o755))
	w.add(d)
	require.NoError(t, os.Remove(d))
	require.Eventually(t, func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.dirs) == 0 && len(w.wds) == 0
	}, 10*time.Second, time.Millisecond)
}

// newUnwatched returns a watch of the directory /d, whose number is 1, for events of a test.
func newUnwatched() *inotifyWriters {
	return &inotifyWriters{dirs: map[int]string{1: "/d"}, files: make(map[string]fileUsage), moved: make(map[uint32]move), barriers: make(barriers)}
}

// event returns an event of directory 1 as the system encodes it.
func event(mask, cookie uint32, name string) []byte {
	b := binary.NativeEndian.AppendUint32(nil, 1)
	for _, field := range []uint32{mask, cookie, uint32(len(name))} {
		b = binary.NativeEndian.AppendUint32(b, field)
	}
	return append(b, name...)
}

// TestReaders has readers close a file, which does not end the writing of another process. After the
// last of them, no event says when a change ends: truncate(2) opens nothing. The system may report
// two equal events as one.
func TestReaders(t *testing.T) {
	for _, tt := range []struct {
		masks  []uint32
		isOpen bool
	}{
		{[]uint32{unix.IN_OPEN, unix.IN_OPEN, unix.IN_CLOSE_NOWRITE, unix.IN_MODIFY}, true},
		{[]uint32{unix.IN_OPEN, unix.IN_MODIFY, unix.IN_CLOSE_NOWRITE}, true},
		{[]uint32{unix.IN_OPEN, unix.IN_CLOSE_NOWRITE, unix.IN_MODIFY}, false},
		{[]uint32{unix.IN_OPEN, unix.IN_OPEN, unix.IN_CLOSE_NOWRITE, unix.IN_CLOSE_NOWRITE, unix.IN_MODIFY}, false},
	} {
		w, now := newUnwatched(), time.Now()
		for _, mask := range tt.masks {
			w.handle(event(mask, 0, "a"), now)
		}
		assert.Equal(t, tt.isOpen, w.isOpen("/d/a", now), "%x", tt.masks)
		w.handle(event(unix.IN_CLOSE_WRITE, 0, "a"), now)
		assert.False(t, w.isOpen("/d/a", now), "%x", tt.masks)
	}
}

// TestWritersAfterOverflow checks that lost events leave no file known as written, and that no
// barrier waits for them.
func TestWritersAfterOverflow(t *testing.T) {
	w, now := newUnwatched(), time.Now()
	passed := w.barriers.expect("/d/b")
	for _, name := range []string{"a", "x"} {
		w.handle(event(unix.IN_OPEN, 0, name), now)
		w.handle(event(unix.IN_MODIFY, 0, name), now)
	}
	w.handle(event(unix.IN_MOVED_FROM, 7, "x"), now)
	w.handle(event(unix.IN_Q_OVERFLOW, 0, ""), now)
	assert.False(t, w.isOpen("/d/a", now))
	w.handle(event(unix.IN_MOVED_TO, 7, "y"), now)
	assert.False(t, w.isOpen("/d/y", now))
	select {
	case <-passed:
	default:
		assert.Fail(t, "a barrier waits for a lost event")
	}
}

// TestSplitRename checks that a file stays known as written if the two events of its rename are
// read one by one, and that one that left the directories is forgotten in time.
func TestSplitRename(t *testing.T) {
	w, now := newUnwatched(), time.Now()
	for _, name := range []string{"a", "x"} {
		w.handle(event(unix.IN_OPEN, 0, name), now)
		w.handle(event(unix.IN_MODIFY, 0, name), now)
	}
	w.handle(event(unix.IN_MOVED_FROM, 7, "a"), now)
	w.handle(event(unix.IN_MOVED_FROM, 8, "x"), now)
	assert.False(t, w.isOpen("/d/a", now))
	w.handle(event(unix.IN_OPEN, 0, "c"), now)
	w.handle(event(unix.IN_MOVED_TO, 7, "b"), now.Add(writerTimeout-1))
	assert.True(t, w.isOpen("/d/b", now))
	assert.Len(t, w.moved, 1)
	w.handle(event(unix.IN_OPEN, 0, "c"), now.Add(writerTimeout))
	assert.Empty(t, w.moved)
	w.handle(event(unix.IN_MOVED_TO, 8, "y"), now.Add(writerTimeout))
	assert.False(t, w.isOpen("/d/y", now))
}

// TestBarrierPassesWriters: once a barrier has passed, what was written before it is known.
func TestBarrierPassesWriters(t *testing.T) {
	d := t.TempDir()
	n, err := newNotifier()
	require.NoError(t, err)
	c, w := newCollector(n, d), newWriterWatch()
	defer w.close()
	w.add(d)
	b := newBarrier(n, w)
	defer b.close()
	path := filepath.Join(d, "a")
	for range 200 {
		f, err := os.Create(path)
		require.NoError(t, err)
		_, err = f.WriteString("x")
		require.NoError(t, err)
		require.True(t, b.pass(t.Context(), c, w))
		require.True(t, w.isOpen(path, time.Now()))
		require.NoError(t, f.Close())
		require.True(t, b.pass(t.Context(), c, w))
		require.False(t, w.isOpen(path, time.Now()))
	}
	require.NoError(t, c.close())
}

// TestLeaseOf asks whether a file is open for writing. The file is in memory, as not every file
// system has leases.
func TestLeaseOf(t *testing.T) {
	fd, err := unix.MemfdCreate("a", unix.MFD_CLOEXEC)
	require.NoError(t, err)
	file := os.NewFile(uintptr(fd), "a")
	defer file.Close()
	path := fmt.Sprintf("/proc/self/fd/%d", fd)
	reader, err := os.Open(path)
	require.NoError(t, err)
	defer reader.Close()
	assert.Equal(t, writingNo, leaseOf(reader))
	writer, err := os.OpenFile(path, os.O_WRONLY, 0)
	require.NoError(t, err)
	assert.Equal(t, writingYes, leaseOf(reader))
	require.NoError(t, writer.Close())
	assert.Equal(t, writingNo, leaseOf(reader))
	assert.Equal(t, writingUnknown, leaseOf(writer), "it is closed")
	assert.Equal(t, writingUnknown, leaseOf((*os.File)(nil)))
	other, err := fstest.MapFS{"a": {}}.Open("a")
	require.NoError(t, err)
	assert.Equal(t, writingUnknown, leaseOf(other), "it is not of the system")
}
