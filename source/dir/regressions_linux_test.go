package dir

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/neurondex/neurondex/source"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestReaderBeforeFirstWrite: a reader that opens and closes a file before its writer writes
// to it does not hide the writer.
func TestReaderBeforeFirstWrite(t *testing.T) {
	w := newWriterWatch().(*inotifyWriters)
	defer w.close()
	d := t.TempDir()
	w.add(d)
	path := filepath.Join(d, "a.toml")
	f, err := os.Create(path)
	require.NoError(t, err)
	// handled waits until the events so far are handled. It keeps equal events apart, too,
	// which the system would report once.
	handled := func() {
		t.Helper()
		marker := filepath.Join(d, "marker")
		passed := w.expect(marker)
		require.NoError(t, os.WriteFile(marker, nil, 0o644))
		<-passed
	}
	handled()
	for range 3 {
		_, err = os.ReadFile(path)
		require.NoError(t, err)
		handled()
	}
	_, err = f.WriteString("x")
	require.NoError(t, err)
	handled()
	assert.True(t, w.isOpen(path, time.Now()))
	require.NoError(t, f.Close())
	handled()
	assert.False(t, w.isOpen(path, time.Now()))
}

// TestMovedDirectories moves directories away: no watch of a writer is left on them.
func TestMovedDirectories(t *testing.T) {
	d, outside := &Dir{Path: t.TempDir()}, t.TempDir()
	defer d.Close()
	sub := filepath.Join(d.Path, "sub")
	for i := range 5 {
		require.NoError(t, os.Mkdir(sub, 0o755))
		_, err := d.Poll(t.Context(), source.PollAll)
		require.NoError(t, err)
		require.NoError(t, os.Rename(sub, filepath.Join(outside, strconv.Itoa(i))))
		require.True(t, d.watches.pass(t.Context()))
		_, err = d.Poll(t.Context(), source.PollAll)
		require.NoError(t, err)
	}
	w := d.watches.writers.(*inotifyWriters)
	w.mu.Lock()
	defer w.mu.Unlock()
	watched := []string{d.Path, d.watches.barrier.dir}
	assert.ElementsMatch(t, watched, slices.Collect(maps.Values(w.dirs)))
	assert.ElementsMatch(t, watched, slices.Collect(maps.Keys(w.wds)))
}

// TestRenamedDirectory renames a directory: its writers are watched under the new name.
func TestRenamedDirectory(t *testing.T) {
	d := &Dir{Path: t.TempDir()}
	defer d.Close()
	a, b := filepath.Join(d.Path, "a"), filepath.Join(d.Path, "b")
	require.NoError(t, os.Mkdir(a, 0o755))
	_, err := d.Poll(t.Context(), source.PollAll)
	require.NoError(t, err)
	require.NoError(t, os.Rename(a, b))
	require.True(t, d.watches.pass(t.Context()))
	_, err = d.Poll(t.Context(), source.PollAll)
	require.NoError(t, err)
	f, err := os.Create(filepath.Join(b, "x.toml"))
	require.NoError(t, err)
	defer f.Close()
	_, err = f.WriteString("x")
	require.NoError(t, err)
	require.True(t, d.watches.pass(t.Context()))
	assert.True(t, d.watches.writers.isOpen(f.Name(), time.Now()))
	w := d.watches.writers.(*inotifyWriters)
	w.mu.Lock()
	defer w.mu.Unlock()
	watched := []string{d.Path, b, d.watches.barrier.dir}
	assert.ElementsMatch(t, watched, slices.Collect(maps.Values(w.dirs)))
	assert.ElementsMatch(t, watched, slices.Collect(maps.Keys(w.wds)))
}
