package watcher_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/internal/watchtest"
	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/source/dir"
	"github.com/neurondex/neurondex/source/sourcetest"
	"github.com/neurondex/neurondex/watcher"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestFollowsFiles(t *testing.T) {
	r := watchtest.New(t)
	r.Write("a.toml", watchtest.TOML("1", "a"))
	r.Open()
	assert.Equal(t, "a=1", r.Served(), "datasets served after Open returned")
	assert.True(t, r.W.Status().Ready)

	r.Write("b.toml", watchtest.TOML("1", "b"))
	r.WaitFor("a=1 b=1")
	r.Write("b.toml", watchtest.TOML("2", "b", "c")) // in place
	r.WaitFor("a=1 b=2 c=2")
	r.Write("b.new", watchtest.TOML("3", "b"))
	require.NoError(t, os.Rename(r.Path("b.new"), r.Path("b.toml")))
	r.WaitFor("a=1 b=3")
	require.NoError(t, os.Remove(r.Path("b.toml")))
	r.WaitFor("a=1")
	r.Write("sub/deep/d.json", `{"shortName": "d", "derivedScalarType": "mlp_post_act", "userVisibleName": "D", "neuronDatasetPath": "1"}`)
	r.WaitFor("a=1 d=1")
	r.Write("sub/deep/e.toml", watchtest.TOML("1", "e"))
	r.WaitFor("a=1 d=1 e=1")
	require.NoError(t, os.Rename(r.Path("sub"), r.Dir+".away")) // both files at once
	r.WaitFor("a=1")
	require.NoError(t, r.Sync(), "Sync returns after the changes were logged")
	for _, want := range []string{"1 added, 0 updated, 0 removed", "1 added, 1 updated, 0 removed", "0 added, 1 updated, 1 removed", "removed=\"[d/mlp_post_act e/mlp_post_act]\""} {
		assert.Contains(t, r.LogText.String(), want)
	}
}

func TestInvalidFileKeepsLastGoodDatasets(t *testing.T) {
	r := watchtest.New(t)
	r.Write("a.toml", watchtest.TOML("1", "a"))
	r.Write("b.toml", watchtest.TOML("1", "b"))
	r.Open()
	for name, tt := range map[string]struct{ content, message, field string }{
		"syntax":        {"[[datasets", "closing brackets", ""},
		"missing field": {"short_name = \"a\"\nderived_scalar_type = \"mlp_post_act\"\nuser_visible_name = \"A\"", "required field is missing", "neuron_dataset_path"},
		"unknown type":  {strings.Replace(watchtest.TOML("2", "a"), "mlp_post_act", "mlp_post_akt", 1), "mlp_post_akt", "datasets[0].derived_scalar_type"},
		"emptied":       {"", "is empty, but had datasets", ""},
		"duplicate":     {watchtest.TOML("2", "a", "a"), "already defined on line 1", "datasets[1].short_name"},
	} {
		t.Run(name, func(t *testing.T) {
			r.Write("a.toml", tt.content)
			err := r.Sync()
			require.ErrorIs(t, err, watcher.ErrStale)
			assert.ErrorContains(t, err, "a.toml")
			assert.Equal(t, "a=1 b=1", r.Served())
			s := r.W.Status()
			require.Len(t, s.Documents, 2)
			assert.Equal(t, watcher.StateStale, s.Documents[0].State)
			found := s.Documents[0].Diagnostics[0]
			assert.Equal(t, "a.toml", found.File)
			assert.Equal(t, tt.field, found.Field)
			assert.Contains(t, r.LogText.String(), tt.message)
			assert.Contains(t, r.LogText.String(), "file=a.toml")

			r.Write("b.toml", watchtest.TOML(name, "b")) // other files are followed
			r.WaitFor("a=1 b=" + name)
			r.Write("a.toml", watchtest.TOML("1", "a"))
			r.Write("b.toml", watchtest.TOML("1", "b"))
			require.NoError(t, r.Sync())
			assert.Equal(t, "a=1 b=1", r.Served())
			assert.Equal(t, watcher.StateOK, r.W.Status().Documents[0].State)
			assert.Empty(t, r.W.Status().Documents[0].Diagnostics)
		})
	}
	r.Write("a.toml", "datasets = []")
	require.NoError(t, r.Sync())
	assert.Equal(t, "b=1", r.Served(), "an empty list removes the datasets")
	assert.Contains(t, r.LogText.String(), "invalid file is fixed")
}

func TestMissingDirectory(t *testing.T) {
	r := watchtest.New(t)
	_, err := watcher.Open(t.Context(), r.Dir)
	require.ErrorIs(t, err, os.ErrNotExist)

	r.Open(watcher.WithWait())
	assert.False(t, r.W.Status().Ready)
	assert.Error(t, r.W.CheckHealth())
	assert.ErrorIs(t, r.Sync(), os.ErrNotExist)
	r.Write("a.toml", watchtest.TOML("1", "a"))
	r.WaitFor("a=1")
	require.NoError(t, r.Sync())
	assert.True(t, r.W.Status().Ready)
	assert.NoError(t, r.W.CheckHealth())
}

func TestEmptyDirectory(t *testing.T) {
	r := watchtest.New(t)
	require.NoError(t, os.MkdirAll(r.Dir, 0o755))
	r.Open()
	assert.True(t, r.W.Status().Ready)
	assert.Empty(t, r.Served())
}

func TestDirectoryReplaced(t *testing.T) {
	r := watchtest.New(t)
	r.Write("a.toml", watchtest.TOML("1", "a"))
	r.Open()
	for i := range 3 {
		require.NoError(t, os.Rename(r.Dir, r.Dir+".away"))
		require.ErrorIs(t, r.Sync(), os.ErrNotExist)
		assert.NotEmpty(t, r.Served(), "last good datasets")
		require.NoError(t, os.RemoveAll(r.Dir+".away"))
		require.NoError(t, os.Mkdir(r.Dir+".next", 0o755))
		next := fmt.Sprint(i + 2)
		require.NoError(t, os.WriteFile(filepath.Join(r.Dir+".next", "b.toml"), []byte(watchtest.TOML(next, "b")), 0o644))
		require.NoError(t, os.Rename(r.Dir+".next", r.Dir))
		r.WaitFor("b=" + next)
		r.Write("c.toml", watchtest.TOML(next, "c"))
		r.WaitFor("b=" + next + " c=" + next)
	}
}

func TestDanglingLink(t *testing.T) {
	r := watchtest.New(t)
	r.Write("sub/a.toml", watchtest.TOML("1", "a"))
	r.Open()
	link := r.Path("link.toml")
	r.Write("..data/l.toml", watchtest.TOML("1", "l"))
	require.NoError(t, os.Symlink("..data/l.toml", link))
	r.WaitFor("l=1 a=1")
	require.NoError(t, os.Remove(r.Path("..data/l.toml")))
	assert.ErrorIs(t, r.Sync(), watcher.ErrStale)
	assert.Equal(t, "l=1 a=1", r.Served(), "last good datasets of a dangling link")
	require.NoError(t, os.Remove(link))
	require.NoError(t, r.Sync())
	assert.Equal(t, "a=1", r.Served())
}

func TestManyFilesAreFewChanges(t *testing.T) {
	r := watchtest.New(t)
	require.NoError(t, os.MkdirAll(r.Dir, 0o755))
	r.OpenDir(dir.Dir{Settle: time.Second, MaxDelay: 20 * time.Second}) // it may take long
	for i := range 300 {
		r.Write(fmt.Sprintf("%03d.toml", i), watchtest.TOML("1", fmt.Sprint(i)))
	}
	require.NoError(t, r.Sync())
	s := r.W.Snapshot()
	assert.Equal(t, 300, s.Len())
	assert.LessOrEqual(t, s.Generation(), uint64(3))
}

func TestUnchangedContentIsNoReload(t *testing.T) {
	r := watchtest.New(t)
	r.Write("a.toml", watchtest.TOML("1", "a"))
	r.Open()
	before := r.W.Snapshot()
	r.Write("a.toml", watchtest.TOML("1", "a"))
	require.NoError(t, r.Sync())
	require.NoError(t, os.Chmod(r.Path("a.toml"), 0o600))
	require.NoError(t, r.Sync())
	require.NoError(t, r.W.Reload(t.Context()))
	assert.Same(t, before, r.W.Snapshot())
	assert.Equal(t, uint64(1), r.W.Status().Reloads)
}

func TestTooLargeFile(t *testing.T) {
	r := watchtest.New(t)
	r.Write("a.toml", watchtest.TOML("1", "a"))
	r.OpenDir(dir.Dir{MaxBytes: 200})
	assert.Equal(t, "a=1", r.Served())
	r.Write("a.toml", watchtest.TOML("2", "a", "b", "c")) // the first 200 bytes are a valid document
	require.ErrorIs(t, r.Sync(), watcher.ErrStale)
	assert.Equal(t, "a=1", r.Served())
	assert.Equal(t, config.RuleTooLarge, r.W.Status().Documents[0].Diagnostics[0].Rule)
}

func TestOverrides(t *testing.T) {
	r := watchtest.New(t)
	r.Write("10.toml", watchtest.TOML("1", "a"))
	r.Write("50.toml", watchtest.TOML("2", "b", "a"))
	r.Open()
	assert.Equal(t, "b=2 a=2", r.Served())
	require.NoError(t, r.Sync())
	require.Len(t, r.W.Status().Overrides, 1)
	assert.Equal(t, registry.Place{Document: "50.toml", Line: 7}, r.W.Status().Overrides[0].By)
	assert.Contains(t, r.LogText.String(), "by=50.toml by_line=7")
	require.NoError(t, os.Remove(r.Path("50.toml")))
	r.WaitFor("a=1")
	require.NoError(t, r.Sync())
	assert.Empty(t, r.W.Status().Overrides)
}

// TestMaxShrink holds a change that removes more than half of the datasets.
func TestMaxShrink(t *testing.T) {
	m, r := sourcetest.NewMemory(), watchtest.New(t)
	for _, name := range []string{"a", "b", "c", "d"} {
		put(t, m, name+".toml", watchtest.TOML("1", name))
	}
	r.Follow(m.Open(), watcher.WithMaxShrink(0.5))
	remove := func(names ...string) { require.NoError(t, m.Apply(nil, names)) }
	remove("a.toml", "b.toml")
	require.NoError(t, r.Sync())
	assert.Equal(t, "c=1 d=1", r.Served(), "half of the datasets may be removed")

	require.NoError(t, m.Apply(map[string]string{"d.toml": watchtest.TOML("2", "e")}, []string{"c.toml"}))
	err := r.Sync()
	require.ErrorIs(t, err, watcher.ErrShrink)
	shrink, ok := errors.AsType[*watcher.ShrinkError](err)
	require.True(t, ok)
	assert.Equal(t, watcher.ShrinkError{Removed: 2, Of: 2, Max: 0.5}, *shrink)
	assert.Equal(t, "c=1 d=1", r.Served(), "no part of a held change is applied")
	assert.Equal(t, watcher.StateHeld, r.W.Status().Documents[0].State)
	put(t, m, "c.toml", watchtest.TOML("1", "c"))
	require.NoError(t, r.Sync(), "the change is not held any more")
	assert.Equal(t, "c=1 e=2", r.Served())

	remove("c.toml", "d.toml")
	require.ErrorIs(t, r.Sync(), watcher.ErrShrink)
	require.ErrorIs(t, r.Sync(), watcher.ErrShrink, "the change is still held")
	require.NoError(t, r.W.Reload(t.Context()), "a reload accepts the change")
	assert.Empty(t, r.Served())
	assert.NoError(t, r.W.CheckHealth())

	put(t, m, "a.toml", watchtest.TOML("1", "a"))
	require.NoError(t, r.Sync())
	remove("a.toml")
	require.NoError(t, r.W.Reload(t.Context()), "a reload accepts changes right before it")
	assert.Empty(t, r.Served())
}

// TestSubscribersDelayNothing has a subscriber that is slow and one that panics.
func TestSubscribersDelayNothing(t *testing.T) {
	r := watchtest.New(t)
	r.Write("a.toml", watchtest.TOML("1", "a"))
	r.OpenDir(dir.Dir{Resync: time.Hour})
	ctx, cancel := context.WithCancel(t.Context())
	release := make(chan struct{})
	var subscribers sync.WaitGroup
	slow, last := make(chan struct{}), ""
	subscribers.Go(func() {
		for range r.W.Updates(ctx) {
			select {
			case <-slow:
			default:
				close(slow)
			}
			<-release
			if last = r.Served(); last == "a=9" {
				return
			}
		}
	})
	panicked := make(chan any, 1)
	subscribers.Go(func() {
		defer func() { panicked <- recover() }()
		for range r.W.Updates(ctx) {
			panic("subscriber panics")
		}
	})
	<-slow
	assert.Equal(t, "subscriber panics", <-panicked)
	for version := 2; version < 10; version++ {
		require.True(t, r.W.Status().Source.Notified)
		r.Write("a.toml", watchtest.TOML(fmt.Sprint(version), "a"))
		r.WaitFor(fmt.Sprint("a=", version))
	}
	close(release)
	subscribers.Wait()
	cancel()
	assert.Equal(t, "a=9", last, "a slow subscriber gets the last state")
}
