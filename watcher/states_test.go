package watcher_test

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/neurondex/neurondex/internal/watchtest"
	"github.com/neurondex/neurondex/source"
	"github.com/neurondex/neurondex/source/sourcetest"
	"github.com/neurondex/neurondex/watcher"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// states returns the state of every document, as name=state.
func states(w *watcher.Watcher) string {
	var list []string
	for _, d := range w.Status().Documents {
		list = append(list, d.Name+"="+string(d.State))
	}
	return strings.Join(list, " ")
}

// TestNeverGood checks that a document that never was good is invalid, however often it changes,
// and that no message says that it is served.
func TestNeverGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		m := sourcetest.NewMemory()
		put(t, m, "a.toml", "x")
		put(t, m, "b.toml", watchtest.TOML("1", "b"))
		w := follow(t, m.Open(), watcher.WithLogger(slog.New(slog.NewTextHandler(&out, nil))))
		defer w.Close()
		assert.Equal(t, "a.toml=invalid b.toml=ok", states(w))
		for _, content := range []string{"y", "", "[[datasets]]", strings.Replace(watchtest.TOML("1", "a"), "mlp_post_act", "mlp_post_akt", 1)} {
			put(t, m, "a.toml", content)
			_ = w.Sync(t.Context())
			assert.NotEqual(t, watcher.StateStale, w.Status().Documents[0].State)
		}
		assert.Equal(t, "a.toml=invalid b.toml=ok", states(w))
		for _, text := range []string{out.String(), w.Sync(t.Context()).Error(), w.CheckHealth().Error()} {
			assert.NotContains(t, text, "last good")
			assert.NotContains(t, text, "stale")
		}
		assert.Contains(t, out.String(), "invalid file; skipping it")
		assert.Contains(t, out.String(), "suggestion=")
		assert.NotContains(t, out.String(), "line=0")
		assert.NotContains(t, out.String(), `=""`)

		put(t, m, "a.toml", watchtest.TOML("1", "a"))
		require.NoError(t, w.Sync(t.Context()))
		assert.Equal(t, "a.toml=ok b.toml=ok", states(w))
		out.Reset()
		put(t, m, "a.toml", "x")
		require.ErrorIs(t, w.Sync(t.Context()), watcher.ErrStale)
		assert.Equal(t, "a.toml=stale b.toml=ok", states(w))
		assert.Contains(t, out.String(), "invalid file; serving its last good datasets")

		require.NoError(t, m.Remove("a.toml"))
		require.NoError(t, w.Sync(t.Context()))
		put(t, m, "a.toml", "x")
		require.ErrorIs(t, w.Sync(t.Context()), watcher.ErrStale)
		assert.Equal(t, "a.toml=invalid b.toml=ok", states(w), "it is another file now")
		require.NoError(t, m.Remove("a.toml"))
		require.NoError(t, w.Sync(t.Context()))
		require.NoError(t, w.CheckHealth())
	})
}

// TestAllNeverGood: a watcher is not ready while all documents are invalid.
func TestAllNeverGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := sourcetest.NewMemory()
		put(t, m, "a.toml", "x")
		w := follow(t, m.Open())
		defer w.Close()
		assert.Equal(t, "a.toml=invalid", states(w))
		assert.False(t, w.Status().Ready)
		put(t, m, "a.toml", watchtest.TOML("1", "a"))
		require.NoError(t, w.Sync(t.Context()))
		assert.True(t, w.Status().Ready)
	})
}

// TestUnreadableDirectoryIsStale: a directory that cannot be listed is stale if documents
// below it are served.
func TestUnreadableDirectoryIsStale(t *testing.T) {
	src := newFakeSource()
	src.prepare(nil, source.Batch{Changed: []source.Document{{Name: "x/sub/a.toml", Data: []byte(watchtest.TOML("1", "a"))}}})
	w := follow(t, src)
	unreadable := errors.New("permission denied")
	src.prepare(nil, source.Batch{Changed: []source.Document{{Name: "x/sub", Err: unreadable}, {Name: "x/su", Err: unreadable}, {Name: "x/b.toml", Err: unreadable}}})
	require.ErrorIs(t, w.Sync(t.Context()), watcher.ErrStale)
	assert.Equal(t, "x/b.toml=invalid x/su=invalid x/sub=stale x/sub/a.toml=ok", states(w))
}

// TestHeldDocuments: while a change is held, the documents that it removes are listed, because
// their datasets are served.
func TestHeldDocuments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := sourcetest.NewMemory()
		put(t, m, "a.toml", watchtest.TOML("1", "a1", "a2"))
		put(t, m, "b.toml", watchtest.TOML("1", "b"))
		put(t, m, "c.toml", "x")
		w := follow(t, m.Open(), watcher.WithMaxShrink(0.5))
		defer w.Close()
		require.NoError(t, m.Remove("a.toml"))
		require.NoError(t, m.Remove("c.toml"))
		put(t, m, "d.toml", watchtest.TOML("1", "d"))
		require.ErrorIs(t, w.Sync(t.Context()), watcher.ErrShrink)
		assert.Equal(t, "a.toml=held b.toml=ok d.toml=held", states(w))
		since := w.Status().Documents[0].Since
		assert.False(t, since.IsZero())
		assert.Equal(t, 3, w.Snapshot().Len())

		put(t, m, "d.toml", "x") // its good content waits to be accepted
		require.ErrorIs(t, w.Sync(t.Context()), watcher.ErrShrink)
		assert.Equal(t, "a.toml=held b.toml=ok d.toml=invalid", states(w))
		assert.Equal(t, since, w.Status().Documents[0].Since)
		require.ErrorIs(t, w.Reload(t.Context()), watcher.ErrStale)
		assert.Equal(t, "b.toml=ok d.toml=stale", states(w))
		assert.Equal(t, 2, w.Snapshot().Len())

		require.NoError(t, m.Remove("b.toml"))
		require.NoError(t, m.Remove("d.toml"))
		require.ErrorIs(t, w.Sync(t.Context()), watcher.ErrShrink)
		assert.Equal(t, "b.toml=held d.toml=held", states(w), "the datasets of an invalid file are served, too")
		put(t, m, "b.toml", "x")
		require.Error(t, w.Sync(t.Context()))
		assert.Equal(t, "b.toml=stale", states(w), "it is back")
	})
}

// TestSourceNeverRead checks that no message says that data is served if none was ever read.
func TestSourceNeverRead(t *testing.T) {
	src := newFakeSource()
	src.prepare(fs.ErrNotExist, source.Batch{})
	w := follow(t, src, watcher.WithWait())
	src.prepare(fs.ErrNotExist, source.Batch{})
	err := w.Sync(t.Context())
	for _, err := range []error{err, w.CheckHealth()} {
		require.ErrorIs(t, err, watcher.ErrSource)
		require.ErrorIs(t, err, fs.ErrNotExist)
		assert.NotContains(t, err.Error(), "last good")
	}
	src.prepare(nil, source.Batch{})
	require.NoError(t, w.Sync(t.Context()))
	src.prepare(fs.ErrNotExist, source.Batch{})
	assert.ErrorContains(t, w.Sync(t.Context()), "cannot read source; serving last good data")
}
