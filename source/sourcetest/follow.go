package sourcetest

import (
	"bytes"
	"context"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
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
	Store
	documents map[string]document // what is to be served
	bad       []string            // the documents that are bad, by name

	w      *watcher.Watcher
	cancel context.CancelFunc
	log    syncBuffer
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

func (r *rig) open(opts ...watcher.Option) {
	r.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	log := watcher.WithLogger(slog.New(slog.NewTextHandler(&r.log, nil)))
	w, err := watcher.Follow(ctx, r.Open(), append(opts, log)...)
	r.w, r.cancel = w, cancel
	if err != nil {
		cancel()
		require.NoError(r, err, "Follow")
	}
	r.Cleanup(func() {
		r.close()
		if r.Failed() {
			r.Logf("the log of the watcher:\n%s", &r.log)
		}
	})
}

func (r *rig) close() {
	r.Helper()
	r.cancel()
	select {
	case <-r.w.Done():
	case <-time.After(2 * r.within()):
		r.Error("the watcher has not ended, long after its context has")
	}
}

func (r *rig) within() time.Duration {
	if r.Within == 0 {
		return 10 * time.Second
	}
	return r.Within
}

func (r *rig) put(name string, version int) {
	r.Helper()
	doc := document{version, 1 + version%3}
	r.documents[name] = doc
	r.isBad(name, false)
	require.NoError(r, r.Put(name, doc.content(name)))
}

// putBad puts a document that is not to be served.
func (r *rig) putBad(name, content string) {
	r.Helper()
	r.isBad(name, true)
	require.NoError(r, r.Put(name, content))
}

func (r *rig) remove(name string) {
	r.Helper()
	delete(r.documents, name)
	r.isBad(name, false)
	require.NoError(r, r.Remove(name))
}

func (r *rig) isBad(name string, bad bool) {
	r.bad = slices.DeleteFunc(r.bad, func(other string) bool { return other == name })
	if bad {
		r.bad = append(r.bad, name)
		slices.Sort(r.bad)
	}
}

func (r *rig) served() string { return served(r.w.Snapshot()) }

func served(s *registry.Snapshot) string {
	var list []string
	for d := range s.All() {
		list = append(list, d.ShortName()+"="+d.NeuronDatasetPath())
	}
	return strings.Join(list, " ")
}

func (r *rig) sync() error {
	ctx, cancel := context.WithTimeout(context.Background(), r.within())
	defer cancel()
	return r.w.Sync(ctx)
}

// synced calls Sync and makes sure that what is served is as the store has it, and that
// the documents that are not are named.
func (r *rig) synced() {
	r.Helper()
	err := r.sync()
	require.Equal(r, state(r.documents), r.served(), "what is served when Sync returns, with the error: %v", err)
	if len(r.bad) == 0 {
		require.NoError(r, err, "Sync")
		return
	}
	var stale *watcher.StaleError
	require.ErrorAs(r, err, &stale, "Sync is to name %v", r.bad)
	var named []string
	for _, d := range stale.Documents {
		named = append(named, d.Name)
		require.Equal(r, watcher.StateStale, d.State, "%s", d.Name)
		require.Error(r, d.Diagnostics.Err(), "what is wrong with %s", d.Name)
	}
	require.Equal(r, r.bad, named, "the documents that Sync names")
}

// noticed waits until what is served is as the store has it, without Sync.
func (r *rig) noticed() {
	r.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), r.within())
	defer cancel()
	for u := range r.w.Updates(ctx) {
		if served(u.After) == state(r.documents) {
			return
		}
	}
	require.Equal(r, state(r.documents), r.served(), "a change was not noticed")
}

// testFollows: what the store has is served in order, once Open or Sync returns, and in
// time without.
func testFollows(r *rig) {
	all := r.names()
	r.put(all[1], 1)
	r.put(all[2], 1)
	r.open()
	require.Equal(r, state(r.documents), r.served(), "what is served when Follow returns")
	require.True(r, r.w.Status().Ready)
	r.put(all[3], 1)
	r.synced()
	r.put(all[0], 1)
	r.put(all[2], 2)
	r.synced()
	r.remove(all[1])
	r.synced()
	r.put(all[1], 3)
	r.noticed()
	r.put(all[3], 3)
	r.noticed()
	r.remove(all[0])
	r.remove(all[2])
	r.noticed()
	r.close()
	require.ErrorIs(r, r.sync(), watcher.ErrClosed)
	require.Equal(r, state(r.documents), r.served(), "the registry stays as it is")
}

// testBadDocument: a document that is bad, or turns empty, keeps what it held, and holds
// up no other.
func testBadDocument(r *rig) {
	r.put("a.toml", 1)
	r.put("b.json", 1)
	r.open()
	for version, bad := range []string{"[[datasets", "", "[[datasets]]\nshort_name = \"a\"\n"} {
		r.putBad("a.toml", bad)
		r.synced()
		r.put("b.json", version)
		r.synced()
		r.put("a.toml", version)
		r.synced()
	}
	r.putBad("c.jsonc", "[}") // it never was good
	r.synced()
	r.putBad("a.toml", "= 1")
	r.synced()
	r.remove("a.toml")
	r.synced()
	r.remove("c.jsonc")
	r.synced()
	require.Len(r, r.w.Status().Documents, 1)
}

// testSameBytes: a document that is put again as it was is no change.
func testSameBytes(r *rig) {
	r.put("a.toml", 1)
	r.put("b.json", 1)
	r.open()
	before := r.w.Snapshot()
	r.put("a.toml", 1)
	r.synced()
	r.remove("b.json")
	r.put("b.json", 1)
	r.synced()
	ctx, cancel := context.WithTimeout(context.Background(), r.within())
	defer cancel()
	require.NoError(r, r.w.Reload(ctx))
	require.Equal(r, served(before), r.served())
	after := r.w.Snapshot()
	require.LessOrEqual(r, after.Generation(), before.Generation()+2, "only what was removed and put again may have been seen")
	r.put("a.toml", 1)
	r.synced()
	require.NoError(r, r.w.Reload(ctx))
	require.Same(r, after, r.w.Snapshot())
}

// testLost: what was loaded stays in service while the store is out of reach.
func testLost(r *rig) {
	if r.SetReachable == nil {
		r.Skip("Store.SetReachable is nil")
	}
	all := r.names()
	for _, name := range all {
		r.put(name, 1)
	}
	r.open()
	for version := range 2 {
		require.NoError(r, r.SetReachable(false))
		before := r.w.Snapshot()
		err := r.sync()
		require.Error(r, err, "Sync while the store is out of reach")
		require.NotErrorIs(r, err, context.DeadlineExceeded, "a store that is out of reach is an error in time")
		require.Same(r, before, r.w.Snapshot(), "what was loaded stays in service")
		require.ErrorIs(r, r.w.CheckHealth(), watcher.ErrSource)
		require.True(r, r.w.Status().Ready)
		if version > 0 {
			r.remove(all[0])
		}
		r.put(all[1], 2+version)
		require.NoError(r, r.SetReachable(true))
		r.noticed()
		r.synced()
		require.NoError(r, r.w.CheckHealth())
	}
}

// testLostAtFirst: with WithWait a store may come into reach later.
func testLostAtFirst(r *rig) {
	if r.SetReachable == nil {
		r.Skip("Store.SetReachable is nil")
	}
	r.put("a.toml", 1)
	require.NoError(r, r.SetReachable(false))
	_, err := watcher.Follow(r.Context(), r.Open())
	require.Error(r, err, "Follow without WithWait")
	r.open(watcher.WithWait())
	require.False(r, r.w.Status().Ready)
	require.ErrorIs(r, r.w.CheckHealth(), watcher.ErrSource)
	require.NoError(r, r.SetReachable(true))
	r.noticed()
	r.synced()
	require.True(r, r.w.Status().Ready)
	require.NoError(r, r.w.CheckHealth())
}

// A reader ranges over updates, and remembers what it saw.
type reader struct {
	cancel context.CancelFunc
	done   chan struct{}
	saw    []registry.Update
}

func (r *rig) read() *reader {
	ctx, cancel := context.WithCancel(context.Background())
	reader := &reader{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(reader.done)
		for u := range r.w.Updates(ctx) {
			reader.saw = append(reader.saw, u)
		}
	}()
	r.Cleanup(cancel)
	return reader
}

// end waits for the reader and returns the updates that it saw: without a gap, up to the
// last.
func (r *reader) end(t *testing.T, last *registry.Snapshot) []registry.Update {
	t.Helper()
	r.cancel()
	<-r.done
	require.NotEmpty(t, r.saw)
	for i, u := range r.saw[1:] {
		require.Same(t, r.saw[i].After, u.Before, "an update begins where the last one ended")
		require.Greater(t, u.After.Generation(), u.Before.Generation())
	}
	return append(r.saw, registry.Update{Before: r.saw[len(r.saw)-1].After, After: last})
}

// random returns what a random test draws from. SOURCETEST_SEED has it draw the same
// again.
func (r *rig) random() *rand.Rand {
	r.Helper()
	seed := rand.Uint64()
	if s := os.Getenv("SOURCETEST_SEED"); s != "" {
		var err error
		seed, err = strconv.ParseUint(s, 10, 64)
		require.NoError(r, err, "SOURCETEST_SEED")
	}
	r.Logf("to do the same again: SOURCETEST_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// testRandom makes one change after the other, or several at once where that can be done,
// each with a Sync behind it. Readers see only states that the store had, in that order,
// and each change is one generation.
func testRandom(r *rig) {
	draw := r.random()
	names := append(r.names(), "e.toml")
	r.open()
	reader := r.read()
	had := []string{""}
	states := func(next string) int {
		if had[len(had)-1] != next {
			had = append(had, next)
		}
		return len(had) - 1
	}
	for version := range 30 {
		name := names[draw.IntN(len(names))]
		_, there := r.documents[name]
		wasBad := slices.Contains(r.bad, name)
		switch kind := draw.IntN(10); {
		case kind < 2 && (there || wasBad):
			r.remove(name)
		case kind < 3 && there && !wasBad:
			r.put(name, r.documents[name].version) // the same bytes
		case kind < 5:
			r.putBad(name, strings.Repeat("{", 1+version))
		case kind < 7 && r.Apply != nil:
			r.applyRandom(draw, names, version)
		default:
			r.put(name, version)
		}
		generations := states(state(r.documents))
		r.synced()
		require.Equal(r, uint64(generations), r.w.Snapshot().Generation(), "one generation for each change")
	}
	at := 0
	for _, u := range reader.end(r.T, r.w.Snapshot()) {
		next := slices.Index(had[at:], served(u.After))
		require.GreaterOrEqual(r, next, 0, "a reader saw a state that the store never had, or had before:\n%s", served(u.After))
		at += next
	}
}

// applyRandom puts and removes several documents at once.
func (r *rig) applyRandom(draw *rand.Rand, names []string, version int) {
	r.Helper()
	put := make(map[string]string)
	var remove []string
	for _, name := range names {
		_, there := r.documents[name]
		switch draw.IntN(3) {
		case 0:
			r.documents[name] = document{version, 1 + draw.IntN(3)}
			put[name] = r.documents[name].content(name)
			r.isBad(name, false)
		case 1:
			if there || slices.Contains(r.bad, name) {
				remove = append(remove, name)
				delete(r.documents, name)
				r.isBad(name, false)
			}
		}
	}
	require.NoError(r, r.Apply(put, remove))
}

// testBursts makes many changes without a pause, each document going through versions that
// only grow, and leaves it to the source which of them it sees: never an older one after a
// newer one, never a part of one, and always the last.
func testBursts(r *rig) {
	draw := r.random()
	all := r.names()
	put := make(map[string]map[string]bool) // what a document was, as it is served
	change := func(version int) {
		name := all[draw.IntN(len(all))]
		if _, there := r.documents[name]; there && draw.IntN(5) == 0 {
			r.remove(name)
			return
		}
		r.put(name, version)
		if put[name] == nil {
			put[name] = make(map[string]bool)
		}
		put[name][state(map[string]document{name: r.documents[name]})] = true
	}
	r.open()
	reader := r.read()
	version := 0
	for burst := range 6 {
		for range draw.IntN(20) {
			version++
			change(version)
		}
		if burst%2 == 0 {
			r.synced()
		} else {
			r.noticed()
		}
	}
	r.synced()
	last := make(map[string]int)
	for _, u := range reader.end(r.T, r.w.Snapshot()) {
		for name, held := range byDocument(u.After) {
			require.True(r, put[name][strings.Join(held, " ")], "%s was never so: %v", name, held)
			_, path, _ := strings.Cut(held[0], "=")
			version, err := strconv.Atoi(path)
			require.NoError(r, err)
			require.GreaterOrEqual(r, version, last[name], "%s went back", name)
			last[name] = version
		}
	}
}

// byDocument returns what a snapshot lists of each document.
func byDocument(s *registry.Snapshot) map[string][]string {
	held := make(map[string][]string)
	for d := range s.All() {
		held[d.Document()] = append(held[d.Document()], d.ShortName()+"="+d.NeuronDatasetPath())
	}
	return held
}
