package watcher_test

import (
	"bytes"
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
	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/watcher"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// toml returns a document that gives each dataset the path.
func toml(path string, names ...string) string {
	var b strings.Builder
	for _, name := range names {
		fmt.Fprintf(&b, "[[datasets]]\nshort_name = %q\nderived_scalar_type = \"mlp_post_act\"\nuser_visible_name = %q\nneuron_dataset_path = %q\n\n", name, name, path)
	}
	return b.String()
}

// A rig is a directory and a watcher that follows it.
type rig struct {
	*testing.T
	dir string
	log *syncBuffer
	ctx context.Context
	w   *watcher.Watcher
}

type syncBuffer struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func newRig(t *testing.T) *rig {
	t.Helper()
	return &rig{T: t, dir: filepath.Join(t.TempDir(), "datasets"), log: new(syncBuffer)}
}

func (r *rig) open(opts ...watcher.Option) {
	r.Helper()
	r.start(func(more ...watcher.Option) (*watcher.Watcher, error) {
		return watcher.Open(r.ctx, r.dir, append(opts, more...)...)
	})
}

func (r *rig) start(open func(opts ...watcher.Option) (*watcher.Watcher, error)) {
	r.Helper()
	var cancel context.CancelFunc
	r.ctx, cancel = context.WithCancel(context.Background())
	w, err := open(watcher.WithLogger(slog.New(slog.NewTextHandler(r.log, nil))))
	if err != nil {
		cancel()
	}
	require.NoError(r, err)
	r.w = w
	r.Cleanup(func() {
		cancel()
		<-w.Done()
		if r.Failed() {
			r.Log(r.log)
		}
	})
}

func (r *rig) write(name, content string) {
	r.Helper()
	path := filepath.Join(r.dir, name)
	require.NoError(r, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(r, os.WriteFile(path, []byte(content), 0o644))
}

func (r *rig) served() string {
	var out []string
	for d := range r.w.Registry().Snapshot().All() {
		out = append(out, d.ShortName()+"="+d.NeuronDatasetPath())
	}
	return strings.Join(out, " ")
}

// waitFor waits until what is served is want, woken by the registry's own updates.
func (r *rig) waitFor(want string) {
	r.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for range r.w.Registry().Updates(ctx) {
		if r.served() == want {
			return
		}
	}
	require.Equal(r, want, r.served())
}

func (r *rig) sync() error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return r.w.Sync(ctx)
}

func TestFollowsFiles(t *testing.T) {
	r := newRig(t)
	r.write("a.toml", toml("1", "a"))
	r.open()
	assert.Equal(t, "a=1", r.served(), "loaded when Open returns")
	assert.True(t, r.w.Status().Ready)

	r.write("b.toml", toml("1", "b"))
	r.waitFor("a=1 b=1")
	r.write("b.toml", toml("2", "b", "c")) // in place
	r.waitFor("a=1 b=2 c=2")
	r.write("b.new", toml("3", "b"))
	require.NoError(t, os.Rename(filepath.Join(r.dir, "b.new"), filepath.Join(r.dir, "b.toml")))
	r.waitFor("a=1 b=3")
	require.NoError(t, os.Remove(filepath.Join(r.dir, "b.toml")))
	r.waitFor("a=1")
	r.write("sub/deep/d.json", `{"shortName": "d", "derivedScalarType": "mlp_post_act", "userVisibleName": "D", "neuronDatasetPath": "1"}`)
	r.waitFor("a=1 d=1")
	r.write("sub/deep/e.toml", toml("1", "e"))
	r.waitFor("a=1 d=1 e=1")
	require.NoError(t, os.RemoveAll(filepath.Join(r.dir, "sub")))
	r.waitFor("a=1")
	require.NoError(t, r.sync(), "what is served is logged by then")
	for _, want := range []string{"1 added, 0 updated, 0 removed", "1 added, 1 updated, 0 removed", "0 added, 1 updated, 1 removed", "removed=\"[d/mlp_post_act e/mlp_post_act]\""} {
		assert.Contains(t, r.log.String(), want)
	}
}

func TestBadFileKeepsItsLastGoodDatasets(t *testing.T) {
	r := newRig(t)
	r.write("a.toml", toml("1", "a"))
	r.write("b.toml", toml("1", "b"))
	r.open()
	for name, tt := range map[string]struct{ bad, problem, field string }{
		"syntax":        {"[[datasets", "array table", ""},
		"missing field": {"short_name = \"a\"\nderived_scalar_type = \"mlp_post_act\"\nuser_visible_name = \"A\"", "required field is missing", "neuron_dataset_path"},
		"unknown type":  {strings.Replace(toml("2", "a"), "mlp_post_act", "mlp_post_akt", 1), "mlp_post_akt", "datasets[0].derived_scalar_type"},
		"emptied":       {"", "had datasets and is empty now", ""},
		"twice":         {toml("2", "a", "a"), "already defined on line 1", "datasets[1]"},
	} {
		t.Run(name, func(t *testing.T) {
			r.write("a.toml", tt.bad)
			err := r.sync()
			require.ErrorIs(t, err, watcher.ErrStale)
			assert.ErrorContains(t, err, "a.toml")
			assert.Equal(t, "a=1 b=1", r.served())
			s := r.w.Status()
			require.Len(t, s.Documents, 2)
			assert.Equal(t, watcher.Stale, s.Documents[0].State)
			found := s.Documents[0].Diagnostics[0]
			assert.Equal(t, "a.toml", found.File)
			assert.Equal(t, tt.field, found.Field)
			assert.Contains(t, r.log.String(), tt.problem)
			assert.Contains(t, r.log.String(), "file=a.toml")

			r.write("b.toml", toml(name, "b")) // the others go on
			r.waitFor("a=1 b=" + name)
			r.write("a.toml", toml("1", "a"))
			r.write("b.toml", toml("1", "b"))
			require.NoError(t, r.sync())
			assert.Equal(t, "a=1 b=1", r.served())
			assert.Equal(t, watcher.OK, r.w.Status().Documents[0].State)
			assert.Empty(t, r.w.Status().Documents[0].Diagnostics)
		})
	}
	r.write("a.toml", "datasets = []")
	require.NoError(t, r.sync())
	assert.Equal(t, "b=1", r.served(), "an explicit empty list is meant")
	assert.Contains(t, r.log.String(), "dataset file is good again")
}

func TestMissingDirectory(t *testing.T) {
	r := newRig(t)
	_, err := watcher.Open(t.Context(), r.dir)
	require.ErrorIs(t, err, os.ErrNotExist)

	r.open(watcher.WithWait())
	assert.False(t, r.w.Status().Ready)
	assert.Error(t, r.w.Status().SourceErr)
	assert.ErrorIs(t, r.sync(), os.ErrNotExist)
	r.write("a.toml", toml("1", "a"))
	r.waitFor("a=1")
	require.NoError(t, r.sync())
	assert.True(t, r.w.Status().Ready)
	assert.NoError(t, r.w.Status().SourceErr)
}

func TestEmptyDirectory(t *testing.T) {
	r := newRig(t)
	require.NoError(t, os.MkdirAll(r.dir, 0o755))
	r.open()
	assert.True(t, r.w.Status().Ready)
	assert.Empty(t, r.served())
}

func TestDirectoryGoesAwayAndComesBack(t *testing.T) {
	r := newRig(t)
	r.write("a.toml", toml("1", "a"))
	r.open()
	for i := range 3 {
		require.NoError(t, os.Rename(r.dir, r.dir+".away"))
		require.ErrorIs(t, r.sync(), os.ErrNotExist)
		assert.NotEmpty(t, r.served(), "what was loaded stays")
		require.NoError(t, os.RemoveAll(r.dir+".away"))
		require.NoError(t, os.Mkdir(r.dir+".next", 0o755))
		next := fmt.Sprint(i + 2)
		require.NoError(t, os.WriteFile(filepath.Join(r.dir+".next", "b.toml"), []byte(toml(next, "b")), 0o644))
		require.NoError(t, os.Rename(r.dir+".next", r.dir))
		r.waitFor("b=" + next)
		r.write("c.toml", toml(next, "c"))
		r.waitFor("b=" + next + " c=" + next)
	}
}

func TestUnreadableIsNotGone(t *testing.T) {
	r := newRig(t)
	r.write("sub/a.toml", toml("1", "a"))
	r.open()
	link := filepath.Join(r.dir, "link.toml")
	r.write("..data/l.toml", toml("1", "l"))
	require.NoError(t, os.Symlink("..data/l.toml", link))
	r.waitFor("l=1 a=1")
	require.NoError(t, os.Remove(filepath.Join(r.dir, "..data", "l.toml")))
	assert.ErrorIs(t, r.sync(), watcher.ErrStale)
	assert.Equal(t, "l=1 a=1", r.served(), "a dangling link that was good once")
	require.NoError(t, os.Remove(link))
	require.NoError(t, r.sync())
	assert.Equal(t, "a=1", r.served())
}

func TestManyFilesAreFewSwaps(t *testing.T) {
	r := newRig(t)
	require.NoError(t, os.MkdirAll(r.dir, 0o755))
	r.open()
	for i := range 300 {
		r.write(fmt.Sprintf("%03d.toml", i), toml("1", fmt.Sprint(i)))
	}
	require.NoError(t, r.sync())
	s := r.w.Registry().Snapshot()
	assert.Equal(t, 300, s.Len())
	assert.LessOrEqual(t, s.Generation(), uint64(3))
}

func TestSameBytesAreNoReload(t *testing.T) {
	r := newRig(t)
	r.write("a.toml", toml("1", "a"))
	r.open()
	before := r.w.Registry().Snapshot()
	r.write("a.toml", toml("1", "a"))
	require.NoError(t, r.sync())
	require.NoError(t, os.Chmod(filepath.Join(r.dir, "a.toml"), 0o600))
	require.NoError(t, r.sync())
	require.NoError(t, r.w.Reload(t.Context()))
	assert.Same(t, before, r.w.Registry().Snapshot())
	assert.Equal(t, uint64(1), r.w.Status().Reloads)
}

func TestTooLargeIsNotReadInPart(t *testing.T) {
	r := newRig(t)
	r.write("a.toml", toml("1", "a"))
	r.open(watcher.WithMaxBytes(200), watcher.WithConfig(config.WithMaxBytes(1<<20)))
	assert.Equal(t, "a=1", r.served())
	r.write("a.toml", toml("2", "a", "b", "c")) // its first 200 bytes hold a dataset, whole
	require.ErrorIs(t, r.sync(), watcher.ErrStale)
	assert.Equal(t, "a=1", r.served())
	assert.Equal(t, config.RuleTooLarge, r.w.Status().Documents[0].Diagnostics[0].Rule)
}

func TestOverridesAreReported(t *testing.T) {
	r := newRig(t)
	r.write("10.toml", toml("1", "a"))
	r.write("50.toml", toml("2", "b", "a"))
	r.open()
	assert.Equal(t, "b=2 a=2", r.served())
	require.NoError(t, r.sync())
	require.Len(t, r.w.Status().Overrides, 1)
	assert.Equal(t, registry.Place{Document: "50.toml", Line: 7}, r.w.Status().Overrides[0].By)
	assert.Contains(t, r.log.String(), "by=50.toml by_line=7")
	require.NoError(t, os.Remove(filepath.Join(r.dir, "50.toml")))
	r.waitFor("a=1")
	require.NoError(t, r.sync())
	assert.Empty(t, r.w.Status().Overrides)
}

// A fakeSource is a Source whose looks the test prepares.
type fakeSource struct {
	notice chan struct{}
	mu     sync.Mutex // guards the rest
	next   []watcher.Batch
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

func (s *fakeSource) Poll(_ context.Context, depth watcher.Depth) (watcher.Batch, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if depth == watcher.Afresh {
		s.fulls++
	}
	if s.err != nil || len(s.next) == 0 {
		return watcher.Batch{}, s.err
	}
	b := s.next[0]
	s.next = s.next[1:]
	return b, nil
}

func (s *fakeSource) Close() error { s.closed = true; return nil }

func (s *fakeSource) prepare(err error, batches ...watcher.Batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err, s.next = err, batches
}

func changed(name, content string) watcher.Batch {
	return watcher.Batch{Changed: []watcher.Document{{Name: name, Data: []byte(content)}}}
}

func TestSyncWaitsForWhatWasPending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &fakeSource{notice: make(chan struct{})}
		src.prepare(nil, changed("a.toml", toml("1", "a")))
		ctx, cancel := context.WithCancel(t.Context())
		quiet := watcher.WithLogger(slog.New(slog.DiscardHandler))
		w, err := watcher.OpenSource(ctx, src, quiet)
		require.NoError(t, err)

		src.prepare(nil, watcher.Batch{Pending: []string{"a.toml"}}, watcher.Batch{Pending: []string{"b.toml"}, Changed: changed("a.toml", toml("2", "a")).Changed})
		synced := make(chan error, 1)
		go func() { synced <- w.Sync(t.Context()) }()
		synctest.Wait()
		assert.Empty(t, synced, "a.toml was pending")
		assert.Equal(t, watcher.Busy, w.Status().Documents[0].State)
		src.notice <- struct{}{}
		require.NoError(t, <-synced, "b.toml became pending later")
		d, _ := w.Registry().Snapshot().Lookup("a", registry.MLPPostAct)
		assert.Equal(t, "2", d.NeuronDatasetPath())

		lost := errors.New("lost")
		src.prepare(lost)
		require.ErrorIs(t, w.Sync(t.Context()), lost)
		require.ErrorIs(t, w.Status().SourceErr, lost)
		assert.Equal(t, 1, w.Registry().Snapshot().Len())
		src.prepare(nil, changed("b.toml", "x"))
		stale, ok := errors.AsType[*watcher.StaleError](w.Reload(t.Context()))
		require.True(t, ok)
		assert.Equal(t, "b.toml", stale.Documents[0].Name)
		assert.Equal(t, config.RuleSyntax, stale.Documents[0].Diagnostics[0].Rule)
		assert.Equal(t, 1, src.fulls)
		src.prepare(nil, watcher.Batch{Removed: []string{"b.toml"}})
		require.NoError(t, w.Sync(t.Context()), "a bad document that is gone is no fault any more")

		// A caller that leaves does not hold up the next one.
		src.prepare(nil, watcher.Batch{Pending: []string{"a.toml"}})
		gone, leave := context.WithTimeout(t.Context(), time.Second)
		require.ErrorIs(t, w.Sync(gone), context.DeadlineExceeded)
		leave()
		require.NoError(t, w.Sync(t.Context()))

		cancel()
		<-w.Done()
		assert.True(t, src.closed)
		assert.ErrorIs(t, w.Sync(t.Context()), watcher.ErrClosed)
		assert.Equal(t, 1, w.Registry().Snapshot().Len(), "the registry stays as it is")
	})
}

func TestOpenFails(t *testing.T) {
	src := &fakeSource{err: errors.New("no such thing")}
	_, err := watcher.OpenSource(t.Context(), src)
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
		w, err := watcher.OpenSource(ctx, src, watcher.WithLogger(slog.New(slog.DiscardHandler)))
		require.NoError(t, err)
		reload := func(i int) {
			name := fmt.Sprintf("%d.toml", i%7)
			b := changed(name, toml(fmt.Sprint(i), "a", fmt.Sprint(name, i%3)))
			switch i % 11 {
			case 5:
				b = changed(name, "not good")
			case 8:
				b = watcher.Batch{Removed: []string{name}}
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
