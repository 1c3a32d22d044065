package watcher_test

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"testing"
	"testing/synctest"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/internal/watchtest"
	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/source"
	"github.com/neurondex/neurondex/source/sourcetest"
	"github.com/neurondex/neurondex/watcher"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A closing source fails to close, and counts.
type closing struct {
	source.Source
	err    error
	closed int
}

func (c *closing) Close() error {
	c.closed++
	return c.err
}

func TestClose(t *testing.T) {
	m := sourcetest.NewMemory()
	require.NoError(t, m.Put("a.toml", watchtest.TOML("1", "a")))
	src := &closing{Source: m.Open(), err: errors.New("cannot unlock")}
	w, err := watcher.Follow(t.Context(), src, watcher.WithLogger(nil))
	require.NoError(t, err)
	require.NoError(t, w.CheckHealth())
	require.ErrorIs(t, w.Close(), src.err)
	require.ErrorIs(t, w.Close(), src.err, "again")
	assert.Equal(t, 1, src.closed)
	<-w.Done()
	assert.Equal(t, 1, w.Snapshot().Len(), "the registry stays as it is")
	assert.ErrorIs(t, w.CheckHealth(), watcher.ErrClosed)
	assert.ErrorIs(t, w.Sync(t.Context()), watcher.ErrClosed)
}

// TestContextBoundsTheLife: the context is not only that of the call.
func TestContextBoundsTheLife(t *testing.T) {
	src := &closing{Source: sourcetest.NewMemory().Open()}
	ctx, cancel := context.WithCancel(t.Context())
	w, err := watcher.Follow(ctx, src, watcher.WithLogger(nil))
	require.NoError(t, err)
	cancel()
	<-w.Done()
	require.NoError(t, w.Close())
	assert.Equal(t, 1, src.closed)
}

func TestMaxShrinkMustBeAShare(t *testing.T) {
	for _, share := range []float64{-0.1, 1.1, math.NaN(), math.Inf(1)} {
		src := &closing{Source: sourcetest.NewMemory().Open()}
		_, err := watcher.Follow(t.Context(), src, watcher.WithMaxShrink(share))
		require.ErrorContains(t, err, "must be between 0 and 1")
		assert.Equal(t, 1, src.closed)
	}
}

func TestCheckHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := sourcetest.NewMemory()
		require.NoError(t, m.SetReachable(false))
		w, err := watcher.Follow(t.Context(), m.Open(), watcher.WithWait(), watcher.WithMaxShrink(0.5), watcher.WithLogger(nil))
		require.NoError(t, err)
		defer w.Close()
		health := func(want ...error) {
			t.Helper()
			synctest.Wait()
			err := w.CheckHealth()
			for _, possible := range []error{watcher.ErrNotReady, watcher.ErrSource, sourcetest.ErrUnreachable, watcher.ErrStale, watcher.ErrShrink} {
				wanted := false
				for _, e := range want {
					wanted = wanted || e == possible //nolint:errorlint // the errors themselves
				}
				assert.Equal(t, wanted, errors.Is(err, possible), "%v in %v", possible, err)
			}
			if len(want) == 0 {
				assert.NoError(t, err)
			}
		}
		health(watcher.ErrNotReady, watcher.ErrSource, sourcetest.ErrUnreachable)
		require.NoError(t, m.Put("a.toml", watchtest.TOML("1", "a", "b", "c")))
		require.NoError(t, m.SetReachable(true))
		health()
		require.NoError(t, m.Put("b.toml", "x"))
		health(watcher.ErrStale)
		require.NoError(t, m.Put("a.toml", watchtest.TOML("1", "a")))
		health(watcher.ErrStale, watcher.ErrShrink)
		require.NoError(t, m.SetReachable(false))
		health(watcher.ErrStale, watcher.ErrShrink, watcher.ErrSource, sourcetest.ErrUnreachable)
		require.NoError(t, m.SetReachable(true))
		require.NoError(t, m.Remove("b.toml"))
		health(watcher.ErrShrink)
		require.NoError(t, w.Reload(t.Context()))
		health()
	})
}

// A curious handler asks the watcher for everything while it logs.
type curious struct {
	slog.Handler
	w     *watcher.Watcher
	calls int
}

func (c *curious) Handle(context.Context, slog.Record) error {
	if c.w != nil {
		c.calls++
		c.w.Status()
		_ = c.w.CheckHealth()
		c.w.Snapshot()
	}
	return nil
}

func (c *curious) Enabled(context.Context, slog.Level) bool { return true }

func TestLogHandlerMayAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, h := sourcetest.NewMemory(), &curious{}
		w, err := watcher.Follow(t.Context(), m.Open(), watcher.WithLogger(slog.New(h)), watcher.WithMaxShrink(0))
		require.NoError(t, err)
		h.w = w
		require.NoError(t, m.Put("a.toml", watchtest.TOML("1", "a")))
		require.NoError(t, m.Put("b.toml", "x"))
		require.ErrorIs(t, w.Sync(t.Context()), watcher.ErrStale)
		require.NoError(t, m.Remove("b.toml"))
		require.NoError(t, m.Remove("a.toml"))
		require.ErrorIs(t, w.Sync(t.Context()), watcher.ErrShrink)
		require.NoError(t, w.Close())
		assert.GreaterOrEqual(t, h.calls, 4)
	})
}

// TestStatusIsACopy: the caller may modify what it gets.
func TestStatusIsACopy(t *testing.T) {
	m := sourcetest.NewMemory()
	require.NoError(t, m.Put("a.toml", "x"))
	w, err := watcher.Follow(t.Context(), m.Open(), watcher.WithLogger(nil))
	require.NoError(t, err)
	defer w.Close()
	s := w.Status()
	s.Documents[0].Diagnostics[0].Message = "changed"
	s.Documents[0].Name = "changed"
	assert.NotEqual(t, "changed", w.Status().Documents[0].Name)
	assert.NotEqual(t, "changed", w.Status().Documents[0].Diagnostics[0].Message)
}

// TestBlankType: a document that allows itself a blank type is invalid, and does not keep the others
// out.
func TestBlankType(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := sourcetest.NewMemory()
		require.NoError(t, m.Put("good.toml", watchtest.TOML("1", "a")))
		refused := "extra_scalar_types = [\"\"]\n" +
			"[[datasets]]\nshort_name = \"r\"\nderived_scalar_type = \"\"\nuser_visible_name = \"R\"\nneuron_dataset_path = \"p\"\n"
		require.NoError(t, m.Put("refused.toml", refused))
		w, err := watcher.Follow(t.Context(), m.Open(), watcher.WithLogger(nil))
		require.NoError(t, err)
		defer w.Close()
		_, ok := w.Snapshot().Lookup("a", registry.MLPPostAct)
		assert.True(t, ok)
		require.ErrorIs(t, w.Sync(t.Context()), watcher.ErrStale)
		refusedStatus := w.Status().Documents[1]
		assert.Equal(t, watcher.StateInvalid, refusedStatus.State)
		assert.Positive(t, refusedStatus.Diagnostics.Count(config.SeverityError))
		require.NoError(t, m.Put("refused.toml", watchtest.TOML("1", "r")))
		require.NoError(t, w.Sync(t.Context()))
		assert.Equal(t, 2, w.Snapshot().Len())
	})
}
