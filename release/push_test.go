package release_test

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"testing"
	"time"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/release"
	"github.com/neurondex/neurondex/release/storetest"
	"github.com/neurondex/neurondex/source"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestPush publishes, repeats, rolls back and lists.
func TestPush(t *testing.T) {
	r := newRig(t)
	r.put("a", "1")
	r.put("a", "1") // nothing new
	r.put("a", "2")
	head, err := r.repo.Head(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 3, head.Number)
	back, err := r.repo.Rollback(t.Context(), 2, head, release.PushOptions{By: "test", Message: "undo"})
	require.NoError(t, err)
	assert.Equal(t, 4, back.Number)
	assert.Equal(t, 2, back.RollsBack)

	history, err := r.repo.History(t.Context())
	require.NoError(t, err)
	require.Len(t, history, 4)
	for i, rec := range history {
		require.NoError(t, rec.Err)
		assert.Equal(t, 4-i, rec.Number)
		if i > 0 {
			assert.Equal(t, history[i-1].Release.Parent, rec.Hash, "parents are a chain")
		}
	}
	_, c, err := r.repo.Pull(t.Context(), 4, nil)
	require.NoError(t, err)
	d, err := c.Snapshot().Get("a", "mlp_post_act")
	require.NoError(t, err)
	assert.Equal(t, "1", d.NeuronDatasetPath())
	assert.Equal(t, history[2].Release.Catalog, history[0].Release.Catalog)

	_, _, err = r.repo.Pull(t.Context(), 5, nil)
	assert.ErrorIs(t, err, release.ErrNoRelease)
	_, err = r.repo.Rollback(t.Context(), 7, head, release.PushOptions{})
	assert.ErrorIs(t, err, release.ErrNoRelease)
}

// TestPushRefuses checks what is never published.
func TestPushRefuses(t *testing.T) {
	for name, content := range map[string]string{
		"a.toml":                             "= 1",
		"b.toml":                             "short_name = \"b\"\n",
		"empty.toml":                         "",
		"c.txt":                              toml("c", "1"),
		"../d.toml":                          toml("d", "1"),
		"/e.toml":                            toml("e", "1"),
		"f\\g.toml":                          toml("f", "1"),
		"x:g.toml":                           toml("g", "1"),
		"h\n.toml":                           toml("h", "1"),
		"\xff.toml":                          toml("i", "1"),
		string(make([]byte, 2000)) + ".toml": toml("j", "1"),
	} {
		_, err := catalogOf(map[string]string{name: content, "good.toml": toml("good", "1")})
		assert.ErrorIs(t, err, config.ErrInvalid, "%.20q", name)
	}
}

// TestPushRaces lets two pushers race 200 times: one wins, and the other is shown the winner.
func TestPushRaces(t *testing.T) {
	store := new(storetest.Memory)
	repo := &release.Repository{Store: store}
	catalogs := make([]*release.Catalog, 2)
	for i := range catalogs {
		var err error
		catalogs[i], err = catalogOf(map[string]string{"a.toml": toml("a", fmt.Sprint(i))})
		require.NoError(t, err)
	}
	for round := range 200 {
		head, err := repo.Head(t.Context())
		require.NoError(t, err)
		require.Equal(t, round, head.Number)
		head.Release = nil // so that the same content is not found to be there
		var racing sync.WaitGroup
		published, errs := make([]*release.Release, 2), make([]error, 2)
		for i := range 2 {
			racing.Go(func() {
				published[i], errs[i] = repo.Push(t.Context(), catalogs[i], head, release.PushOptions{By: fmt.Sprint(i)})
			})
		}
		racing.Wait()
		winner := 0
		if errs[0] != nil {
			winner = 1
		}
		require.NoError(t, errs[winner])
		conflict := new(release.ConflictError)
		require.ErrorAs(t, errs[1-winner], &conflict)
		require.Equal(t, fmt.Sprint(winner), conflict.Winner.Release.By)
		require.Equal(t, published[winner], conflict.Winner.Release)
		r, c, err := repo.Pull(t.Context(), round+1, nil)
		require.NoError(t, err)
		require.Equal(t, published[winner], r)
		require.Equal(t, catalogs[winner].Snapshot().Hash(), c.Snapshot().Hash())
	}
}

// A lossy store loses the responses to successful calls of Create.
type lossy struct{ release.Store }

func (s lossy) Create(ctx context.Context, key string, value []byte) error {
	if err := s.Store.Create(ctx, key, value); err != nil {
		return err
	}
	return s.Store.Create(ctx, key, value) // as a client that repeats the request
}

// TestPushRepeatedRequest checks that a pusher does not lose against itself.
func TestPushRepeatedRequest(t *testing.T) {
	store := new(storetest.Memory)
	p := newPublisher(t, lossy{store})
	require.NoError(t, p.apply(map[string]string{"a.toml": toml("a", "1")}, nil))
	head, err := p.repo.Head(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 2, head.Number)
}

// TestPushRepairs checks that a push of the same content makes a damaged release whole.
func TestPushRepairs(t *testing.T) {
	r := newRig(t)
	r.put("a", "1")
	for _, key := range r.store.Keys() {
		if key[:6] != "blobs/" {
			continue
		}
		require.NoError(t, r.store.Delete(t.Context(), key))
		require.NoError(t, r.push())
	}
	_, _, err := r.repo.Pull(t.Context(), 2, nil)
	require.NoError(t, err)

	// A blob that was damaged before it was named by a release is replaced.
	other, err := catalogOf(map[string]string{"b.toml": toml("b", "1")})
	require.NoError(t, err)
	before := r.store.Keys()
	_, err = r.repo.Push(t.Context(), other, release.Record{Number: 2}, release.PushOptions{})
	require.NoError(t, err)
	known := make(map[string]bool)
	for _, key := range before {
		known[key] = true
	}
	for _, key := range r.store.Keys() {
		if !known[key] && key[:6] == "blobs/" {
			r.store.Put(key, []byte("damaged"))
		}
	}
	require.NoError(t, r.store.Delete(t.Context(), "releases/00000003"))
	_, err = r.repo.Push(t.Context(), other, release.Record{Number: 2}, release.PushOptions{})
	require.NoError(t, err)
	_, _, err = r.repo.Pull(t.Context(), 3, nil)
	require.NoError(t, err)
}

func TestPrune(t *testing.T) {
	r := newRig(t)
	for i := range 5 {
		r.put("a", fmt.Sprint(i))
	}
	keys := len(r.store.Keys())
	done, err := r.repo.Prune(t.Context(), 3, time.Hour)
	require.NoError(t, err)
	assert.Equal(t, release.Pruned{Releases: 3}, done, "blobs are younger than the grace period")
	assert.Len(t, r.store.Keys(), keys-3)
	done, err = r.repo.Prune(t.Context(), 3, -time.Second)
	require.NoError(t, err)
	assert.Equal(t, release.Pruned{Blobs: 1 + 2*3}, done, "document, shard and root of two releases; the empty one has a root only: %v", done)
	for number := 4; number <= 6; number++ {
		_, _, err := r.repo.Pull(t.Context(), number, nil)
		require.NoError(t, err)
	}
	_, err = r.repo.Prune(t.Context(), 0, 0)
	require.Error(t, err)

	// A release that cannot be read stops it.
	r.store.Put("releases/00000007", []byte("{}\n"))
	_, err = r.repo.Prune(t.Context(), 1, -time.Second)
	require.ErrorContains(t, err, "no blob is deleted: release 7 is refused")
}

// A pausing store calls a function at each step of another one.
type pausing struct {
	release.Store
	before func(op, key string)
}

func (s pausing) Create(ctx context.Context, key string, value []byte) error {
	s.before("create", key)
	return s.Store.Create(ctx, key, value)
}

func (s pausing) Delete(ctx context.Context, key string) error {
	s.before("delete", key)
	return s.Store.Delete(ctx, key)
}

func (s pausing) Get(ctx context.Context, key string, limit int64) ([]byte, error) {
	s.before("get", key)
	return s.Store.Get(ctx, key, limit)
}

func (s pausing) List(ctx context.Context, prefix, after string) iter.Seq2[release.Entry, error] {
	s.before("list", prefix)
	return s.Store.List(ctx, prefix, after)
}

// TestPruneRacesPush runs a whole push before each step of a prune, and a whole prune before
// each step of a push. Nothing published is lost.
func TestPruneRacesPush(t *testing.T) {
	old := map[string]string{"a.toml": toml("a", "old"), "b.toml": toml("b", "old")}
	for _, pushing := range []bool{false, true} {
		for step := 0; ; step++ {
			r := newRig(t)
			require.NoError(t, r.apply(old, nil))
			require.NoError(t, r.apply(map[string]string{"a.toml": toml("a", "new"), "b.toml": toml("b", "new")}, nil))
			prune := func(s release.Store) {
				_, err := (&release.Repository{Store: s}).Prune(context.Background(), 1, -time.Second)
				if err != nil {
					require.ErrorIs(t, err, release.ErrMissing, "the push is not done yet")
				}
			}
			push := func(s release.Store) { // of content whose blobs are garbage
				repo := &release.Repository{Store: s}
				c, err := catalogOf(old)
				require.NoError(t, err)
				head, err := repo.Head(t.Context())
				require.NoError(t, err)
				_, err = repo.Push(t.Context(), c, head, release.PushOptions{})
				require.NoError(t, err)
			}
			outer, inner := prune, push
			if pushing {
				outer, inner = push, prune
			}
			var mu sync.Mutex
			steps, raced := 0, false
			outer(pausing{r.store, func(string, string) {
				mu.Lock()
				defer mu.Unlock()
				if steps == step {
					raced = true
					inner(r.store)
				}
				steps++
			}})
			head, err := r.repo.Head(t.Context())
			require.NoError(t, err)
			if _, _, err := r.repo.Pull(t.Context(), head.Number, nil); raced {
				require.NoError(t, err, "release is lost; pushing %v, step %d", pushing, step)
				continue
			}
			require.Greater(t, step, 3)
			break
		}
	}
}

func TestProgress(t *testing.T) {
	store := new(storetest.Memory)
	c, err := release.NewCatalog([]source.Document{{Name: "a.toml", Data: []byte(toml("a", "1"))}})
	require.NoError(t, err)
	var mu sync.Mutex
	calls := 0
	_, err = (&release.Repository{Store: store}).Push(t.Context(), c, release.Record{}, release.PushOptions{Progress: func(done, total int) {
		mu.Lock()
		defer mu.Unlock()
		calls++
		assert.LessOrEqual(t, done, total)
		assert.Equal(t, 3, total)
	}})
	require.NoError(t, err)
	assert.Equal(t, 3, calls)
}
