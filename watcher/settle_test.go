package watcher_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/watcher"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// never is a settle time that no test lives to see: what is taken all the same is taken at
// once.
const never = time.Hour

// TestRenamesAndSwapsAreTakenAtOnce puts files in place that were written a moment ago.
func TestRenamesAndSwapsAreTakenAtOnce(t *testing.T) {
	r := newRig(t)
	require.NoError(t, os.MkdirAll(r.dir, 0o755))
	outside := t.TempDir()
	tree := func(rev int) string {
		dir := filepath.Join(outside, fmt.Sprint("rev", rev))
		require.NoError(t, os.MkdirAll(dir, 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "t.toml"), []byte(toml(fmt.Sprint(rev), "t")), 0o644))
		require.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("u%d.toml", rev)), []byte(toml(fmt.Sprint(rev), "u")), 0o644))
		return dir
	}
	flip := func(target, link string) {
		require.NoError(t, os.Symlink(target, filepath.Join(r.dir, ".next")))
		require.NoError(t, os.Rename(filepath.Join(r.dir, ".next"), filepath.Join(r.dir, link)))
	}
	flip(tree(1), "tree")
	flip(filepath.Join(tree(1), "t.toml"), "v.toml")
	old := time.Now().Add(-2 * never)
	for _, name := range []string{"t.toml", "u1.toml"} {
		require.NoError(t, os.Chtimes(filepath.Join(outside, "rev1", name), old, old))
	}
	r.open(watcher.WithSettle(never), watcher.WithMaxDelay(50*time.Millisecond))
	// t is defined by two files, of which the later one counts.
	assert.Equal(t, "u=1 t=1", r.served(), "what is old is still")

	r.write("a.new", toml("1", "a"))
	require.NoError(t, os.Rename(filepath.Join(r.dir, "a.new"), filepath.Join(r.dir, "a.toml")))
	r.waitFor("a=1 u=1 t=1")
	r.write("a.new", toml("2", "a"))
	require.NoError(t, os.Rename(filepath.Join(r.dir, "a.new"), filepath.Join(r.dir, "a.toml")))
	r.waitFor("a=2 u=1 t=1")
	require.NoError(t, os.Rename(filepath.Join(r.dir, "a.toml"), filepath.Join(r.dir, "b.toml")))
	require.NoError(t, r.sync())
	d, _ := r.w.Registry().Snapshot().Lookup("a", registry.MLPPostAct)
	assert.Equal(t, "b.toml", d.Document())
	flip(filepath.Join(tree(2), "t.toml"), "v.toml")
	r.waitFor("a=2 u=1 t=2")
	require.NoError(t, os.Remove(filepath.Join(r.dir, "v.toml")))
	flip(filepath.Join(outside, "rev2"), "tree")

	r.write("c.toml", toml("1", "c")) // written in place: it is never still for long enough
	for {
		s := r.w.Status()
		if i := len(s.Documents) - 1; s.Documents[i].Name == "tree/u2.toml" && s.Documents[1].State == watcher.Busy {
			break
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		_ = r.w.Sync(ctx)
		cancel()
	}
	assert.Contains(t, r.served(), "u=2", "a new file beside what a swap brought is whole, too")
	assert.NotContains(t, r.served(), "c=")
}

func TestSyncNamesWhatIsBusy(t *testing.T) {
	r := newRig(t)
	require.NoError(t, os.MkdirAll(r.dir, 0o755))
	r.open(watcher.WithSettle(never))
	r.write("a.toml", toml("1", "a"))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	err := r.w.Sync(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorIs(t, err, watcher.ErrStale)
	stale, ok := errors.AsType[*watcher.StaleError](err)
	require.True(t, ok)
	require.Len(t, stale.Documents, 1)
	assert.Equal(t, "a.toml", stale.Documents[0].Name)
	assert.Equal(t, watcher.Busy, stale.Documents[0].State)
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
			r := newRig(t)
			at := time.Now().Add(-never)
			path := filepath.Join(r.dir, "a.toml")
			r.write("a.toml", toml("1", "a"))
			require.NoError(t, os.Chtimes(path, at, at))
			r.open()
			for i := range 5 {
				want := fmt.Sprint(2 + i)
				change(t, path, []byte(toml(want, "a")), at)
				r.waitFor("a=" + want)
			}
		})
	}
}

// TestSameTick rewrites a file in the moment after it was read, its size as before: within
// the file system's own tick its times may be as before, too.
func TestSameTick(t *testing.T) {
	r := newRig(t)
	r.write("a.toml", toml("100", "a"))
	r.open()
	path := filepath.Join(r.dir, "a.toml")
	for i := range 30 {
		first, second := fmt.Sprint(101+2*i), fmt.Sprint(102+2*i)
		require.NoError(t, os.WriteFile(path+".new", []byte(toml(first, "a")), 0o644))
		require.NoError(t, os.Rename(path+".new", path))
		r.waitFor("a=" + first)
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		require.NoError(t, err)
		_, err = f.WriteString(toml(second, "a"))
		require.NoError(t, err)
		require.NoError(t, f.Close())
		require.NoError(t, r.sync())
		assert.Equal(t, "a="+second, r.served())
	}
}

func TestManyRenamesAreFewSwaps(t *testing.T) {
	r := newRig(t)
	require.NoError(t, os.MkdirAll(r.dir, 0o755))
	r.open()
	for i := range 300 {
		r.write(fmt.Sprintf("%03d.new", i), toml("1", fmt.Sprint(i)))
	}
	for i := range 300 {
		require.NoError(t, os.Rename(filepath.Join(r.dir, fmt.Sprintf("%03d.new", i)), filepath.Join(r.dir, fmt.Sprintf("%03d.toml", i))))
	}
	require.NoError(t, r.sync())
	s := r.w.Registry().Snapshot()
	assert.Equal(t, 300, s.Len())
	assert.LessOrEqual(t, s.Generation(), uint64(10), "few, however slow the machine")
}

func TestMaxShrink(t *testing.T) {
	r := newRig(t)
	for _, name := range []string{"a", "b", "c", "d"} {
		r.write(name+".toml", toml("1", name))
	}
	r.open(watcher.WithMaxShrink(0.5))
	remove := func(names ...string) {
		for _, name := range names {
			require.NoError(t, os.Remove(filepath.Join(r.dir, name+".toml")))
		}
	}
	remove("a", "b")
	require.NoError(t, r.sync())
	assert.Equal(t, "c=1 d=1", r.served(), "half of them may go")

	r.write("d.toml", toml("2", "e"))
	remove("c")
	err := r.sync()
	require.ErrorIs(t, err, watcher.ErrShrink)
	shrink, ok := errors.AsType[*watcher.ShrinkError](err)
	require.True(t, ok)
	assert.Equal(t, watcher.ShrinkError{Removed: 2, Of: 2, MaxShare: 0.5}, *shrink)
	assert.Equal(t, "c=1 d=1", r.served(), "nothing of the change")
	assert.Equal(t, watcher.Held, r.w.Status().Documents[0].State)
	r.write("c.toml", toml("1", "c"))
	require.NoError(t, r.sync(), "c is back")
	assert.Equal(t, "c=1 e=2", r.served())

	remove("c", "d")
	require.ErrorIs(t, r.sync(), watcher.ErrShrink)
	require.ErrorIs(t, r.sync(), watcher.ErrShrink, "nothing changed since")
	require.NoError(t, r.w.Reload(t.Context()), "it is meant")
	assert.Empty(t, r.served())
	assert.Nil(t, r.w.Status().Held)

	r.write("a.toml", toml("1", "a"))
	require.NoError(t, r.sync())
	remove("a")
	require.NoError(t, r.w.Reload(t.Context()), "what was removed right before is meant, too")
	assert.Empty(t, r.served())
}

func TestConfinement(t *testing.T) {
	outside := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(outside, "x.toml"), []byte(toml("1", "x")), 0o644))
	r := newRig(t)
	r.write("..data/a.toml", toml("1", "a"))
	for link, target := range map[string]string{"a.toml": "..data/a.toml", "x.toml": filepath.Join(outside, "x.toml"), "out": outside, "up.toml": "../other.toml"} {
		require.NoError(t, os.Symlink(target, filepath.Join(r.dir, link)))
	}
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(r.dir), "other.toml"), []byte(toml("1", "o")), 0o644))
	r.open(watcher.WithConfinement())
	assert.Equal(t, "a=1", r.served())
	err := r.sync()
	require.ErrorIs(t, err, watcher.ErrStale)
	for _, name := range []string{"out", "up.toml", "x.toml"} {
		assert.ErrorContains(t, err, name+": error: cannot be read: path escapes from parent")
	}
	r.write("..data/b.toml", toml("2", "a"))
	require.NoError(t, os.Rename(filepath.Join(r.dir, "..data", "b.toml"), filepath.Join(r.dir, "..data", "a.toml")))
	r.waitFor("a=2")
}

func TestPolling(t *testing.T) {
	r := newRig(t)
	r.write("a.toml", toml("1", "a"))
	r.open(watcher.WithPolling())
	assert.Equal(t, "poll", r.w.Status().Source.Mode)
	r.write("a.toml", toml("2", "a"))
	r.write("sub/b.toml", toml("1", "b"))
	r.waitFor("a=2 b=1")
	require.NoError(t, os.Remove(filepath.Join(r.dir, "a.toml")))
	r.waitFor("b=1")
	assert.Zero(t, r.w.Status().Source.Events)
}
