package dir_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/neurondex/neurondex/internal/watchtest"
	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/source/dir"
	"github.com/neurondex/neurondex/watcher"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// never is a settle time that no test lives to see: what is taken all the same is taken at
// once.
const never = time.Hour

// TestRenamesAndSwapsAreTakenAtOnce puts files in place that were written a moment ago.
func TestRenamesAndSwapsAreTakenAtOnce(t *testing.T) {
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
	flip := func(target, link string) {
		require.NoError(t, os.Symlink(target, filepath.Join(r.Dir, ".next")))
		require.NoError(t, os.Rename(filepath.Join(r.Dir, ".next"), filepath.Join(r.Dir, link)))
	}
	flip(tree(1), "tree")
	flip(filepath.Join(tree(1), "t.toml"), "v.toml")
	old := time.Now().Add(-2 * never)
	for _, name := range []string{"t.toml", "u1.toml"} {
		require.NoError(t, os.Chtimes(filepath.Join(outside, "rev1", name), old, old))
	}
	r.OpenDir(dir.Dir{Settle: never, MaxDelay: 50 * time.Millisecond})
	// t is defined by two files, of which the later one counts.
	assert.Equal(t, "u=1 t=1", r.Served(), "what is old is still")

	r.Write("a.new", watchtest.TOML("1", "a"))
	require.NoError(t, os.Rename(filepath.Join(r.Dir, "a.new"), filepath.Join(r.Dir, "a.toml")))
	r.WaitFor("a=1 u=1 t=1")
	r.Write("a.new", watchtest.TOML("2", "a"))
	require.NoError(t, os.Rename(filepath.Join(r.Dir, "a.new"), filepath.Join(r.Dir, "a.toml")))
	r.WaitFor("a=2 u=1 t=1")
	require.NoError(t, os.Rename(filepath.Join(r.Dir, "a.toml"), filepath.Join(r.Dir, "b.toml")))
	require.NoError(t, r.Sync())
	d, _ := r.W.Snapshot().Lookup("a", registry.MLPPostAct)
	assert.Equal(t, "b.toml", d.Document())
	flip(filepath.Join(tree(2), "t.toml"), "v.toml")
	r.WaitFor("a=2 u=1 t=2")
	require.NoError(t, os.Remove(filepath.Join(r.Dir, "v.toml")))
	flip(filepath.Join(outside, "rev2"), "tree")

	r.Write("c.toml", watchtest.TOML("1", "c")) // written in place: it is never still for long enough
	for {
		s := r.W.Status()
		if i := len(s.Documents) - 1; s.Documents[i].Name == "tree/u2.toml" && s.Documents[1].State == watcher.StatePending {
			break
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		_ = r.W.Sync(ctx)
		cancel()
	}
	assert.Contains(t, r.Served(), "u=2", "a new file beside what a swap brought is whole, too")
	assert.NotContains(t, r.Served(), "c=")
}

func TestSyncNamesWhatIsBusy(t *testing.T) {
	r := watchtest.New(t)
	require.NoError(t, os.MkdirAll(r.Dir, 0o755))
	r.OpenDir(dir.Dir{Settle: never})
	r.Write("a.toml", watchtest.TOML("1", "a"))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	err := r.W.Sync(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorIs(t, err, watcher.ErrStale)
	stale, ok := errors.AsType[*watcher.StaleError](err)
	require.True(t, ok)
	require.Len(t, stale.Documents, 1)
	assert.Equal(t, "a.toml", stale.Documents[0].Name)
	assert.Equal(t, watcher.StatePending, stale.Documents[0].State)
	assert.False(t, stale.Documents[0].Since.IsZero())
}

// TestChangesThatHide changes files so that their size and modification time stay.
func TestChangesThatHide(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, path string, content []byte, at time.Time){
		"written in place": func(t *testing.T, path string, content []byte, at time.Time) {
			require.NoError(t, os.WriteFile(path, content, 0o644))
			require.NoError(t, os.Chtimes(path, at, at))
		},
		"another file": func(t *testing.T, path string, content []byte, at time.Time) {
			require.NoError(t, os.WriteFile(path+".new", content, 0o644))
			require.NoError(t, os.Chtimes(path+".new", at, at))
			require.NoError(t, os.Rename(path+".new", path))
		},
		"an older file": func(t *testing.T, path string, content []byte, at time.Time) {
			require.NoError(t, os.WriteFile(path+".new", content, 0o644))
			older := at.Add(-never)
			require.NoError(t, os.Chtimes(path+".new", older, older))
			require.NoError(t, os.Rename(path+".new", path))
		},
		"another file, the first one gone": func(t *testing.T, path string, content []byte, at time.Time) {
			require.NoError(t, os.Remove(path)) // its number may be given to the next one
			require.NoError(t, os.WriteFile(path, content, 0o644))
			require.NoError(t, os.Chtimes(path, at, at))
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := watchtest.New(t)
			at := time.Now().Add(-never)
			path := filepath.Join(r.Dir, "a.toml")
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

// TestSameTick rewrites a file in the moment after it was read, its size as before: within
// the file system's own tick its times may be as before, too.
func TestSameTick(t *testing.T) {
	r := watchtest.New(t)
	r.Write("a.toml", watchtest.TOML("100", "a"))
	r.Open()
	path := filepath.Join(r.Dir, "a.toml")
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

func TestManyRenamesAreFewSwaps(t *testing.T) {
	r := watchtest.New(t)
	require.NoError(t, os.MkdirAll(r.Dir, 0o755))
	r.Open()
	for i := range 300 {
		r.Write(fmt.Sprintf("%03d.new", i), watchtest.TOML("1", fmt.Sprint(i)))
	}
	for i := range 300 {
		require.NoError(t, os.Rename(filepath.Join(r.Dir, fmt.Sprintf("%03d.new", i)), filepath.Join(r.Dir, fmt.Sprintf("%03d.toml", i))))
	}
	require.NoError(t, r.Sync())
	s := r.W.Snapshot()
	assert.Equal(t, 300, s.Len())
	assert.LessOrEqual(t, s.Generation(), uint64(10), "few, however slow the machine")
}

func TestMaxShrink(t *testing.T) {
	r := watchtest.New(t)
	for _, name := range []string{"a", "b", "c", "d"} {
		r.Write(name+".toml", watchtest.TOML("1", name))
	}
	r.Open(watcher.WithMaxShrink(0.5))
	remove := func(names ...string) {
		for _, name := range names {
			require.NoError(t, os.Remove(filepath.Join(r.Dir, name+".toml")))
		}
	}
	remove("a", "b")
	require.NoError(t, r.Sync())
	assert.Equal(t, "c=1 d=1", r.Served(), "half of them may go")

	r.Write("d.toml", watchtest.TOML("2", "e"))
	remove("c")
	err := r.Sync()
	require.ErrorIs(t, err, watcher.ErrShrink)
	shrink, ok := errors.AsType[*watcher.ShrinkError](err)
	require.True(t, ok)
	assert.Equal(t, watcher.ShrinkError{Removed: 2, Of: 2, Max: 0.5}, *shrink)
	assert.Equal(t, "c=1 d=1", r.Served(), "nothing of the change")
	assert.Equal(t, watcher.StateHeld, r.W.Status().Documents[0].State)
	r.Write("c.toml", watchtest.TOML("1", "c"))
	require.NoError(t, r.Sync(), "c is back")
	assert.Equal(t, "c=1 e=2", r.Served())

	remove("c", "d")
	require.ErrorIs(t, r.Sync(), watcher.ErrShrink)
	require.ErrorIs(t, r.Sync(), watcher.ErrShrink, "nothing changed since")
	require.NoError(t, r.W.Reload(t.Context()), "it is meant")
	assert.Empty(t, r.Served())
	assert.NoError(t, r.W.CheckHealth())

	r.Write("a.toml", watchtest.TOML("1", "a"))
	require.NoError(t, r.Sync())
	remove("a")
	require.NoError(t, r.W.Reload(t.Context()), "what was removed right before is meant, too")
	assert.Empty(t, r.Served())
}

func TestConfinement(t *testing.T) {
	outside := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(outside, "x.toml"), []byte(watchtest.TOML("1", "x")), 0o644))
	r := watchtest.New(t)
	r.Write("..data/a.toml", watchtest.TOML("1", "a"))
	for link, target := range map[string]string{"a.toml": "..data/a.toml", "x.toml": filepath.Join(outside, "x.toml"), "out": outside, "up.toml": "../other.toml"} {
		require.NoError(t, os.Symlink(target, filepath.Join(r.Dir, link)))
	}
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(r.Dir), "other.toml"), []byte(watchtest.TOML("1", "o")), 0o644))
	r.OpenDir(dir.Dir{Confined: true})
	assert.Equal(t, "a=1", r.Served())
	err := r.Sync()
	require.ErrorIs(t, err, watcher.ErrStale)
	for _, name := range []string{"out", "up.toml", "x.toml"} {
		assert.ErrorContains(t, err, name+": error: cannot be read: path escapes from parent")
	}
	r.Write("..data/b.toml", watchtest.TOML("2", "a"))
	require.NoError(t, os.Rename(filepath.Join(r.Dir, "..data", "b.toml"), filepath.Join(r.Dir, "..data", "a.toml")))
	r.WaitFor("a=2")
}

func TestPolling(t *testing.T) {
	r := watchtest.New(t)
	r.Write("a.toml", watchtest.TOML("1", "a"))
	r.OpenDir(dir.Dir{Polling: true})
	assert.Equal(t, "poll", r.W.Status().Source.Mode)
	r.Write("a.toml", watchtest.TOML("2", "a"))
	r.Write("sub/b.toml", watchtest.TOML("1", "b"))
	r.WaitFor("a=2 b=1")
	require.NoError(t, os.Remove(filepath.Join(r.Dir, "a.toml")))
	r.WaitFor("b=1")
	assert.Zero(t, r.W.Status().Source.Events)
}
