package dir_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/neurondex/neurondex/internal/watchtest"
	"github.com/neurondex/neurondex/source/dir"
	"github.com/neurondex/neurondex/watcher"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestLinkedDirectories follows links to directories and changes of their files.
func TestLinkedDirectories(t *testing.T) {
	r := watchtest.New(t)
	outside := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(outside, "x.toml"), []byte(watchtest.TOML("1", "x")), 0o644))
	r.Write("a.toml", watchtest.TOML("1", "a"))
	require.NoError(t, os.Symlink(outside, r.Path("linked")))
	require.NoError(t, os.Symlink(".", r.Path("loop")))
	r.Open()
	assert.Equal(t, "a=1 x=1", r.Served())
	require.NoError(t, os.WriteFile(filepath.Join(outside, "x.toml"), []byte(watchtest.TOML("2", "x")), 0o644))
	r.WaitFor("a=1 x=2")
	require.NoError(t, os.Remove(r.Path("linked")))
	r.WaitFor("a=1")
}

// TestDanglingDirectoryLink removes the target of a link to a directory for a while: its
// files keep their last good datasets.
func TestDanglingDirectoryLink(t *testing.T) {
	r := newFaultRig(t)
	target := filepath.Join(filepath.Dir(r.Dir), "target")
	require.NoError(t, os.Mkdir(target, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(target, "b.toml"), []byte(watchtest.TOML("1", "b")), 0o644))
	require.NoError(t, os.Symlink(target, r.Path("link")))
	r.follow(dir.Dir{})
	assert.Equal(t, "a=1 b=1", r.Served())
	require.NoError(t, os.Rename(target, target+".away"))
	require.ErrorIs(t, r.Sync(), watcher.ErrStale)
	assert.Equal(t, "a=1 b=1", r.Served())
	assert.Equal(t, watcher.StateStale, r.document("link").State)
	r.Write("a.toml", watchtest.TOML("2", "a"))
	r.WaitFor("a=2 b=1")
	require.NoError(t, os.WriteFile(filepath.Join(target+".away", "b.toml"), []byte(watchtest.TOML("2", "b")), 0o644))
	require.NoError(t, os.Rename(target+".away", target))
	r.WaitFor("a=2 b=2")
	require.NoError(t, r.Sync())
	require.NoError(t, os.Rename(target, target+".away"))
	require.ErrorIs(t, r.Sync(), watcher.ErrStale)
	require.NoError(t, os.Remove(r.Path("link")))
	r.WaitFor("a=2")
	require.NoError(t, r.Sync())
}

// TestRootIsLink follows a root that is a link to the current revision, as git-sync
// publishes it.
func TestRootIsLink(t *testing.T) {
	r := watchtest.New(t)
	base := filepath.Dir(r.Dir)
	publish := func(rev int) {
		dir := filepath.Join(base, fmt.Sprint("rev", rev))
		require.NoError(t, os.Mkdir(dir, 0o755))
		for _, name := range []string{"a", "b"} {
			require.NoError(t, os.WriteFile(filepath.Join(dir, name+".toml"), []byte(watchtest.TOML(fmt.Sprint(rev), name)), 0o644))
		}
		require.NoError(t, os.Symlink(dir, filepath.Join(base, "next")))
		require.NoError(t, os.Rename(filepath.Join(base, "next"), r.Dir))
		if rev > 0 {
			require.NoError(t, os.RemoveAll(filepath.Join(base, fmt.Sprint("rev", rev-1))))
		}
	}
	publish(0)
	r.Open()
	for rev := 1; rev < 10; rev++ {
		publish(rev)
		r.WaitFor(fmt.Sprintf("a=%d b=%[1]d", rev))
	}
}

// TestConfigMapSwap swaps a ..data link again and again, as Kubernetes does, and removes
// the old directory right after. No snapshot may mix two revisions.
func TestConfigMapSwap(t *testing.T) {
	r := watchtest.New(t)
	publish := func(rev int) {
		dir := r.Path(fmt.Sprintf("..rev%d", rev))
		require.NoError(t, os.MkdirAll(dir, 0o755))
		for _, name := range []string{"a", "b", "c"} {
			require.NoError(t, os.WriteFile(filepath.Join(dir, name+".toml"), []byte(watchtest.TOML(fmt.Sprint(rev), name)), 0o644))
		}
		require.NoError(t, os.Symlink(filepath.Base(dir), r.Path("..data_tmp")))
		require.NoError(t, os.Rename(r.Path("..data_tmp"), r.Path("..data")))
		if rev > 0 {
			require.NoError(t, os.RemoveAll(r.Path(fmt.Sprintf("..rev%d", rev-1))))
		}
	}
	publish(0)
	for _, name := range []string{"a.toml", "b.toml", "c.toml"} {
		require.NoError(t, os.Symlink("..data/"+name, r.Path(name)))
	}
	r.Open()
	ctx, cancel := context.WithCancel(t.Context())
	updates, done := 0, make(chan struct{})
	go func() {
		defer close(done)
		for u := range r.W.Updates(ctx) {
			updates++
			paths := map[string]bool{}
			for d := range u.After.All() {
				paths[d.NeuronDatasetPath()] = true
			}
			assert.Len(t, paths, 1, "revisions in one snapshot")
			assert.Equal(t, 3, u.After.Len())
		}
	}()
	for rev := 1; rev < 30; rev++ {
		publish(rev)
		if rev%5 == 0 {
			r.WaitFor(fmt.Sprintf("a=%d b=%[1]d c=%[1]d", rev))
		}
	}
	require.NoError(t, r.Sync())
	assert.Equal(t, "a=29 b=29 c=29", r.Served())
	cancel()
	<-done
	t.Logf("%d updates", updates)
}

// TestConfined refuses links that are absolute or lead out of the directory.
func TestConfined(t *testing.T) {
	outside := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(outside, "x.toml"), []byte(watchtest.TOML("1", "x")), 0o644))
	r := watchtest.New(t)
	r.Write("..data/a.toml", watchtest.TOML("1", "a"))
	for link, target := range map[string]string{"a.toml": "..data/a.toml", "x.toml": filepath.Join(outside, "x.toml"), "out": outside, "up.toml": "../other.toml"} {
		require.NoError(t, os.Symlink(target, r.Path(link)))
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
	require.NoError(t, os.Rename(r.Path("..data/b.toml"), r.Path("..data/a.toml")))
	r.WaitFor("a=2")
}
