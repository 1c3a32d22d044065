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

// TestSyncBesideCancelledReloadAcceptsNothing checks that a held change is not accepted after
// the caller of Reload has left, even if a Sync waits for the same document.
func TestSyncBesideCancelledReloadAcceptsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, documents("a.toml", watchtest.TOML("1", "a")), watcher.WithMaxShrink(0))
		pending := source.Batch{Pending: []string{"a.toml"}}
		r.src.prepare(nil, pending, pending)
		synced := make(chan error, 1)
		go func() { synced <- r.w.Sync(t.Context()) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, r.w.Reload(ctx), context.DeadlineExceeded)
		require.Empty(t, synced)

		r.poll(nil, source.Batch{Removed: []string{"a.toml"}})
		require.ErrorIs(t, <-synced, watcher.ErrShrink)
		assert.Len(t, served(r.w), 1)
	})
}

// TestNewEmptyDocument checks that only a document that had datasets is reported as emptied.
func TestNewEmptyDocument(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, documents("a.toml", watchtest.TOML("1", "a"), "b.toml", "# nothing yet\n"))
		found := r.status("b.toml").Diagnostics
		require.Len(t, found, 1)
		assert.NotContains(t, found[0].Message, "had datasets")
		r.poll(nil, documents("a.toml", "# nothing any more\n"))
		found = r.status("a.toml").Diagnostics
		require.Len(t, found, 1)
		assert.Contains(t, found[0].Message, "had datasets")
	})
}

// restless is a source whose Wait always returns at once.
type restless struct{ source.Source }

func (restless) Wait(ctx context.Context) error { return ctx.Err() }

// TestNoRequestIsLost makes requests of a watcher that is busy with its source.
func TestNoRequestIsLost(t *testing.T) {
	w := follow(t, restless{newFakeSource()})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for range 1000 {
		require.NoError(t, w.Sync(ctx))
	}
}
