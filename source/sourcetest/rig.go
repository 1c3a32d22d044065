package sourcetest

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/watcher"
	"github.com/stretchr/testify/require"
)

// A rig is a store and a watcher that follows it.
type rig struct {
	*testing.T
	store     Store
	documents map[string]document // what must be served
	invalid   []string            // names of documents that are invalid, sorted

	watcher *watcher.Watcher
	cancel  context.CancelFunc
	log     logBuffer
}

func newRig(t *testing.T, store Store) *rig {
	return &rig{T: t, store: store, documents: make(map[string]document)}
}

// A logBuffer is a bytes.Buffer for concurrent use.
type logBuffer struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func (r *rig) open(opts ...watcher.Option) {
	r.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	log := watcher.WithLogger(slog.New(slog.NewTextHandler(&r.log, nil)))
	w, err := watcher.Follow(ctx, r.store.Open(), append(opts, log)...)
	r.watcher, r.cancel = w, cancel
	if err != nil {
		cancel()
		require.NoError(r, err, "Follow")
	}
	r.Cleanup(func() {
		r.close()
		if r.Failed() {
			r.Logf("log of the watcher:\n%s", &r.log)
		}
	})
}

func (r *rig) close() {
	r.Helper()
	r.cancel()
	select {
	case <-r.watcher.Done():
	case <-time.After(2 * r.store.within()):
		r.Error("watcher did not end after its context ended")
	}
}

// timeout returns a context that ends after Within.
func (r *rig) timeout() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), r.store.within())
}

func (r *rig) put(name string, version int) {
	r.Helper()
	doc := newDocument(version)
	r.documents[name] = doc
	r.setInvalid(name, false)
	require.NoError(r, r.store.Put(name, doc.content(name)))
}

// putInvalid puts content that must not be served.
func (r *rig) putInvalid(name, content string) {
	r.Helper()
	r.setInvalid(name, true)
	require.NoError(r, r.store.Put(name, content))
}

func (r *rig) remove(name string) {
	r.Helper()
	delete(r.documents, name)
	r.setInvalid(name, false)
	require.NoError(r, r.store.Remove(name))
}

func (r *rig) setInvalid(name string, invalid bool) {
	r.invalid = slices.DeleteFunc(r.invalid, func(other string) bool { return other == name })
	if invalid {
		r.invalid = append(r.invalid, name)
		slices.Sort(r.invalid)
	}
}

func (r *rig) setReachable(reachable bool) {
	r.Helper()
	require.NoError(r, r.store.SetReachable(reachable))
}

// served returns what the watcher serves, in the form of state.
func (r *rig) served() string { return served(r.watcher.Snapshot()) }

func served(s *registry.Snapshot) string {
	var list []string
	for d := range s.All() {
		list = append(list, d.ShortName()+"="+d.NeuronDatasetPath())
	}
	return strings.Join(list, " ")
}

// callSync calls Sync and returns its error.
func (r *rig) callSync() error {
	ctx, cancel := r.timeout()
	defer cancel()
	return r.watcher.Sync(ctx)
}

// sync calls Sync, and checks that the watcher serves what the store holds and that the
// error names the invalid documents.
func (r *rig) sync() {
	r.Helper()
	err := r.callSync()
	require.Equal(r, state(r.documents), r.served(), "datasets served after Sync returned: %v", err)
	if len(r.invalid) == 0 {
		require.NoError(r, err, "Sync")
		return
	}
	var stale *watcher.StaleError
	require.ErrorAs(r, err, &stale, "Sync must name %v", r.invalid)
	var named []string
	for _, d := range stale.Documents {
		named = append(named, d.Name)
		state := watcher.StateInvalid
		if _, ok := r.documents[d.Name]; ok {
			state = watcher.StateStale
		}
		require.Equal(r, state, d.State, "%s", d.Name)
		require.Error(r, d.Diagnostics.Err(), "diagnostics of %s", d.Name)
	}
	require.Equal(r, r.invalid, named, "documents named by Sync")
}

// follow waits until the watcher serves what the store holds, without Sync.
func (r *rig) follow() {
	r.Helper()
	ctx, cancel := r.timeout()
	defer cancel()
	for u := range r.watcher.Updates(ctx) {
		if served(u.After) == state(r.documents) {
			return
		}
	}
	require.Equal(r, state(r.documents), r.served(), "change was not served in time")
}

// A subscriber records updates.
type subscriber struct {
	cancel  context.CancelFunc
	done    chan struct{}
	updates []registry.Update
}

func (r *rig) subscribe() *subscriber {
	ctx, cancel := context.WithCancel(context.Background())
	s := &subscriber{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		for u := range r.watcher.Updates(ctx) {
			s.updates = append(s.updates, u)
		}
	}()
	r.Cleanup(cancel)
	return s
}

// end ends the subscriber and returns its updates, up to the last state. It checks that
// there is no gap between them.
func (s *subscriber) end(t *testing.T, last *registry.Snapshot) []registry.Update {
	t.Helper()
	s.cancel()
	<-s.done
	require.NotEmpty(t, s.updates)
	for i, u := range s.updates[1:] {
		require.Same(t, s.updates[i].After, u.Before, "gap between updates")
		require.Greater(t, u.After.Generation(), u.Before.Generation())
	}
	return append(s.updates, registry.Update{Before: s.updates[len(s.updates)-1].After, After: last})
}
