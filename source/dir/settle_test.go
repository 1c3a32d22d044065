package dir_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/neurondex/neurondex/internal/watchtest"
	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/source"
	"github.com/neurondex/neurondex/source/dir"
	"github.com/neurondex/neurondex/watcher"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestRenamedFilesSettleAtOnce puts files in place by a rename or the swap of a link. They
// are delivered at once, whatever the settle time.
func TestRenamedFilesSettleAtOnce(t *testing.T) {
	r := watchtest.New(t)
	require.NoError(t, os.MkdirAll(r.Dir, 0o755))
	outside := t.TempDir()
	tree := func(rev int) string {
		dir := filepath.Join(outside, fmt.Sprint("rev", rev))
		require.NoError(t, os.MkdirAll(dir, 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "t.toml"), []byte(watchtest.TOML(fmt.Sprint(rev), "t")), 0o644))
		require.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("u%d.toml", rev)), []byte(watchtest.TOML(fmt.Sprint(rev), "u")), 0o644))
		return dir
	}
	swap := func(target, link string) {
		require.NoError(t, os.Symlink(target, r.Path(".next")))
		require.NoError(t, os.Rename(r.Path(".next"), r.Path(link)))
	}
	swap(tree(1), "tree")
	swap(filepath.Join(tree(1), "t.toml"), "v.toml")
	old := time.Now().Add(-2 * never)
	for _, name := range []string{"t.toml", "u1.toml"} {
		require.NoError(t, os.Chtimes(filepath.Join(outside, "rev1", name), old, old))
	}
	r.OpenDir(dir.Dir{Settle: never, MaxDelay: 50 * time.Millisecond})
	// Two files define t. The later one overrides the other.
	assert.Equal(t, "u=1 t=1", r.Served(), "old files have settled")

	r.Write("a.new", watchtest.TOML("1", "a"))
	require.NoError(t, os.Rename(r.Path("a.new"), r.Path("a.toml")))
	r.WaitFor("a=1 u=1 t=1")
	r.Write("a.new", watchtest.TOML("2", "a"))
	require.NoError(t, os.Rename(r.Path("a.new"), r.Path("a.toml")))
	r.WaitFor("a=2 u=1 t=1")
	require.NoError(t, os.Rename(r.Path("a.toml"), r.Path("b.toml")))
	require.NoError(t, r.Sync())
	d, _ := r.W.Snapshot().Lookup("a", registry.MLPPostAct)
	assert.Equal(t, "b.toml", d.Document())
	swap(filepath.Join(tree(2), "t.toml"), "v.toml")
	r.WaitFor("a=2 u=1 t=2")
	require.NoError(t, os.Remove(r.Path("v.toml")))
	swap(filepath.Join(outside, "rev2"), "tree")

	r.Write("c.toml", watchtest.TOML("1", "c")) // written in place: it does not settle
	// No event announces that a file is pending.
	require.Eventually(t, func() bool {
		documents := r.W.Status().Documents
		return strings.Contains(r.Served(), "u=2") && documents[len(documents)-1].Name == "tree/u2.toml" && documents[1].State == watcher.StatePending
	}, 20*time.Second, 10*time.Millisecond)
	assert.NotContains(t, r.Served(), "c=")
}

// TestPollNamesPendingFiles writes a file that does not settle.
func TestPollNamesPendingFiles(t *testing.T) {
	d := &dir.Dir{Path: t.TempDir(), Settle: never}
	_, err := d.Poll(t.Context(), source.PollAll)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(d.Path, "a.toml"), []byte(watchtest.TOML("1", "a")), 0o644))
	b, err := d.Poll(t.Context(), source.PollAll)
	require.NoError(t, err)
	assert.Equal(t, []string{"a.toml"}, b.Pending)
	assert.Empty(t, b.Changed)
	require.NoError(t, d.Close())
}

// TestChangeWithSameTime changes files without a change of their size and modification
// time.
func TestChangeWithSameTime(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, path string, content []byte, at time.Time){
		"written in place": func(t *testing.T, path string, content []byte, at time.Time) {
			require.NoError(t, os.WriteFile(path, content, 0o644))
			require.NoError(t, os.Chtimes(path, at, at))
		},
		"replaced": func(t *testing.T, path string, content []byte, at time.Time) {
			require.NoError(t, os.WriteFile(path+".new", content, 0o644))
			require.NoError(t, os.Chtimes(path+".new", at, at))
			require.NoError(t, os.Rename(path+".new", path))
		},
		"replaced by an older file": func(t *testing.T, path string, content []byte, at time.Time) {
			require.NoError(t, os.WriteFile(path+".new", content, 0o644))
			older := at.Add(-never)
			require.NoError(t, os.Chtimes(path+".new", older, older))
			require.NoError(t, os.Rename(path+".new", path))
		},
		"removed and created again": func(t *testing.T, path string, content []byte, at time.Time) {
			require.NoError(t, os.Remove(path)) // its inode number may be reused
			require.NoError(t, os.WriteFile(path, content, 0o644))
			require.NoError(t, os.Chtimes(path, at, at))
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := watchtest.New(t)
			at := time.Now().Add(-never)
			path := r.Path("a.toml")
			r.Write("a.toml", watchtest.TOML("1", "a"))
			require.NoError(t, os.Chtimes(path, at, at))
			r.Open()
			for i := range 5 {
				want := fmt.Sprint(2 + i)
				change(t, path, []byte(watchtest.TOML(want, "a")), at)
				r.WaitFor("a=" + want)
			}
		})
	}
}

// TestChangeWithinTick rewrites a file right after it was read, with the same size. Its
// times may stay the same, too, within a tick of the file system's clock.
func TestChangeWithinTick(t *testing.T) {
	r := watchtest.New(t)
	r.Write("a.toml", watchtest.TOML("100", "a"))
	r.Open()
	path := r.Path("a.toml")
	for i := range 30 {
		first, second := fmt.Sprint(101+2*i), fmt.Sprint(102+2*i)
		require.NoError(t, os.WriteFile(path+".new", []byte(watchtest.TOML(first, "a")), 0o644))
		require.NoError(t, os.Rename(path+".new", path))
		r.WaitFor("a=" + first)
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		require.NoError(t, err)
		_, err = f.WriteString(watchtest.TOML(second, "a"))
		require.NoError(t, err)
		require.NoError(t, f.Close())
		require.NoError(t, r.Sync())
		assert.Equal(t, "a="+second, r.Served())
	}
}

// TestManyRenamesAreFewChanges renames files in a loop.
func TestManyRenamesAreFewChanges(t *testing.T) {
	r := watchtest.New(t)
	require.NoError(t, os.MkdirAll(r.Dir, 0o755))
	r.OpenDir(dir.Dir{Settle: time.Second, MaxDelay: 20 * time.Second}) // it may take long
	for i := range 300 {
		r.Write(fmt.Sprintf("%03d.new", i), watchtest.TOML("1", fmt.Sprint(i)))
	}
	for i := range 300 {
		require.NoError(t, os.Rename(r.Path(fmt.Sprintf("%03d.new", i)), r.Path(fmt.Sprintf("%03d.toml", i))))
	}
	require.NoError(t, r.Sync())
	s := r.W.Snapshot()
	assert.Equal(t, 300, s.Len())
	assert.LessOrEqual(t, s.Generation(), uint64(10), "a loop of renames is few changes")
}

// TestBusyFileDelaysNoOther writes a file that does not settle: its last good datasets stay in
// service, and other files are delivered.
func TestBusyFileDelaysNoOther(t *testing.T) {
	r := watchtest.New(t)
	r.Write("busy.toml", watchtest.TOML("1", "busy"))
	old := time.Now().Add(-2 * never)
	require.NoError(t, os.Chtimes(r.Path("busy.toml"), old, old))
	r.OpenDir(dir.Dir{Settle: never, MaxDelay: 50 * time.Millisecond})
	for i := range 5 {
		r.Write("busy.toml", watchtest.TOML("2", "busy"))
		version := fmt.Sprint(i)
		r.Write("other.new", watchtest.TOML(version, "other"))
		require.NoError(t, os.Rename(r.Path("other.new"), r.Path("other.toml")))
		r.WaitFor("busy=1 other=" + version)
		assert.Equal(t, watcher.StatePending, r.W.Status().Documents[0].State)
	}
	require.NoError(t, os.Chtimes(r.Path("busy.toml"), old, old)) // as if that was long ago
	r.WaitFor("busy=2 other=4")
}

// TestChangesAreOneBatch changes two files one after the other, with polls between: they are
// delivered together.
func TestChangesAreOneBatch(t *testing.T) {
	d := &dir.Dir{Path: t.TempDir(), Settle: never, MaxDelay: never, Resync: never}
	defer d.Close()
	old := time.Now().Add(-2 * never)
	files := []string{"a.toml", "b.toml"}
	poll := func() source.Batch {
		t.Helper()
		b, err := d.Poll(t.Context(), source.PollAll)
		require.NoError(t, err)
		return b
	}
	for i := range 4 {
		for j := range files {
			name := files[(i+j)%2]
			require.NoError(t, os.WriteFile(filepath.Join(d.Path, name), []byte(fmt.Sprint(i, j)), 0o644))
			assert.Empty(t, poll().Changed)
		}
		assert.Equal(t, files, poll().Pending)
		require.NoError(t, os.Chtimes(filepath.Join(d.Path, "a.toml"), old, old)) // it has settled
		b := poll()
		assert.Empty(t, b.Changed, "it waits for the other one")
		assert.Equal(t, files, b.Pending)
		require.NoError(t, os.Chtimes(filepath.Join(d.Path, "b.toml"), old, old))
		b = poll()
		assert.Equal(t, files, names(b.Changed))
		assert.Empty(t, b.Pending)
	}
	// A renamed file is removed and added in one change.
	require.NoError(t, os.Rename(filepath.Join(d.Path, "a.toml"), filepath.Join(d.Path, "c.toml")))
	b := poll()
	assert.Equal(t, []string{"a.toml"}, b.Removed)
	assert.Contains(t, names(b.Changed), "c.toml") // b.toml may be read again
}

// names returns the names of documents.
func names(documents []source.Document) (list []string) {
	for _, d := range documents {
		list = append(list, d.Name)
	}
	return list
}
