package httpstore_test

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/release"
	"github.com/neurondex/neurondex/release/httpstore"
	"github.com/neurondex/neurondex/release/storetest"
	"github.com/neurondex/neurondex/server"
	"github.com/neurondex/neurondex/source"
	"github.com/neurondex/neurondex/source/sourcetest"
	"github.com/neurondex/neurondex/watcher"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
)

// within is how long anything may take.
const within = 30 * time.Second

// A publisher publishes a release for each change of its documents.
type publisher struct {
	store     *storetest.Memory
	documents map[string]string
	signer    note.Signer // or nil
}

func newPublisher(t *testing.T) *publisher {
	t.Helper()
	p := &publisher{store: new(storetest.Memory), documents: make(map[string]string)}
	require.NoError(t, p.apply(nil, nil))
	return p
}

func (p *publisher) apply(put map[string]string, remove []string) error {
	ctx := context.Background()
	maps.Copy(p.documents, put)
	var list []source.Document
	for _, name := range remove {
		delete(p.documents, name)
	}
	for name, content := range p.documents {
		list = append(list, source.Document{Name: name, Data: []byte(content)})
	}
	c, err := release.NewCatalog(list)
	if err != nil {
		return err
	}
	repo := &release.Repository{Store: p.store}
	head, err := repo.Head(ctx)
	if err == nil {
		_, err = repo.Push(ctx, c, head, release.PushOptions{By: "test", Signer: p.signer})
	}
	return err
}

// set publishes a dataset with a path.
func (p *publisher) set(t *testing.T, path string) {
	t.Helper()
	text := fmt.Sprintf(`{"shortName":"a","derivedScalarType":"mlp_post_act","userVisibleName":"A","neuronDatasetPath":%q}`, path)
	require.NoError(t, p.apply(map[string]string{"a.json": text}, nil))
}

// A node is a server that follows a store and passes its releases on. It listens from the
// beginning, and keeps its address and its cache when it is started again.
type node struct {
	*testing.T
	url      string
	cache    release.Store
	keys     note.Verifiers
	interval time.Duration // of reading the store
	handler  atomic.Pointer[http.Handler]

	epoch string
	store release.Store
	api   *server.Handler
	w     *watcher.Watcher
}

func newNode(t *testing.T) *node {
	t.Helper()
	n := &node{T: t, cache: new(storetest.Memory), interval: httpstore.DefaultInterval}
	n.away()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*n.handler.Load()).ServeHTTP(w, r) }))
	n.url = s.URL
	t.Cleanup(s.Close)
	return n
}

// away makes the server unavailable.
func (n *node) away() {
	var h http.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	n.handler.Store(&h)
}

// start follows a store, or the server of a URL, until the test ends or the node is stopped.
func (n *node) start(store release.Store, url string) *node {
	n.Helper()
	n.epoch = server.NewEpoch()
	o := server.Options{Epoch: n.epoch, Relay: new(release.Relay)}
	n.store = store
	if store == nil {
		s, err := httpstore.New(url, httpstore.Options{Epoch: n.epoch})
		require.NoError(n, err)
		n.store, o.Chain = s, s.Chain
	}
	repo := &release.Repository{Store: n.store, Cache: n.cache, Keys: n.keys}
	var err error
	n.w, err = watcher.Follow(n.Context(), repo.Source(release.SourceOptions{Interval: n.interval, Relay: o.Relay}), watcher.WithLogger(nil), watcher.WithWait())
	require.NoError(n, err)
	o.Status, o.CheckHealth = n.w.Status, n.w.CheckHealth
	n.api = server.New(n.w, o)
	var h http.Handler = n.api
	n.handler.Store(&h)
	n.Cleanup(n.stop)
	return n
}

func (n *node) stop() {
	if n.w == nil {
		return
	}
	n.away()
	n.api.Drain()
	assert.NoError(n, n.w.Close())
	assert.NoError(n, n.store.Close())
	n.w = nil
}

// path returns the path of the dataset that the node serves.
func (n *node) path() string {
	d, ok := n.w.Snapshot().Lookup("a", "mlp_post_act")
	if !ok {
		return ""
	}
	return d.NeuronDatasetPath()
}

// waitFor waits until the node serves a path.
func (n *node) waitFor(path string) {
	n.Helper()
	ctx, cancel := context.WithTimeout(n.Context(), within)
	defer cancel()
	for range n.w.Updates(ctx) {
		if n.path() == path {
			return
		}
	}
	require.FailNow(n, "dataset never had the path "+path, n.path())
}

// sync reads the store now.
func (n *node) sync() error {
	ctx, cancel := context.WithTimeout(n.Context(), within)
	defer cancel()
	return n.w.Sync(ctx)
}

// TestSource runs the conformance suite of sources across a relay.
func TestSource(t *testing.T) {
	sourcetest.Run(t, func(t *testing.T) sourcetest.Store {
		p := newPublisher(t)
		relay, reachable := new(release.Relay), new(atomic.Bool)
		first := (&release.Repository{Store: p.store, Cache: new(storetest.Memory)}).Source(release.SourceOptions{Relay: relay})
		api := server.New(registry.New(), server.Options{Relay: relay})
		t.Cleanup(api.Drain)
		url := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if !reachable.Load() {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			api.ServeHTTP(w, r)
		})
		reachable.Store(true)
		apply := func(put map[string]string, remove []string) error {
			if err := p.apply(put, remove); err != nil {
				return err
			}
			_, err := first.Poll(context.Background(), source.PollAll)
			return err
		}
		require.NoError(t, apply(nil, nil))
		return sourcetest.Store{
			Open: func() source.Source {
				s, err := httpstore.New(url, httpstore.Options{})
				require.NoError(t, err)
				repo := &release.Repository{Store: s}
				return closing{repo.Source(release.SourceOptions{Interval: 50 * time.Millisecond}), s}
			},
			Put:          func(name, content string) error { return apply(map[string]string{name: content}, nil) },
			Remove:       func(name string) error { return apply(nil, []string{name}) },
			Apply:        apply,
			SetReachable: func(is bool) error { reachable.Store(is); return nil },
			Valid:        true,
		}
	})
}

// A closing source closes its store.
type closing struct {
	source.Source
	store release.Store
}

func (c closing) Close() error {
	if err := c.Source.Close(); err != nil {
		return err
	}
	return c.store.Close()
}

// TestChainOfServers checks that a release gets through a chain by long polls alone, that its
// end survives the loss of each part, and that everybody knows the way.
func TestChainOfServers(t *testing.T) {
	p := newPublisher(t)
	p.set(t, "1")
	a := newNode(t).start(p.store, "")
	b := newNode(t).start(nil, a.url)
	c := newNode(t).start(nil, b.url)
	c.waitFor("1")
	begin := time.Now()
	p.set(t, "2")
	c.waitFor("2")
	assert.Less(t, time.Since(begin), httpstore.DefaultInterval/2, "the timers are not needed")
	require.NoError(t, c.sync())
	status := ask(t, c.url+"/v1/status")
	assert.Contains(t, status, `"chain":["`+a.epoch+`","`+b.epoch+`"]`)
	assert.Contains(t, status, `"release":{"number":3,`)

	// A relay is away, and comes back with another epoch.
	b.stop()
	require.ErrorContains(t, c.sync(), b.url+": 502 Bad Gateway")
	assert.Equal(t, "2", c.path(), "the last release stays")
	assert.True(t, c.w.Status().Ready)
	p.set(t, "3")
	b.start(nil, a.url)
	b.waitFor("3")
	require.NoError(t, c.sync())
	assert.Equal(t, "3", c.path())

	// The server of the store is away: the relay passes on what it has, even after a restart.
	a.stop()
	require.Error(t, b.sync())
	fresh := newNode(t).start(nil, b.url)
	assert.Equal(t, "3", fresh.path())
	b.stop()
	b.start(nil, a.url)
	assert.True(t, b.w.Status().Source.Release.Cached)
	fresh = newNode(t).start(nil, b.url)
	assert.Equal(t, "3", fresh.path())
	require.NoError(t, c.sync())

	// A follower of an empty cache waits for a relay that has nothing yet.
	a.cache = new(storetest.Memory)
	p.store.SetReachable(false)
	a.start(p.store, "")
	late := newNode(t).start(nil, a.url)
	require.ErrorIs(t, late.w.CheckHealth(), watcher.ErrNotReady)
	require.ErrorIs(t, late.sync(), release.ErrNoRelease)
	p.store.SetReachable(true)
	require.NoError(t, a.sync())
	late.waitFor("3")
}

// ask returns the body of a response.
func ask(t *testing.T, url string) string {
	t.Helper()
	w := new(strings.Builder)
	resp, err := http.Get(url)
	require.NoError(t, err)
	require.NoError(t, resp.Write(w))
	return w.String()
}

// TestLoops checks that each server in a loop finds it, that none outside does, and that it ends
// when one of them follows a store again.
func TestLoops(t *testing.T) {
	for size := 1; size <= 3; size++ {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			p := newPublisher(t)
			p.set(t, "1")
			ring := make([]*node, size)
			for i := range ring {
				ring[i] = newNode(t)
			}
			ring[0].start(p.store, "")
			for i := 1; i < size; i++ {
				ring[i].start(nil, ring[i-1].url)
			}
			outside := newNode(t).start(nil, ring[size-1].url)
			outside.waitFor("1")

			ring[0].stop()
			ring[0].start(nil, ring[size-1].url)
			for range 3 { // until the news got around, and no chain grows
				for _, n := range ring {
					_ = n.sync()
				}
			}
			for _, n := range ring {
				err := n.sync()
				require.ErrorIs(t, err, httpstore.ErrLoop)
				require.Equal(t, size, strings.Count(err.Error(), " -> "), err.Error())
				assert.True(t, strings.HasSuffix(err.Error(), n.epoch), err.Error())
				status := ask(t, n.url+"/v1/status")
				assert.Contains(t, status, `"sourceError":`)
				assert.Contains(t, status, "servers follow each other in a loop")
				assert.Equal(t, "1", n.path())
			}
			require.NoError(t, outside.sync())
			assert.Equal(t, "1", outside.path())

			ring[0].stop()
			ring[0].start(p.store, "")
			p.set(t, "2")
			for _, n := range ring {
				require.NoError(t, n.sync())
				assert.Equal(t, "2", n.path())
			}
			require.NoError(t, outside.sync())
			assert.Equal(t, "2", outside.path())
		})
	}
}

// TestLongChain checks that a chain ends at its longest length, and that what is beyond it
// says why.
func TestLongChain(t *testing.T) {
	p := newPublisher(t)
	p.set(t, "1")
	n := newNode(t).start(p.store, "")
	for range httpstore.MaxChain - 1 {
		n = newNode(t).start(nil, n.url)
	}
	last := newNode(t).start(nil, n.url)
	require.NoError(t, last.sync())
	assert.Equal(t, "1", last.path())
	for range 2 {
		last = newNode(t).start(nil, last.url)
		require.ErrorIs(t, last.sync(), httpstore.ErrChain)
	}
}

var followers = flag.Int("followers", 200, "number of followers of TestManyFollowers, each with a few connections")

// TestManyFollowers checks that many followers of a relay cost its store nothing, and that
// all of them get a release by long polls.
func TestManyFollowers(t *testing.T) {
	p := newPublisher(t)
	p.set(t, "1")
	relay := newNode(t).start(p.store, "")
	all := make([]*node, *followers)
	var started sync.WaitGroup
	for i := range all {
		all[i] = newNode(t)
		all[i].cache = nil
	}
	for _, n := range all {
		started.Go(func() { n.start(nil, relay.url) })
	}
	started.Wait()
	for _, n := range all {
		n.waitFor("1")
	}
	p.set(t, "2")
	p.store.Requests()
	begin := time.Now()
	p.set(t, "3")
	for _, n := range all {
		n.waitFor("3")
	}
	assert.Less(t, time.Since(begin), httpstore.DefaultInterval/2, "the timers are not needed")
	requests := p.store.Requests()
	t.Logf("%d followers in %v; requests to the store, those of the push included: %+v", *followers, time.Since(begin), requests)
	assert.Less(t, requests.Gets, 20)
	assert.Less(t, requests.Lists, 20)
}
