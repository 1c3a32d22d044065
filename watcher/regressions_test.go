package watcher_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/neurondex/neurondex/internal/watchtest"
	"github.com/neurondex/neurondex/source"
	"github.com/neurondex/neurondex/watcher"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestPendingInvalidDocument: a document that is invalid and pending is listed by the error
// of a request that does not wait for it.
func TestPendingInvalidDocument(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		src.prepare(nil, changed("a.toml", "invalid"))
		w := follow(t, src)
		src.prepare(nil, source.Batch{Pending: []string{"a.toml"}})
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		err := w.Sync(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, watcher.ErrStale)
		assert.ErrorContains(t, err, "a.toml: pending")
	})
}

// TestRemovalHeldThenInvalid: a document whose removal is held comes back, and is invalid. It
// keeps its datasets, even if what is held is accepted.
func TestRemovalHeldThenInvalid(t *testing.T) {
	src := newFakeSource()
	src.prepare(nil, source.Batch{Changed: []source.Document{
		{Name: "a.toml", Data: []byte(watchtest.TOML("1", "a1", "a2"))}, {Name: "b.toml", Data: []byte(watchtest.TOML("1", "b"))}}})
	w := follow(t, src, watcher.WithMaxShrink(0.5))
	src.prepare(nil, source.Batch{Removed: []string{"a.toml"}})
	require.ErrorIs(t, w.Sync(t.Context()), watcher.ErrShrink)
	src.prepare(nil, changed("a.toml", "invalid"))
	err := w.Sync(t.Context())
	require.ErrorIs(t, err, watcher.ErrStale)
	assert.NotErrorIs(t, err, watcher.ErrShrink)
	require.ErrorIs(t, w.Reload(t.Context()), watcher.ErrStale)
	assert.Equal(t, 3, w.Snapshot().Len())
}
