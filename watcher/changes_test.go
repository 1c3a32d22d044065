package watcher_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/internal/watchtest"
	"github.com/neurondex/neurondex/source"
	"github.com/neurondex/neurondex/source/sourcetest"
	"github.com/neurondex/neurondex/watcher"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A rig follows a fakeSource and collects the log. It runs in a bubble of synctest.
type rig struct {
	*testing.T
	src *fakeSource
	w   *watcher.Watcher
	log *watchtest.Buffer
	end int // of the log that was read
}

// newRig follows a source that first delivers some batches.
func newRig(t *testing.T, first source.Batch, opts ...watcher.Option) *rig {
	t.Helper()
	r := &rig{T: t, src: newFakeSource(), log: watchtest.NewBuffer()}
	r.src.prepare(nil, first)
	r.w = follow(t, r.src, append(opts, watcher.WithLogger(r.logger()))...)
	return r
}

func (r *rig) logger() *slog.Logger { return slog.New(slog.NewTextHandler(r.log, nil)) }

// poll delivers a batch, or an error, and returns what was logged since the last call.
func (r *rig) poll(err error, b source.Batch) string {
	r.Helper()
	r.src.prepare(err, b)
	r.src.event <- struct{}{}
	synctest.Wait()
	return r.logged()
}

func (r *rig) logged() string {
	text := r.log.String()
	from := r.end
	r.end = len(text)
	return text[from:]
}

// status returns the status of a document; the zero one if there is none.
func (r *rig) status(name string) watcher.DocumentStatus {
	for _, d := range r.w.Status().Documents {
		if d.Name == name {
			return d
		}
	}
	return watcher.DocumentStatus{}
}

func documents(contents ...string) (b source.Batch) {
	for i := 0; i < len(contents); i += 2 {
		b.Changed = append(b.Changed, source.Document{Name: contents[i], Data: []byte(contents[i+1])})
	}
	return b
}

// TestSameContentBesideAChange delivers a document again, as it is, before one that changed.
func TestSameContentBesideAChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, documents("a.toml", watchtest.TOML("1", "a"), "b.toml", watchtest.TOML("1", "b")))
		r.poll(nil, documents("a.toml", watchtest.TOML("1", "a"), "b.toml", watchtest.TOML("2", "b")))
		assert.Equal(t, uint64(2), r.w.Status().Reloads)
		assert.Equal(t, "2", served(r.w)["b"])
	})
}

// served returns the path of each dataset.
func served(w *watcher.Watcher) map[string]string {
	paths := make(map[string]string)
	for d := range w.Snapshot().All() {
		paths[d.ShortName()] = d.NeuronDatasetPath()
	}
	return paths
}

// TestDirectoryThatNeverHeldDocuments: it is a warning, and neither valid nor invalid.
func TestDirectoryThatNeverHeldDocuments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		unlisted := source.Document{Name: "lost+found", Err: fmt.Errorf("%w: permission denied", source.ErrNotDocument)}
		r := newRig(t, source.Batch{Changed: []source.Document{unlisted}}, watcher.WithRequireValid())
		require.NoError(t, r.w.Sync(t.Context()))
		require.NoError(t, r.w.CheckHealth())
		d := r.status("lost+found")
		assert.Equal(t, watcher.StateOK, d.State)
		require.Len(t, d.Diagnostics, 1)
		assert.Equal(t, config.SeverityWarning, d.Diagnostics[0].Severity)
		assert.Contains(t, r.logged(), "level=WARN msg=\"file has a warning\" file=lost+found")

		// It counts for nothing beside a document that is invalid.
		r = newRig(t, source.Batch{Changed: []source.Document{unlisted, {Name: "a.toml", Data: []byte("x")}}})
		require.ErrorIs(t, r.w.CheckHealth(), watcher.ErrNotReady)
	})
}

// TestUnreadableForAnotherReason: the reason of a document that cannot be read is news when it
// changes.
func TestUnreadableForAnotherReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, source.Batch{})
		failed := func(text string) source.Batch {
			return source.Batch{Changed: []source.Document{{Name: "a.toml", Err: errors.New(text)}}}
		}
		assert.Contains(t, r.poll(nil, failed("permission denied")), "permission denied")
		assert.Empty(t, r.poll(nil, failed("permission denied")))
		assert.Contains(t, r.poll(nil, failed("input/output error")), "input/output error")
		assert.Contains(t, r.w.Status().Documents[0].Diagnostics[0].Message, "input/output error")
	})
}

// TestRemovedBeforeItWasApplied: a document that is new in a held change, and removed before
// that is accepted, is not served.
func TestRemovedBeforeItWasApplied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, documents("a.toml", watchtest.TOML("1", "a")), watcher.WithMaxShrink(0))
		b := documents("new.toml", watchtest.TOML("1", "n"))
		b.Removed = []string{"a.toml"}
		assert.Contains(t, r.poll(nil, b), "change held")
		assert.Equal(t, watcher.StateHeld, r.status("new.toml").State)
		assert.NotEmpty(t, r.w.Status().Held)
		r.poll(nil, source.Batch{Removed: []string{"new.toml"}})
		assert.Equal(t, "a.toml=held", states(r.w), "nothing of new.toml is served")
		r.src.prepare(nil, source.Batch{})
		require.NoError(t, r.w.Reload(t.Context()))
		assert.Empty(t, served(r.w))
		assert.Empty(t, r.w.Status().Held)
	})
}

// TestTimesOfStates: a state has the time when it began, however often the source is polled.
func TestTimesOfStates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, documents("a.toml", watchtest.TOML("1", "a"), "b.toml", watchtest.TOML("1", "b")), watcher.WithMaxShrink(0))
		loaded := time.Now()
		assert.Equal(t, loaded, r.w.Status().LastLoad)
		since := func(name string, state watcher.State, want time.Time) {
			t.Helper()
			d := r.status(name)
			assert.Equal(t, state, d.State)
			assert.Equal(t, want, d.Since)
		}
		since("a.toml", watcher.StateOK, loaded)
		time.Sleep(time.Minute)
		began := time.Now()
		for range 3 {
			r.poll(nil, source.Batch{Pending: []string{"a.toml", "n.toml"}})
			since("a.toml", watcher.StatePending, began)
			since("n.toml", watcher.StatePending, began)
			since("b.toml", watcher.StateOK, loaded)
			time.Sleep(time.Minute)
		}
		r.poll(nil, source.Batch{})
		since("a.toml", watcher.StateOK, loaded)
		time.Sleep(time.Minute)
		began = time.Now()
		r.poll(nil, source.Batch{Removed: []string{"b.toml"}})
		for range 3 {
			since("b.toml", watcher.StateHeld, began)
			time.Sleep(time.Minute)
			r.poll(nil, source.Batch{})
		}
		r.poll(nil, documents("b.toml", watchtest.TOML("1", "b")))
		since("b.toml", watcher.StateOK, time.Now())
		for range 2 { // the source fails twice
			time.Sleep(time.Minute)
			began = time.Now()
			for range 3 {
				r.poll(errors.New("unreachable"), source.Batch{})
				since("a.toml", watcher.StateUnknown, began)
				time.Sleep(time.Minute)
			}
			r.poll(nil, source.Batch{})
			since("a.toml", watcher.StateOK, loaded)
		}
		assert.Equal(t, loaded, r.w.Status().LastLoad, "nothing changed since")
	})
}

// TestStatusOfChanges: each change of the registry counts, and sets the time.
func TestStatusOfChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		w := follow(t, &slow{src, time.Second})
		assert.Zero(t, w.Status().Reloads)
		assert.Zero(t, w.Status().LastLoad)
		src.prepare(nil, documents("a.toml", watchtest.TOML("1", "a")))
		src.event <- struct{}{}
		time.Sleep(time.Minute)
		s := w.Status()
		assert.Equal(t, uint64(1), s.Reloads)
		assert.Equal(t, 59*time.Second, time.Since(s.LastLoad))
		assert.InDelta(t, 1, s.LoadSeconds, 0.001)
		assert.Equal(t, 1, s.Datasets)
		assert.Equal(t, w.Snapshot().Hash(), s.Hash)
		assert.Equal(t, w.Snapshot().Generation(), s.Generation)
	})
}

// A slow source takes a while for each poll.
type slow struct {
	source.Source
	takes time.Duration
}

func (s *slow) Poll(ctx context.Context, depth source.Depth) (source.Batch, error) {
	time.Sleep(s.takes)
	return s.Source.Poll(ctx, depth)
}

// TestMaxShrinkOfAll: with the default, everything may be removed at once; with 0, a dataset may
// not, but may be added or changed.
func TestMaxShrinkOfAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := func() source.Batch { return documents("a.toml", watchtest.TOML("1", "a", "b")) }
		r := newRig(t, first())
		r.poll(nil, source.Batch{Removed: []string{"a.toml"}})
		assert.Empty(t, served(r.w))
		r = newRig(t, first(), watcher.WithMaxShrink(0))
		r.poll(nil, documents("a.toml", watchtest.TOML("2", "a", "b", "c")))
		assert.Len(t, served(r.w), 3)
		text := r.poll(nil, documents("a.toml", watchtest.TOML("2", "a", "b")))
		assert.Contains(t, text, "removing 1 of 3 datasets exceeds the limit of 0 %; reload to accept")
		assert.Len(t, served(r.w), 3)
		r = newRig(t, first(), watcher.WithMaxShrink(0.25))
		assert.Contains(t, r.poll(nil, source.Batch{Removed: []string{"a.toml"}}), "removing 2 of 2 datasets exceeds the limit of 25 %")
	})
}

// TestHeldIsLogged: a change that is held is one line, another one as well, and its end.
func TestHeldIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, documents("a.toml", watchtest.TOML("1", "a"), "b.toml", watchtest.TOML("1", "b")), watcher.WithMaxShrink(0))
		assert.Contains(t, r.poll(nil, source.Batch{Removed: []string{"a.toml"}}), "level=ERROR msg=\"change held\" err=\"removing 1 of 2 ")
		assert.Empty(t, r.poll(nil, source.Batch{}))
		assert.Contains(t, r.poll(nil, source.Batch{Removed: []string{"b.toml"}}), "level=ERROR msg=\"change held\" err=\"removing 2 of 2 ")
		b := documents("a.toml", watchtest.TOML("1", "a"), "b.toml", watchtest.TOML("1", "b"))
		assert.Contains(t, r.poll(nil, b), "level=INFO msg=\"change is not held any more\"")
		assert.Empty(t, r.poll(nil, source.Batch{}))
	})
}

// TestSourceErrorsAreLogged: each reason is one line, and the end of it.
func TestSourceErrorsAreLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, source.Batch{})
		assert.Equal(t, 1, strings.Count(r.logged(), `level=INFO msg="datasets loaded: none"`))
		assert.Empty(t, r.poll(nil, source.Batch{}))
		const failed = `level=ERROR msg="cannot read source; serving last good data" err=`
		assert.Contains(t, r.poll(errors.New("one"), source.Batch{}), failed+"one")
		assert.Empty(t, r.poll(errors.New("one"), source.Batch{}))
		assert.Equal(t, "one", r.w.Status().SourceError)
		assert.Contains(t, r.poll(errors.New("two"), source.Batch{}), failed+"two")
		text := r.poll(nil, source.Batch{})
		assert.Contains(t, text, `level=INFO msg="source can be read again"`)
		assert.Equal(t, 1, strings.Count(text, "\n"), text)
		assert.Empty(t, r.w.Status().SourceError)

		src, log := newFakeSource(), watchtest.NewBuffer()
		src.prepare(errors.New("one"))
		w := follow(t, src, watcher.WithWait(), watcher.WithLogger(slog.New(slog.NewTextHandler(log, nil))))
		assert.Contains(t, log.String(), `level=WARN msg="cannot read source yet; waiting for it" err=one`)
		assert.NotContains(t, log.String(), "last good")
		assert.False(t, w.Status().Ready)
		src.prepare(nil)
		src.event <- struct{}{}
		synctest.Wait()
		assert.Contains(t, log.String(), `msg="datasets loaded: none"`)
	})
}

// TestIgnoredFilesAreLogged: each file is named once, at most ten in a line.
func TestIgnoredFilesAreLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ignoring := func(from, to int) source.Batch {
			var b source.Batch
			for i := from; i < to; i++ {
				b.Health.Ignored = append(b.Health.Ignored, source.Ignored{Name: fmt.Sprintf("%d.yaml", i), Why: "why"})
			}
			return b
		}
		r := newRig(t, ignoring(0, 2))
		assert.Contains(t, r.logged(), `level=WARN msg="files are not read; rename, remove or exclude them" files="[0.yaml (why) 1.yaml (why)]"`)
		assert.Len(t, r.w.Status().Source.Ignored, 2)
		assert.Empty(t, r.poll(nil, ignoring(0, 2)))
		assert.Contains(t, r.poll(nil, ignoring(0, 3)), `files="[2.yaml (why)]"`)
		assert.Empty(t, r.poll(nil, source.Batch{}))
		assert.Empty(t, r.poll(nil, ignoring(0, 3)), "they come back")
		assert.Contains(t, r.poll(nil, ignoring(10, 20)), `19.yaml (why)]"`)
		assert.Contains(t, r.poll(nil, ignoring(20, 31)), `29.yaml (why) ...]"`)
		// Of files that are gone, a thousand are remembered.
		r.poll(nil, ignoring(100, 1076))
		assert.Empty(t, r.poll(nil, source.Batch{}))
		assert.Empty(t, r.poll(nil, ignoring(0, 1)), "they are remembered")
		r.poll(nil, ignoring(2000, 2001))
		r.poll(nil, ignoring(2001, 2002))
		assert.Empty(t, r.poll(nil, ignoring(2001, 2002)))
		assert.Contains(t, r.poll(nil, ignoring(0, 1)), "0.yaml")
	})
}

// TestInvalidIsRemoved: what was wrong with a document that is removed is not logged again.
func TestInvalidIsRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, documents("a.toml", "x"))
		r.logged()
		text := r.poll(nil, source.Batch{Removed: []string{"a.toml"}})
		assert.Contains(t, text, `msg="invalid file was removed" file=a.toml`)
		assert.NotContains(t, text, "skipping")
		assert.NotContains(t, text, "still invalid")
	})
}

// TestManyProblemsAreLogged: of 30 problems 20 are logged, and how many more there are.
func TestManyProblemsAreLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var content strings.Builder
		for i := range 30 {
			fmt.Fprintf(&content, "%skey%d = 1\n\n", watchtest.TOML("1", fmt.Sprint("a", i)), i)
		}
		r := newRig(t, documents("a.toml", strings.ReplaceAll(content.String(), "\n\nkey", "\nkey")))
		found := len(r.status("a.toml").Diagnostics)
		require.Greater(t, found, 20)
		text := r.logged()
		assert.Equal(t, 20, strings.Count(text, "file has a warning"), text)
		assert.Contains(t, text, fmt.Sprintf(`msg="file has more problems; see its status" file=a.toml more=%d`, found-20))
	})
}

// TestOpenIsCancelled cancels an Open that waits for a document that keeps changing.
func TestOpenIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		src.prepare(nil, source.Batch{Pending: []string{"a.toml"}})
		ctx, cancel := context.WithCancel(t.Context())
		failed := make(chan error, 1)
		go func() {
			_, err := watcher.Follow(ctx, src, watcher.WithLogger(nil))
			failed <- err
		}()
		synctest.Wait()
		assert.Empty(t, failed, "it waits")
		cancel()
		require.ErrorIs(t, <-failed, context.Canceled)
		assert.True(t, src.isClosed())
	})
}

// TestOpenWaitsForPending: Follow waits for documents that are changing, but not for long.
func TestOpenWaitsForPending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		src.prepare(nil, source.Batch{Pending: []string{"a.toml"}}, documents("a.toml", watchtest.TOML("1", "a")))
		go func() { src.event <- struct{}{} }()
		w := follow(t, src)
		assert.Equal(t, map[string]string{"a": "1"}, served(w))

		src = newFakeSource()
		src.prepare(nil, source.Batch{Pending: []string{"a.toml"}})
		start := time.Now()
		w = follow(t, src)
		assert.Equal(t, time.Second, time.Since(start))
		assert.Equal(t, "a.toml=pending", states(w))
		assert.False(t, w.Status().Ready)

		for _, opts := range [][]watcher.Option{nil, {watcher.WithRequireValid()}} {
			b := documents("b.toml", watchtest.TOML("1", "b"))
			b.Pending = []string{"a.toml"}
			r := newRig(t, b, opts...)
			assert.Equal(t, opts == nil, r.w.Status().Ready)
		}
	})
}

// TestUpdatesEndEarly breaks out of Updates. The watcher goes on.
func TestUpdatesEndEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, documents("a.toml", watchtest.TOML("1", "a")))
		for version := range 3 {
			seen := 0
			for u := range r.w.Updates(t.Context()) {
				seen++
				assert.Equal(t, 1, u.After.Len())
				break
			}
			assert.Equal(t, 1, seen)
			r.poll(nil, documents("a.toml", watchtest.TOML(fmt.Sprint("v", version), "a")))
			assert.Equal(t, fmt.Sprint("v", version), served(r.w)["a"])
		}
	})
}

// TestCloseEndsRequests: a Sync that waits for a pending document ends with the watcher.
func TestCloseEndsRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		src.prepare(nil)
		w, err := watcher.Follow(t.Context(), src, watcher.WithLogger(nil))
		require.NoError(t, err)
		src.prepare(nil, source.Batch{Pending: []string{"a.toml"}})
		synced := make(chan error, 1)
		go func() { synced <- w.Sync(t.Context()) }()
		synctest.Wait()
		assert.Empty(t, synced)
		require.NoError(t, w.Close())
		require.ErrorIs(t, <-synced, watcher.ErrClosed)
		require.ErrorIs(t, w.Reload(t.Context()), watcher.ErrClosed)
		require.ErrorIs(t, w.CheckHealth(), watcher.ErrClosed)
	})
}

// TestCloseErrorIsLogged: the error of closing the source is logged, and only that.
func TestCloseErrorIsLogged(t *testing.T) {
	for _, failed := range []error{nil, errors.New("cannot unlock")} {
		log := watchtest.NewBuffer()
		src := &closing{Source: sourcetest.NewMemory().Open(), err: failed}
		w, err := watcher.Follow(t.Context(), src, watcher.WithLogger(slog.New(slog.NewTextHandler(log, nil))))
		require.NoError(t, err)
		require.Equal(t, failed, w.Close())
		assert.Equal(t, failed != nil, strings.Contains(log.String(), `level=WARN msg="cannot close source" err="cannot unlock"`), log)
		assert.Equal(t, failed != nil, strings.Contains(log.String(), "WARN"), log)
	}
}

// TestConfigOptions: WithConfig passes options to config.Parse.
func TestConfigOptions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		unknown := strings.ReplaceAll(watchtest.TOML("1", "a"), "mlp_post_act", "of_our_own")
		r := newRig(t, documents("a.toml", unknown))
		assert.Equal(t, "a.toml=invalid", states(r.w))
		r = newRig(t, documents("a.toml", unknown), watcher.WithConfig(config.WithExtraScalarTypes("of_our_own")))
		assert.Equal(t, "a.toml=ok", states(r.w))
	})
}

// TestStaleErrorText says what it is about before it lists the documents.
func TestStaleErrorText(t *testing.T) {
	err := &watcher.StaleError{Documents: []watcher.DocumentStatus{{Name: "a.toml", State: watcher.StatePending}, {Name: "b.toml", State: watcher.StateHeld}}}
	assert.EqualError(t, err, "registry does not reflect some documents:\na.toml: pending\nb.toml: held")
}
