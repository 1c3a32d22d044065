package release_test

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/neurondex/neurondex/release"
	"github.com/neurondex/neurondex/release/dirstore"
	"github.com/neurondex/neurondex/release/storetest"
	"github.com/neurondex/neurondex/source"
	"github.com/neurondex/neurondex/source/sourcetest"
	"github.com/neurondex/neurondex/watcher"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
)

// A publisher publishes a release for each change of its documents.
type publisher struct {
	ctx       context.Context
	repo      *release.Repository
	documents map[string]string
}

func newPublisher(t *testing.T, store release.Store) *publisher {
	t.Helper()
	p := &publisher{context.Background(), &release.Repository{Store: store}, make(map[string]string)}
	require.NoError(t, p.push())
	return p
}

func catalogOf(documents map[string]string) (*release.Catalog, error) {
	var list []source.Document
	for name, content := range documents {
		list = append(list, source.Document{Name: name, Data: []byte(content)})
	}
	return release.NewCatalog(list)
}

func (p *publisher) push() error {
	c, err := catalogOf(p.documents)
	if err != nil {
		return err
	}
	head, err := p.repo.Head(p.ctx)
	if err != nil {
		return err
	}
	_, err = p.repo.Push(p.ctx, c, head, release.PushOptions{By: "test"})
	return err
}

func (p *publisher) apply(put map[string]string, remove []string) error {
	maps.Copy(p.documents, put)
	for _, name := range remove {
		delete(p.documents, name)
	}
	return p.push()
}

// TestSource runs the conformance suite of sources, with and without a cache.
func TestSource(t *testing.T) {
	for name, newCache := range map[string]func(t *testing.T) release.Store{
		"plain":  func(*testing.T) release.Store { return nil },
		"cached": func(*testing.T) release.Store { return new(storetest.Memory) },
		"dir":    func(t *testing.T) release.Store { return dirstore.New(t.TempDir()) },
	} {
		t.Run(name, func(t *testing.T) {
			sourcetest.Run(t, func(t *testing.T) sourcetest.Store {
				store, reader := new(storetest.Memory), new(reachable)
				p, cache := newPublisher(t, store), newCache(t)
				reader.Store = store
				s := sourcetest.Store{
					Open: func() source.Source {
						repo := &release.Repository{Store: reader, Cache: cache}
						return repo.Source(release.SourceOptions{Interval: 50 * time.Millisecond})
					},
					Put:          func(name, content string) error { return p.apply(map[string]string{name: content}, nil) },
					Remove:       func(name string) error { return p.apply(nil, []string{name}) },
					Apply:        p.apply,
					SetReachable: reader.set,
					Valid:        true,
				}
				return s
			})
		})
	}
}

// A rig is a store with a publisher, and a source that follows it.
type rig struct {
	*testing.T
	*publisher
	store *storetest.Memory
}

func newRig(t *testing.T) *rig {
	store := new(storetest.Memory)
	return &rig{t, newPublisher(t, store), store}
}

func toml(name, path string) string {
	return "short_name = \"" + name + "\"\nderived_scalar_type = \"mlp_post_act\"\nuser_visible_name = \"N\"\nneuron_dataset_path = \"" + path + "\"\n"
}

func (r *rig) put(name, path string) {
	r.Helper()
	require.NoError(r, r.apply(map[string]string{name + ".toml": toml(name, path)}, nil))
}

// names returns the names of the documents of a batch.
func names(b source.Batch) []string {
	list := []string{}
	for _, d := range b.Changed {
		list = append(list, d.Name)
	}
	slices.Sort(list)
	return list
}

// TestSourceDeliversDifferences checks what a batch holds, and what is read for it.
func TestSourceDeliversDifferences(t *testing.T) {
	r := newRig(t)
	r.put("a", "1")
	r.put("b", "1")
	s := r.repo.Source(release.SourceOptions{})
	b, err := s.Poll(t.Context(), source.PollAll)
	require.NoError(t, err)
	assert.Equal(t, []string{"a.toml", "b.toml"}, names(b))
	assert.Equal(t, 3, b.Health.Release.Number)
	r.put("c", "1")
	require.NoError(t, r.apply(nil, []string{"a.toml"}))
	r.put("b", "2")
	r.store.Requests()
	b, err = s.Poll(t.Context(), source.PollAll)
	require.NoError(t, err)
	assert.Equal(t, []string{"b.toml", "c.toml"}, names(b), "several releases at once")
	assert.Equal(t, []string{"a.toml"}, b.Removed)
	assert.Equal(t, 5, r.store.Requests().Gets, "record, root, shard, two documents")
	for range 10 {
		b, err = s.Poll(t.Context(), source.PollAll)
		require.NoError(t, err)
		assert.Empty(t, b.Changed)
	}
	requests := r.store.Requests()
	assert.Equal(t, 10, requests.Lists)
	assert.Equal(t, 10, requests.ListedKeys, "older releases are not listed")
}

// TestCache checks that the cache serves while the store is away, and that what the store
// then says wins, without a document that was removed meanwhile.
func TestCache(t *testing.T) {
	r := newRig(t)
	r.put("a", "1")
	r.put("b", "1")
	repo := &release.Repository{Store: r.store, Cache: new(storetest.Memory)}
	s := repo.Source(release.SourceOptions{})
	_, err := s.Poll(t.Context(), source.PollAll)
	require.NoError(t, err)

	r.store.SetReachable(false)
	s = repo.Source(release.SourceOptions{})
	b, err := s.Poll(t.Context(), source.PollAll)
	require.NoError(t, err)
	assert.Equal(t, []string{"a.toml", "b.toml"}, names(b))
	assert.Equal(t, 3, b.Health.Release.Number)
	assert.True(t, b.Health.Release.Cached)
	assert.Equal(t, "serving release 3 of the cache: memory is unreachable", b.Health.Problem)
	require.NoError(t, s.Wait(t.Context()))
	b, err = s.Poll(t.Context(), source.PollNotified)
	require.ErrorIs(t, err, storetest.ErrUnreachable)
	assert.Empty(t, b.Changed)

	w, err := watcher.Follow(t.Context(), repo.Source(release.SourceOptions{}), watcher.WithLogger(nil))
	require.NoError(t, err)
	assert.Equal(t, 2, w.Snapshot().Len())
	assert.True(t, w.Status().Ready, "the cache is served")
	assert.ErrorIs(t, w.Sync(t.Context()), watcher.ErrSource)
	assert.ErrorIs(t, w.CheckHealth(), watcher.ErrSource)
	require.NoError(t, w.Close())

	r.store.SetReachable(true)
	require.NoError(t, r.apply(nil, []string{"a.toml"}))
	b, err = s.Poll(t.Context(), source.PollNotified)
	require.NoError(t, err)
	assert.Equal(t, []string{"a.toml"}, b.Removed)
	assert.False(t, b.Health.Release.Cached)
	assert.Empty(t, b.Health.Problem)

	s = repo.Source(release.SourceOptions{})
	r.put("b", "2")
	r.store.Requests()
	b, err = s.Poll(t.Context(), source.PollAll)
	require.NoError(t, err)
	assert.Equal(t, []string{"b.toml"}, names(b), "the cache and the difference are one batch")
	assert.Empty(t, b.Removed)
	assert.Equal(t, 4, r.store.Requests().Gets, "record, root, shard, one document: the rest is cached")
}

// TestCacheIsRepaired checks that a damaged cache costs what it lost, and nothing else.
func TestCacheIsRepaired(t *testing.T) {
	r := newRig(t)
	r.put("a", "1")
	r.put("b", "1")
	cache := new(storetest.Memory)
	repo := &release.Repository{Store: r.store, Cache: cache}
	open := func() (source.Batch, error) {
		return repo.Source(release.SourceOptions{}).Poll(t.Context(), source.PollAll)
	}
	_, err := open()
	require.NoError(t, err)
	for _, damage := range []func(key string){
		func(key string) { cache.Put(key, []byte("damaged")) },
		func(key string) { _ = cache.Delete(t.Context(), key) },
	} {
		for _, key := range cache.Keys() {
			damage(key)
			b, err := open()
			require.NoError(t, err, key)
			assert.Equal(t, []string{"a.toml", "b.toml"}, names(b))
			assert.Empty(t, b.Health.Problem)
			r.store.SetReachable(false)
			b, _ = open()
			assert.Equal(t, []string{"a.toml", "b.toml"}, names(b), "after %s was damaged", key)
			r.store.SetReachable(true)
		}
	}
}

// TestCacheOfAnotherKey checks that releases in the cache whose key is not accepted any more
// do no harm.
func TestCacheOfAnotherKey(t *testing.T) {
	r := newRig(t)
	r.put("a", "1")
	signer, key := newKey(t, "new.example.org")
	cache := new(storetest.Memory)
	unsigned := &release.Repository{Store: r.store, Cache: cache}
	_, err := unsigned.Source(release.SourceOptions{}).Poll(t.Context(), source.PollAll)
	require.NoError(t, err)

	c, err := catalogOf(r.documents)
	require.NoError(t, err)
	head, err := r.repo.Head(t.Context())
	require.NoError(t, err)
	_, err = r.repo.Push(t.Context(), c, head, release.PushOptions{Signer: signer})
	require.NoError(t, err)
	foreign, err := cache.Get(t.Context(), "releases/00000002", 1<<20)
	require.NoError(t, err)
	cache.Put("releases/00000008", foreign)
	cache.Put("releases/00000009", foreign)
	signed := &release.Repository{Store: r.store, Cache: cache, Keys: note.VerifierList(key)}
	for _, problem := range []string{"", "serving release 3 of the cache: memory is unreachable"} {
		b, err := signed.Source(release.SourceOptions{}).Poll(t.Context(), source.PollAll)
		require.NoError(t, err)
		assert.Equal(t, []string{"a.toml"}, names(b))
		assert.Equal(t, 3, b.Health.Release.Number)
		assert.Equal(t, problem, b.Health.Problem)
		r.store.SetReachable(false)
	}
}

// TestLongInterval checks that the pauses after failures are bounded, whatever the interval.
func TestLongInterval(t *testing.T) {
	store := new(storetest.Memory)
	store.SetReachable(false)
	s := (&release.Repository{Store: store}).Source(release.SourceOptions{Interval: 1 << 62})
	for range 70 {
		_, err := s.Poll(t.Context(), source.PollAll)
		require.ErrorIs(t, err, storetest.ErrUnreachable)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, s.Wait(ctx), context.Canceled)
}
