package dir_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/neurondex/neurondex/internal/watchtest"
	"github.com/neurondex/neurondex/watcher"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestConfigMapSwap swaps a ..data link as Kubernetes does, again and again, the old
// directory deleted right behind it, while readers look for a state that mixes two.
func TestConfigMapSwap(t *testing.T) {
	r := watchtest.New(t)
	publish := func(rev int) {
		dir := filepath.Join(r.Dir, fmt.Sprintf("..rev%d", rev))
		require.NoError(t, os.MkdirAll(dir, 0o755))
		for _, name := range []string{"a", "b", "c"} {
			require.NoError(t, os.WriteFile(filepath.Join(dir, name+".toml"), []byte(watchtest.TOML(fmt.Sprint(rev), name)), 0o644))
		}
		require.NoError(t, os.Symlink(filepath.Base(dir), filepath.Join(r.Dir, "..data_tmp")))
		require.NoError(t, os.Rename(filepath.Join(r.Dir, "..data_tmp"), filepath.Join(r.Dir, "..data")))
		if rev > 0 {
			require.NoError(t, os.RemoveAll(filepath.Join(r.Dir, fmt.Sprintf("..rev%d", rev-1))))
		}
	}
	publish(0)
	for _, name := range []string{"a.toml", "b.toml", "c.toml"} {
		require.NoError(t, os.Symlink("..data/"+name, filepath.Join(r.Dir, name)))
	}
	r.Open()
	ctx, cancel := context.WithCancel(t.Context())
	states, done := 0, make(chan struct{})
	go func() {
		defer close(done)
		for u := range r.W.Updates(ctx) {
			states++
			paths := map[string]bool{}
			for d := range u.After.All() {
				paths[d.NeuronDatasetPath()] = true
			}
			assert.Len(t, paths, 1, "states are not mixed")
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
	t.Logf("%d states seen", states)
}

// TestBusyFileHoldsUpNothing writes one file without pause: it keeps what it held, and
// the others go on.
func TestBusyFileHoldsUpNothing(t *testing.T) {
	r := watchtest.New(t)
	r.Write("busy.toml", watchtest.TOML("1", "busy"))
	r.Open()
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		f, err := os.OpenFile(filepath.Join(r.Dir, "busy.toml"), os.O_TRUNC|os.O_WRONLY, 0)
		if !assert.NoError(t, err) {
			return
		}
		defer f.Close()
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			_, err := f.WriteString(watchtest.TOML("2", fmt.Sprint("busy", i)))
			assert.NoError(t, err)
		}
	}()
	start := time.Now()
	r.Write("other.toml", watchtest.TOML("1", "other"))
	r.WaitFor("busy=1 other=1")
	t.Logf("the other file took %v", time.Since(start))
	assert.Equal(t, watcher.StatePending, r.W.Status().Documents[0].State)
	close(stop)
	<-stopped
	require.NoError(t, r.Sync())
	assert.NotContains(t, r.Served(), "busy=1")
}

// TestLinkedDirectories follows links to files and directories, and what changes behind
// them.
func TestLinkedDirectories(t *testing.T) {
	r := watchtest.New(t)
	outside := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(outside, "x.toml"), []byte(watchtest.TOML("1", "x")), 0o644))
	r.Write("a.toml", watchtest.TOML("1", "a"))
	require.NoError(t, os.Symlink(outside, filepath.Join(r.Dir, "linked")))
	require.NoError(t, os.Symlink(".", filepath.Join(r.Dir, "loop")))
	r.Open()
	assert.Equal(t, "a=1 x=1", r.Served())
	require.NoError(t, os.WriteFile(filepath.Join(outside, "x.toml"), []byte(watchtest.TOML("2", "x")), 0o644))
	r.WaitFor("a=1 x=2")
	require.NoError(t, os.Remove(filepath.Join(r.Dir, "linked")))
	r.WaitFor("a=1")
}

// TestRootBehindALink follows a root that is a link, flipped from one revision to the
// next as git-sync does.
func TestRootBehindALink(t *testing.T) {
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
