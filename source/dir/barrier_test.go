package dir_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/internal/watchtest"
	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/source/dir"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	syncCount = flag.Int("sync.count", 300, "number of times that TestSyncEqualsFreshLoad changes the directory")
	syncSeed  = flag.Uint64("sync.seed", 0, "seed of TestSyncEqualsFreshLoad; 0: another each time")
)

// scans returns the number of times that the root was listed.
func (r *faultRig) scans() (n int) {
	r.system.set(func() { n = r.system.calls["list ."] })
	return n
}

// TestSyncScansNothing: where events cover the tree, Sync needs no full scan to see what
// changed right before it.
func TestSyncScansNothing(t *testing.T) {
	r := newFaultRig(t)
	r.Write("sub/b.toml", watchtest.TOML("1", "b"))
	r.follow(dir.Dir{})
	require.NoError(t, r.Sync())
	before := r.scans()
	for i := range 50 {
		version := fmt.Sprint(i)
		for _, name := range []string{"a", "sub/b"} {
			next := r.Dir + ".next"
			require.NoError(t, os.WriteFile(next, []byte(watchtest.TOML(version, filepath.Base(name))), 0o644))
			require.NoError(t, os.Rename(next, r.Path(name+".toml")))
		}
		require.NoError(t, r.Sync())
		assert.Equal(t, fmt.Sprintf("a=%s b=%s", version, version), r.Served())
		require.NoError(t, r.Sync())
	}
	assert.Equal(t, before, r.scans(), "full scans")
}

// TestSyncWithoutEvents: a notifier that does not report any more is replaced, and Sync
// sees what it kept silent about.
func TestSyncWithoutEvents(t *testing.T) {
	r := newFaultRig(t)
	r.follow(dir.Dir{})
	require.NoError(t, r.Sync())
	r.system.set(func() { r.system.silent = true })
	r.Write("a.toml", watchtest.TOML("2", "a"))
	require.NoError(t, r.Sync())
	assert.Equal(t, "a=2", r.Served())
	assert.NotZero(t, r.health().WatchErrors)
	r.system.set(func() { r.system.silent = false })
	require.NoError(t, r.Sync())
	require.NoError(t, r.Sync())
	r.writeNotified("a.toml", "3", "a=3")
}

// TestBarrierLeavesNothing: the private directory is removed by Close.
func TestBarrierLeavesNothing(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	d := &dir.Dir{Path: t.TempDir()}
	_, err := d.Poll(t.Context(), 0)
	require.NoError(t, err)
	left, err := os.ReadDir(os.TempDir())
	require.NoError(t, err)
	assert.Len(t, left, 1)
	require.NoError(t, d.Close())
	left, err = os.ReadDir(os.TempDir())
	require.NoError(t, err)
	assert.Empty(t, left)
}

// TestNoTemporaryDirectory: without one, Sync scans.
func TestNoTemporaryDirectory(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "missing"))
	r := watchtest.New(t)
	r.Write("a.toml", watchtest.TOML("1", "a"))
	r.OpenDir(dir.Dir{})
	r.Write("a.toml", watchtest.TOML("2", "a"))
	require.NoError(t, r.Sync())
	assert.Equal(t, "a=2", r.Served())
}

// TestSyncEqualsFreshLoad changes a directory at random, in bursts. After each, and without
// any waiting, Sync leaves the registry equal to a fresh load.
func TestSyncEqualsFreshLoad(t *testing.T) {
	seed := *syncSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-sync.seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	r := watchtest.New(t)
	outside := t.TempDir()
	require.NoError(t, os.MkdirAll(r.Dir, 0o755))
	r.OpenDir(dir.Dir{Settle: time.Millisecond, MaxDelay: 10 * time.Second})
	name := func() string {
		return r.Path(filepath.Join([]string{"", "sub", "sub/deep"}[random.IntN(3)], fmt.Sprint(random.IntN(4), ".toml")))
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			require.ErrorIs(t, err, os.ErrNotExist)
		}
	}
	version := 0
	write := func(path string) {
		version++
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(watchtest.TOML(fmt.Sprint(version), path)), 0o644))
	}
	ops := []func(){
		func() { write(name()) },
		func() { write(filepath.Join(outside, "next")); must(os.Rename(filepath.Join(outside, "next"), name())) },
		func() { write(r.Path("next.tmp")); must(os.Rename(r.Path("next.tmp"), name())) },
		func() { must(os.Rename(name(), name())) },
		func() { must(os.Remove(name())) },
		func() { must(os.RemoveAll(r.Path("sub/deep"))) },
		func() { must(os.Rename(r.Path("sub"), r.Path("moved"))); must(os.RemoveAll(r.Path("moved"))) },
		func() {
			file, link := filepath.Join(outside, "target"), name()
			write(file)
			must(os.Remove(link))
			must(os.Symlink(file, link))
			write(file) // without an event
		},
		func() {
			file, link := filepath.Join(outside, fmt.Sprint("hard", version)), name()
			write(file)
			must(os.Remove(link))
			must(os.Link(file, link))
			write(file)
		},
	}
	for range *syncCount {
		for range 1 + random.IntN(4) {
			ops[random.IntN(len(ops))]()
		}
		require.NoError(t, r.Sync(), "seed %d", seed)
		fresh, err := config.LoadDir(r.Dir)
		require.NoError(t, err)
		var reg registry.Registry
		_, err = reg.Apply(fresh.Change())
		require.NoError(t, err)
		require.Equal(t, reg.Snapshot().Hash(), r.W.Snapshot().Hash(), "seed %d: fresh %v, served %v", seed, state(reg.Snapshot()), state(r.W.Snapshot()))
	}
	t.Logf("%+v", r.W.Status().Source)
}
