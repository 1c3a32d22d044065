package watcher_test

import (
	"context"
	"testing"
	"time"

	"github.com/neurondex/neurondex/source"
	"github.com/neurondex/neurondex/watcher"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestPendingInvalidDocument: a document that is invalid and pending is listed by the error
// of a request that does not wait for it.
func TestPendingInvalidDocument(t *testing.T) {
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
}
