package watcher_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/internal/watchtest"
	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/source"
	"github.com/neurondex/neurondex/source/dir"
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
	assert.Equal(t, "a=1", r.Served(), "loaded when Open returns")
	assert.True(t, r.W.Status().Ready)

	r.Write("b.toml", watchtest.TOML("1", "b"))
	r.WaitFor("a=1 b=1")
	r.Write("b.toml", watchtest.TOML("2", "b", "c")) // in place
	r.WaitFor("a=1 b=2 c=2")
	r.Write("b.new", watchtest.TOML("3", "b"))
	require.NoError(t, os.Rename(filepath.Join(r.Dir, "b.new"), filepath.Join(r.Dir, "b.toml")))
	r.WaitFor("a=1 b=3")
	require.NoError(t, os.Remove(filepath.Join(r.Dir, "b.toml")))
	r.WaitFor("a=1")
	r.Write("sub/deep/d.json", `{"shortName": "d", "derivedScalarType": "mlp_post_act", "userVisibleName": "D", "neuronDatasetPath": "1"}`)
	r.WaitFor("a=1 d=1")
	r.Write("sub/deep/e.toml", watchtest.TOML("1", "e"))
	r.WaitFor("a=1 d=1 e=1")
	require.NoError(t, os.RemoveAll(filepath.Join(r.Dir, "sub")))
	r.WaitFor("a=1")
	require.NoError(t, r.Sync(), "what is served is logged by then")
	for _, want := range []string{"1 added, 0 updated, 0 removed", "1 added, 1 updated, 0 removed", "0 added, 1 updated, 1 removed", "removed=\"[d/mlp_post_act e/mlp_post_act]\""} {
		assert.Contains(t, r.LogText.String(), want)
	}
}

func TestBadFileKeepsItsLastGoodDatasets(t *testing.T) {
	r := watchtest.New(t)
	r.Write("a.toml", watchtest.TOML("1", "a"))
	r.Write("b.toml", watchtest.TOML("1", "b"))
	r.Open()
	for name, tt := range map[string]struct{ bad, problem, field string }{
		"syntax":        {"[[datasets", "array table", ""},
		"missing field": {"short_name = \"a\"\nderived_scalar_type = \"mlp_post_act\"\nuser_visible_name = \"A\"", "required field is missing", "neuron_dataset_path"},
		"unknown type":  {strings.Replace(watchtest.TOML("2", "a"), "mlp_post_act", "mlp_post_akt", 1), "mlp_post_akt", "datasets[0].derived_scalar_type"},
		"emptied":       {"", "is empty, but had datasets", ""},
		"twice":         {watchtest.TOML("2", "a", "a"), "already defined on line 1", "datasets[1]"},
	} {
		t.Run(name, func(t *testing.T) {
			r.Write("a.toml", tt.bad)
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
			assert.Contains(t, r.LogText.String(), tt.problem)
			assert.Contains(t, r.LogText.String(), "file=a.toml")

			r.Write("b.toml", watchtest.TOML(name, "b")) // the others go on
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
	assert.Equal(t, "b=1", r.Served(), "an explicit empty list is meant")
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

func TestDirectoryGoesAwayAndComesBack(t *testing.T) {
	r := watchtest.New(t)
	r.Write("a.toml", watchtest.TOML("1", "a"))
	r.Open()
	for i := range 3 {
		require.NoError(t, os.Rename(r.Dir, r.Dir+".away"))
		require.ErrorIs(t, r.Sync(), os.ErrNotExist)
		assert.NotEmpty(t, r.Served(), "what was loaded stays")
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

func TestUnreadableIsNotGone(t *testing.T) {
	r := watchtest.New(t)
	r.Write("sub/a.toml", watchtest.TOML("1", "a"))
	r.Open()
	link := filepath.Join(r.Dir, "link.toml")
	r.Write("..data/l.toml", watchtest.TOML("1", "l"))
	require.NoError(t, os.Symlink("..data/l.toml", link))
	r.WaitFor("l=1 a=1")
	require.NoError(t, os.Remove(filepath.Join(r.Dir, "..data", "l.toml")))
	assert.ErrorIs(t, r.Sync(), watcher.ErrStale)
	assert.Equal(t, "l=1 a=1", r.Served(), "a dangling link that was good once")
	require.NoError(t, os.Remove(link))
	require.NoError(t, r.Sync())
	assert.Equal(t, "a=1", r.Served())
}

func TestManyFilesAreFewSwaps(t *testing.T) {
	r := watchtest.New(t)
	require.NoError(t, os.MkdirAll(r.Dir, 0o755))
	r.Open()
	for i := range 300 {
		r.Write(fmt.Sprintf("%03d.toml", i), watchtest.TOML("1", fmt.Sprint(i)))
	}
	require.NoError(t, r.Sync())
	s := r.W.Snapshot()
	assert.Equal(t, 300, s.Len())
	assert.LessOrEqual(t, s.Generation(), uint64(3))
}

func TestSameBytesAreNoReload(t *testing.T) {
	r := watchtest.New(t)
	r.Write("a.toml", watchtest.TOML("1", "a"))
	r.Open()
	before := r.W.Snapshot()
	r.Write("a.toml", watchtest.TOML("1", "a"))
	require.NoError(t, r.Sync())
	require.NoError(t, os.Chmod(filepath.Join(r.Dir, "a.toml"), 0o600))
	require.NoError(t, r.Sync())
	require.NoError(t, r.W.Reload(t.Context()))
	assert.Same(t, before, r.W.Snapshot())
	assert.Equal(t, uint64(1), r.W.Status().Reloads)
}

func TestTooLargeIsNotReadInPart(t *testing.T) {
	r := watchtest.New(t)
	r.Write("a.toml", watchtest.TOML("1", "a"))
	r.OpenDir(dir.Dir{MaxBytes: 200})
	assert.Equal(t, "a=1", r.Served())
	r.Write("a.toml", watchtest.TOML("2", "a", "b", "c")) // its first 200 bytes hold a dataset, whole
	require.ErrorIs(t, r.Sync(), watcher.ErrStale)
	assert.Equal(t, "a=1", r.Served())
	assert.Equal(t, config.RuleTooLarge, r.W.Status().Documents[0].Diagnostics[0].Rule)
}

func TestOverridesAreReported(t *testing.T) {
	r := watchtest.New(t)
	r.Write("10.toml", watchtest.TOML("1", "a"))
	r.Write("50.toml", watchtest.TOML("2", "b", "a"))
	r.Open()
	assert.Equal(t, "b=2 a=2", r.Served())
	require.NoError(t, r.Sync())
	require.Len(t, r.W.Status().Overrides, 1)
	assert.Equal(t, registry.Place{Document: "50.toml", Line: 7}, r.W.Status().Overrides[0].By)
	assert.Contains(t, r.LogText.String(), "by=50.toml by_line=7")
	require.NoError(t, os.Remove(filepath.Join(r.Dir, "50.toml")))
	r.WaitFor("a=1")
	require.NoError(t, r.Sync())
	assert.Empty(t, r.W.Status().Overrides)
}

// A fakeSource is a Source whose looks the test prepares.
type fakeSource struct {
	notice chan struct{}
	mu     sync.Mutex // guards the rest
	next   []source.Batch
	err    error
	fulls  int
	closed bool
}

func (s *fakeSource) Wait(ctx context.Context) error {
	select {
	case <-s.notice:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *fakeSource) Poll(_ context.Context, depth source.Depth) (source.Batch, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if depth == source.PollReread {
		s.fulls++
	}
	if s.err != nil || len(s.next) == 0 {
		return source.Batch{}, s.err
	}
	b := s.next[0]
	s.next = s.next[1:]
	return b, nil
}

func (s *fakeSource) Close() error { s.closed = true; return nil }

func (s *fakeSource) prepare(err error, batches ...source.Batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err, s.next = err, batches
}

func changed(name, content string) source.Batch {
	return source.Batch{Changed: []source.Document{{Name: name, Data: []byte(content)}}}
}

func TestSyncWaitsForWhatWasPending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &fakeSource{notice: make(chan struct{})}
		src.prepare(nil, changed("a.toml", watchtest.TOML("1", "a")))
		ctx, cancel := context.WithCancel(t.Context())
		quiet := watcher.WithLogger(slog.New(slog.DiscardHandler))
		w, err := watcher.Follow(ctx, src, quiet)
		require.NoError(t, err)

		src.prepare(nil, source.Batch{Pending: []string{"a.toml"}}, source.Batch{Pending: []string{"b.toml"}, Changed: changed("a.toml", watchtest.TOML("2", "a")).Changed})
		synced := make(chan error, 1)
		go func() { synced <- w.Sync(t.Context()) }()
		synctest.Wait()
		assert.Empty(t, synced, "a.toml was pending")
		assert.Equal(t, watcher.StatePending, w.Status().Documents[0].State)
		src.notice <- struct{}{}
		require.NoError(t, <-synced, "b.toml became pending later")
		d, _ := w.Snapshot().Lookup("a", registry.MLPPostAct)
		assert.Equal(t, "2", d.NeuronDatasetPath())

		lost := errors.New("lost")
		src.prepare(lost)
		require.ErrorIs(t, w.Sync(t.Context()), lost)
		require.ErrorIs(t, w.CheckHealth(), lost)
		assert.Equal(t, 1, w.Snapshot().Len())
		src.prepare(nil, changed("b.toml", "x"))
		stale, ok := errors.AsType[*watcher.StaleError](w.Reload(t.Context()))
		require.True(t, ok)
		assert.Equal(t, "b.toml", stale.Documents[0].Name)
		assert.Equal(t, config.RuleSyntax, stale.Documents[0].Diagnostics[0].Rule)
		assert.Equal(t, 1, src.fulls)
		src.prepare(nil, source.Batch{Removed: []string{"b.toml"}})
		require.NoError(t, w.Sync(t.Context()), "a bad document that is gone is no fault any more")

		// A caller that leaves does not hold up the next one.
		src.prepare(nil, source.Batch{Pending: []string{"a.toml"}})
		gone, leave := context.WithTimeout(t.Context(), time.Second)
		require.ErrorIs(t, w.Sync(gone), context.DeadlineExceeded)
		leave()
		require.NoError(t, w.Sync(t.Context()))

		cancel()
		<-w.Done()
		assert.True(t, src.closed)
		assert.ErrorIs(t, w.Sync(t.Context()), watcher.ErrClosed)
		assert.Equal(t, 1, w.Snapshot().Len(), "the registry stays as it is")
	})
}

func TestOpenFails(t *testing.T) {
	src := &fakeSource{err: errors.New("no such thing")}
	_, err := watcher.Follow(t.Context(), src)
	require.ErrorContains(t, err, "no such thing")
	assert.True(t, src.closed)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = watcher.Open(ctx, t.TempDir())
	require.ErrorIs(t, err, context.Canceled)
}

// TestReloadsDoNotPileUp reloads 10,000 times: documents that change, turn bad, come and go.
func TestReloadsDoNotPileUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &fakeSource{notice: make(chan struct{})}
		ctx, cancel := context.WithCancel(t.Context())
		w, err := watcher.Follow(ctx, src, watcher.WithLogger(slog.New(slog.DiscardHandler)))
		require.NoError(t, err)
		reload := func(i int) {
			name := fmt.Sprintf("%d.toml", i%7)
			b := changed(name, watchtest.TOML(fmt.Sprint(i), "a", fmt.Sprint(name, i%3)))
			switch i % 11 {
			case 5:
				b = changed(name, "not good")
			case 8:
				b = source.Batch{Removed: []string{name}}
			}
			b.Pending = []string{fmt.Sprintf("busy%d.toml", i)}
			src.prepare(nil, b)
			src.notice <- struct{}{}
			synctest.Wait()
		}
		heap := func() int64 {
			for range 3 { // what package unique holds takes two cycles to go
				runtime.GC()
			}
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return int64(m.HeapAlloc)
		}
		for i := range 1000 {
			reload(i)
		}
		before, goroutines := heap(), runtime.NumGoroutine()
		for i := range 10_000 {
			reload(1000 + i)
		}
		assert.Greater(t, w.Status().Reloads, uint64(8000))
		assert.Less(t, heap()-before, int64(256<<10))
		assert.LessOrEqual(t, runtime.NumGoroutine(), goroutines)
		cancel()
		<-w.Done()
	})
}
