package watcher_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/neurondex/neurondex/internal/watchtest"
	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/source"
	"github.com/neurondex/neurondex/source/sourcetest"
	"github.com/neurondex/neurondex/watcher"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func put(t *testing.T, m *sourcetest.Memory, name, content string) {
	t.Helper()
	require.NoError(t, m.Put(name, content))
}

// TestReady: a watcher is ready once a document is loaded, if there are any.
func TestReady(t *testing.T) {
	for name, tt := range map[string]struct {
		documents map[string]string
		opts      []watcher.Option
		ready     bool
	}{
		"no documents":             {nil, nil, true},
		"a valid one":              {map[string]string{"a.toml": watchtest.TOML("1", "a")}, nil, true},
		"an explicitly empty one":  {map[string]string{"a.toml": "datasets = []"}, nil, true},
		"all invalid":              {map[string]string{"a.toml": "x", "b.toml": "y"}, nil, false},
		"some invalid":             {map[string]string{"a.toml": "x", "b.toml": watchtest.TOML("1", "b")}, nil, true},
		"some invalid, all wanted": {map[string]string{"a.toml": "x", "b.toml": watchtest.TOML("1", "b")}, []watcher.Option{watcher.WithRequireValid()}, false},
		"none invalid, all wanted": {map[string]string{"b.toml": watchtest.TOML("1", "b")}, []watcher.Option{watcher.WithRequireValid()}, true},
		"no documents, all wanted": {nil, []watcher.Option{watcher.WithRequireValid()}, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := sourcetest.NewMemory()
				require.NoError(t, m.Apply(tt.documents, nil))
				w := follow(t, m.Open(), tt.opts...)
				assert.Equal(t, tt.ready, w.Status().Ready)
				assert.Equal(t, !tt.ready, errors.Is(w.CheckHealth(), watcher.ErrNotReady))
				put(t, m, "a.toml", watchtest.TOML("1", "a"))
				put(t, m, "b.toml", watchtest.TOML("1", "b"))
				synctest.Wait()
				assert.True(t, w.Status().Ready)
				put(t, m, "a.toml", "x")
				put(t, m, "b.toml", "x")
				synctest.Wait()
				assert.True(t, w.Status().Ready, "it stays ready: the last good datasets are served")
			})
		})
	}
}

// TestEmptiedDocuments: a document that had datasets, and has none without saying so by an
// empty list, keeps them.
func TestEmptiedDocuments(t *testing.T) {
	for name, tt := range map[string]struct {
		file, content string
		withdraws     bool
	}{
		"nothing":                  {"a.toml", "", false},
		"white space":              {"a.toml", " \n\t\n", false},
		"a comment":                {"a.toml", "# generated\n", false},
		"only a version":           {"a.toml", "schema_version = 1\n", false},
		"a byte order mark":        {"a.toml", "\ufeff", false},
		"an empty list":            {"a.toml", "datasets = []\n", true},
		"JSON, nothing":            {"a.json", "", false},
		"JSON, empty object":       {"a.json", "{}", false},
		"JSON, only a schema":      {"a.json", `{"$schema": "x"}`, false},
		"JSON, an empty list":      {"a.json", "[]", true},
		"JSON, an empty list, key": {"a.json", `{"datasets": []}`, true},
		"JSONC, a comment":         {"a.jsonc", "// generated\n", false},
		"JSONC, empty list":        {"a.jsonc", "[] // none", true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := sourcetest.NewMemory()
				good := `[{"shortName": "a", "derivedScalarType": "mlp_post_act", "userVisibleName": "A", "neuronDatasetPath": "1"}]`
				if strings.HasSuffix(tt.file, ".toml") {
					good = watchtest.TOML("1", "a")
				}
				put(t, m, tt.file, good)
				w := follow(t, m.Open())
				require.Equal(t, 1, w.Snapshot().Len())
				put(t, m, tt.file, tt.content)
				err := w.Sync(t.Context())
				if tt.withdraws {
					require.NoError(t, err)
					assert.Zero(t, w.Snapshot().Len())
					return
				}
				require.ErrorIs(t, err, watcher.ErrStale)
				assert.Equal(t, 1, w.Snapshot().Len())
			})
		})
	}
}

// A counting source counts its polls by depth, and lets them wait.
type counting struct {
	source.Source
	polls [3]atomic.Int32
	gate  chan struct{} // a reread waits for it
}

func (c *counting) Poll(ctx context.Context, depth source.Depth) (source.Batch, error) {
	c.polls[depth].Add(1)
	if depth == source.PollReread {
		<-c.gate
	}
	return c.Source.Poll(ctx, depth)
}

// TestRequestsShareAPoll: 100 reloads at once are two rereads, one for those that came while
// the first was under way.
func TestRequestsShareAPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := sourcetest.NewMemory()
		put(t, m, "a.toml", watchtest.TOML("1", "a"))
		src := &counting{Source: m.Open(), gate: make(chan struct{})}
		w := follow(t, src)
		var callers sync.WaitGroup
		callers.Go(func() { assert.NoError(t, w.Reload(t.Context())) })
		synctest.Wait() // it is under way
		for i := range 99 {
			callers.Go(func() {
				if i%2 == 0 {
					assert.NoError(t, w.Reload(t.Context()))
				} else {
					assert.NoError(t, w.Sync(t.Context()))
				}
			})
		}
		synctest.Wait()
		close(src.gate)
		callers.Wait()
		assert.Equal(t, int32(2), src.polls[source.PollReread].Load())
		assert.Equal(t, int32(1), src.polls[source.PollAll].Load(), "that of Follow")
	})
}

// TestReloadAcceptsOnlyWhatItFound: while a reload waits for a pending document, another
// change that removes too much is still held.
func TestReloadAcceptsOnlyWhatItFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := source.Batch{}
		for i := range 4 {
			name := fmt.Sprintf("%d.toml", i)
			all.Changed = append(all.Changed, source.Document{Name: name, Data: []byte(watchtest.TOML("1", name))})
		}
		src := newFakeSource()
		src.prepare(nil, all)
		w := follow(t, src, watcher.WithMaxShrink(0))

		src.prepare(nil, source.Batch{Pending: []string{"0.toml"}})
		reloaded := make(chan error, 1)
		go func() { reloaded <- w.Reload(t.Context()) }()
		synctest.Wait()
		src.prepare(nil, source.Batch{Removed: []string{"1.toml"}, Pending: []string{"0.toml"}})
		src.event <- struct{}{}
		synctest.Wait()
		assert.Equal(t, 4, w.Snapshot().Len(), "the reload did not find this")
		assert.Empty(t, reloaded)
		src.prepare(nil, source.Batch{Removed: []string{"0.toml"}})
		src.event <- struct{}{}
		require.ErrorIs(t, <-reloaded, watcher.ErrShrink)
		assert.Equal(t, 4, w.Snapshot().Len(), "a change is applied whole")
		require.NoError(t, w.Reload(t.Context()), "this one finds both")
		assert.Equal(t, 2, w.Snapshot().Len())
	})
}

// TestReloadAcceptsPendingRemovals: what was pending when the reload came is accepted.
func TestReloadAcceptsPendingRemovals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		src.prepare(nil, source.Batch{Changed: []source.Document{{Name: "a.toml", Data: []byte(watchtest.TOML("1", "a"))}}})
		w := follow(t, src, watcher.WithMaxShrink(0))
		src.prepare(nil, source.Batch{Pending: []string{"a.toml"}})
		reloaded := make(chan error, 1)
		go func() { reloaded <- w.Reload(t.Context()) }()
		synctest.Wait()
		src.prepare(nil, source.Batch{Removed: []string{"a.toml"}})
		src.event <- struct{}{}
		require.NoError(t, <-reloaded)
		assert.Zero(t, w.Snapshot().Len())
	})
}

// TestDegradingIsLogged: losing events, and getting them back, is one line each.
func TestDegradingIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		src := newFakeSource()
		w := follow(t, src, watcher.WithLogger(slog.New(slog.NewTextHandler(&out, nil))))
		lost := source.Batch{Health: source.Health{Mode: "poll", Problem: "no watch is left"}}
		for _, b := range []source.Batch{lost, lost, lost, {Health: source.Health{Mode: "inotify", Notified: true}}, {}} {
			src.prepare(nil, b)
			src.event <- struct{}{}
			synctest.Wait()
		}
		require.NoError(t, w.Close())
		assert.Equal(t, 1, strings.Count(out.String(), `level=WARN msg="events do not cover the source; scanning it periodically" reason="no watch is left"`), out.String())
		assert.Equal(t, 1, strings.Count(out.String(), `msg="events cover the source again" mode=inotify`), out.String())
	})
}

// TestProblemsOfReleasesAreLogged checks that a problem with releases is logged once, and its
// end once, and not as a problem with events.
func TestProblemsOfReleasesAreLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		src := newFakeSource()
		w := follow(t, src, watcher.WithLogger(slog.New(slog.NewTextHandler(&out, nil))))
		r := &source.Release{Number: 3}
		full := source.Batch{Health: source.Health{Mode: "releases", Problem: "cannot write the cache: full", Release: r}}
		for _, b := range []source.Batch{full, full, {Health: source.Health{Mode: "releases", Release: r}}, {Health: source.Health{Mode: "releases", Release: r}}} {
			src.prepare(nil, b)
			src.event <- struct{}{}
			synctest.Wait()
		}
		require.NoError(t, w.Close())
		assert.Equal(t, 1, strings.Count(out.String(), `level=WARN msg="problem with releases" reason="cannot write the cache: full"`), out.String())
		assert.Equal(t, 1, strings.Count(out.String(), `level=INFO msg="no problem with releases any more" release=3`), out.String())
		assert.NotContains(t, out.String(), "events")
	})
}

// TestOneFaultIsOneLine: a fault of a document is one line of the log, and at most 20 are
// logged.
func TestOneFaultIsOneLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		m := sourcetest.NewMemory()
		put(t, m, "a.toml", "x")
		w := follow(t, m.Open(), watcher.WithLogger(slog.New(slog.NewTextHandler(&out, nil))))
		put(t, m, "b.toml", strings.Repeat("[[datasets]]\n", 12)) // four required fields are missing in each
		require.Error(t, w.Sync(t.Context()))
		require.NoError(t, w.Close())
		assert.Equal(t, 1, strings.Count(out.String(), "file=a.toml"), out.String())
		assert.Equal(t, 21, strings.Count(out.String(), "file=b.toml"), out.String())
		assert.Contains(t, out.String(), "file=b.toml more=")
	})
}

// TestUnreadableSource: no document is called ok while the source cannot be read.
func TestUnreadableSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := sourcetest.NewMemory()
		put(t, m, "a.toml", watchtest.TOML("1", "a"))
		put(t, m, "b.toml", "x")
		w := follow(t, m.Open())
		time.Sleep(time.Hour)
		failed := time.Now()
		require.NoError(t, m.SetReachable(false))
		require.ErrorIs(t, w.Sync(t.Context()), watcher.ErrSource)
		s := w.Status()
		assert.Equal(t, watcher.StateUnknown, s.Documents[0].State)
		assert.Equal(t, failed, s.Documents[0].Since)
		assert.Equal(t, watcher.StateInvalid, s.Documents[1].State)
		require.NoError(t, m.SetReachable(true))
		require.ErrorIs(t, w.Sync(t.Context()), watcher.ErrStale)
		assert.Equal(t, watcher.StateOK, w.Status().Documents[0].State)
	})
}

// TestSlowPoll checks that a source that does not answer counts as one that cannot be read, until
// it answers, and that what is served stays in service.
func TestSlowPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const slow = "reading it takes longer than 30s"
		src, log := newFakeSource(), watchtest.NewBuffer()
		src.takes = 31 * time.Second
		src.prepare(nil, changed("a.toml", watchtest.TOML("1", "a")))
		w := follow(t, src, watcher.WithLogger(slog.New(slog.NewTextHandler(log, nil))))
		assert.Equal(t, 1, strings.Count(log.String(), `level=WARN msg="cannot read source yet; waiting for it" err="`+slow+`"`), log)
		assert.NoError(t, w.CheckHealth())

		src.prepare(nil, changed("a.toml", watchtest.TOML("2", "a")))
		src.event <- struct{}{}
		time.Sleep(29 * time.Second)
		assert.NoError(t, w.CheckHealth())
		time.Sleep(time.Second)
		synctest.Wait()
		err := w.CheckHealth()
		require.ErrorIs(t, err, watcher.ErrSource)
		require.ErrorContains(t, err, slow)
		status := w.Status()
		assert.Equal(t, slow, status.SourceError)
		assert.Equal(t, watcher.StateUnknown, status.Documents[0].State)
		assert.WithinDuration(t, time.Now(), status.Documents[0].Since, 0)
		assert.Equal(t, 1, strings.Count(log.String(), `level=ERROR msg="cannot read source; serving last good data" err="`+slow+`"`), log)
		d, _ := w.Snapshot().Lookup("a", registry.MLPPostAct)
		assert.Equal(t, "1", d.NeuronDatasetPath())

		time.Sleep(time.Second)
		synctest.Wait()
		assert.NoError(t, w.CheckHealth())
		assert.Empty(t, w.Status().SourceError)
		assert.Equal(t, watcher.StateOK, w.Status().Documents[0].State)
		assert.Equal(t, 2, strings.Count(log.String(), `level=INFO msg="source can be read again"`), log)
		d, _ = w.Snapshot().Lookup("a", registry.MLPPostAct)
		assert.Equal(t, "2", d.NeuronDatasetPath())

		// A source that could not be read, and now does not answer, has the newer reason.
		src.prepare(errors.New("one"))
		src.event <- struct{}{}
		synctest.Wait()
		src.prepare(nil, changed("a.toml", watchtest.TOML("3", "a")))
		since := time.Now()
		time.Sleep(time.Second)
		src.event <- struct{}{}
		time.Sleep(30 * time.Second)
		synctest.Wait()
		assert.Equal(t, slow, w.Status().SourceError)
		assert.Equal(t, since, w.Status().Documents[0].Since, "it could not be read before, either")
	})
}

// A stuckHandler logs nothing. It keeps errors until it is released.
type stuckHandler struct {
	slog.Handler
	release chan struct{}
}

func (h stuckHandler) Enabled(context.Context, slog.Level) bool { return true }

func (h stuckHandler) Handle(_ context.Context, r slog.Record) error {
	if r.Level == slog.LevelError {
		<-h.release
	}
	return nil
}

// TestSlowPollEndsWhileItIsLogged checks that a poll that ends while it is reported as slow is not
// reported as over at the same time.
func TestSlowPollEndsWhileItIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src, log := newFakeSource(), stuckHandler{slog.DiscardHandler, make(chan struct{})}
		src.prepare(nil, changed("a.toml", watchtest.TOML("1", "a")))
		w := follow(t, src, watcher.WithLogger(slog.New(log)))
		src.takes = 31 * time.Second
		src.prepare(nil, changed("a.toml", watchtest.TOML("2", "a")))
		src.event <- struct{}{}
		time.Sleep(32 * time.Second)
		synctest.Wait()
		require.ErrorIs(t, w.CheckHealth(), watcher.ErrSource)
		close(log.release)
		synctest.Wait()
		require.NoError(t, w.CheckHealth())
		d, _ := w.Snapshot().Lookup("a", registry.MLPPostAct)
		assert.Equal(t, "2", d.NeuronDatasetPath())
	})
}
