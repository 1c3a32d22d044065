package watcher_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/internal/watchtest"
	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/source"
	"github.com/neurondex/neurondex/watcher"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A fakeSource returns prepared batches.
type fakeSource struct {
	event   chan struct{} // Wait returns after a receive
	mu      sync.Mutex    // guards the rest
	batches []source.Batch
	err     error
	rereads int
	closed  bool
	takes   time.Duration // a Poll
}

func newFakeSource() *fakeSource { return &fakeSource{event: make(chan struct{})} }

func (s *fakeSource) Wait(ctx context.Context) error {
	select {
	case <-s.event:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *fakeSource) Poll(_ context.Context, depth source.Depth) (source.Batch, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if depth == source.PollReread {
		s.rereads++
	}
	if s.err != nil || len(s.batches) == 0 {
		return source.Batch{}, s.err
	}
	time.Sleep(s.takes) // in a bubble of synctest
	b := s.batches[0]
	s.batches = s.batches[1:]
	return b, nil
}

func (s *fakeSource) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

func (s *fakeSource) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// prepare sets what the next polls return.
func (s *fakeSource) prepare(err error, batches ...source.Batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err, s.batches = err, batches
}

// follow follows a source until the test ends.
func follow(t *testing.T, src source.Source, opts ...watcher.Option) *watcher.Watcher {
	t.Helper()
	w, err := watcher.Follow(t.Context(), src, append([]watcher.Option{watcher.WithLogger(nil)}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, w.Close()) })
	return w
}

func changed(name, content string) source.Batch {
	return source.Batch{Changed: []source.Document{{Name: name, Data: []byte(content)}}}
}

func TestSyncWaitsForPendingDocuments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		src.prepare(nil, changed("a.toml", watchtest.TOML("1", "a")))
		w := follow(t, src)
		src.prepare(nil, source.Batch{Pending: []string{"a.toml"}}, source.Batch{Pending: []string{"b.toml"}, Changed: changed("a.toml", watchtest.TOML("2", "a")).Changed})
		synced := make(chan error, 1)
		go func() { synced <- w.Sync(t.Context()) }()
		synctest.Wait()
		assert.Empty(t, synced, "Sync returned while a.toml was pending")
		assert.Equal(t, watcher.StatePending, w.Status().Documents[0].State)
		src.event <- struct{}{}
		require.NoError(t, <-synced, "b.toml was not pending when Sync was called")
		d, _ := w.Snapshot().Lookup("a", registry.MLPPostAct)
		assert.Equal(t, "2", d.NeuronDatasetPath())
	})
}

// TestSyncTimeout cancels Sync while a document is pending. The error names the document,
// and the next Sync is not delayed.
func TestSyncTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		w := follow(t, src)
		src.prepare(nil, source.Batch{Pending: []string{"a.toml"}})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := w.Sync(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, watcher.ErrStale)
		stale, ok := errors.AsType[*watcher.StaleError](err)
		require.True(t, ok)
		require.Len(t, stale.Documents, 1)
		assert.Equal(t, "a.toml", stale.Documents[0].Name)
		assert.Equal(t, watcher.StatePending, stale.Documents[0].State)
		assert.False(t, stale.Documents[0].Since.IsZero())
		require.NoError(t, w.Sync(t.Context()))
	})
}

func TestSyncReturnsErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		src.prepare(nil, changed("a.toml", watchtest.TOML("1", "a")))
		w := follow(t, src)
		failed := errors.New("cannot poll")
		src.prepare(failed)
		require.ErrorIs(t, w.Sync(t.Context()), failed)
		require.ErrorIs(t, w.CheckHealth(), failed)
		assert.Equal(t, 1, w.Snapshot().Len())
		src.prepare(nil, changed("b.toml", "x"))
		stale, ok := errors.AsType[*watcher.StaleError](w.Reload(t.Context()))
		require.True(t, ok)
		assert.Equal(t, "b.toml", stale.Documents[0].Name)
		assert.Equal(t, config.RuleSyntax, stale.Documents[0].Diagnostics[0].Rule)
		assert.Equal(t, 1, src.rereads)
		src.prepare(nil, source.Batch{Removed: []string{"b.toml"}})
		require.NoError(t, w.Sync(t.Context()), "an invalid document was removed")
	})
}

func TestContextEndsWatcher(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		src.prepare(nil, changed("a.toml", watchtest.TOML("1", "a")))
		ctx, cancel := context.WithCancel(t.Context())
		w, err := watcher.Follow(ctx, src, watcher.WithLogger(slog.New(slog.DiscardHandler)))
		require.NoError(t, err)
		cancel()
		<-w.Done()
		assert.True(t, src.isClosed())
		assert.ErrorIs(t, w.Sync(t.Context()), watcher.ErrClosed)
		assert.Equal(t, 1, w.Snapshot().Len(), "the registry stays as it is")
	})
}

func TestFollowFails(t *testing.T) {
	src := newFakeSource()
	src.prepare(errors.New("cannot poll"))
	_, err := watcher.Follow(t.Context(), src)
	require.ErrorContains(t, err, "cannot poll")
	assert.True(t, src.isClosed())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = watcher.Open(ctx, t.TempDir())
	require.ErrorIs(t, err, context.Canceled)
}

// TestReloadsLeakNothing reloads 10,000 times: documents change, become invalid, and are
// added and removed.
func TestReloadsLeakNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		w := follow(t, src)
		reload := func(i int) {
			name := fmt.Sprintf("%d.toml", i%7)
			b := changed(name, watchtest.TOML(fmt.Sprint(i), "a", fmt.Sprint(name, i%3)))
			switch i % 11 {
			case 5:
				b = changed(name, "not valid")
			case 8:
				b = source.Batch{Removed: []string{name}}
			}
			b.Pending = []string{fmt.Sprintf("pending%d.toml", i)}
			src.prepare(nil, b)
			src.event <- struct{}{}
			synctest.Wait()
		}
		heap := func() int64 {
			for range 3 { // values of package unique take two cycles to be freed
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
	})
}
