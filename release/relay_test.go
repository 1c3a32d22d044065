package release_test

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/neurondex/neurondex/release"
	"github.com/neurondex/neurondex/release/storetest"
	"github.com/neurondex/neurondex/source"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
)

// numbers returns the numbers of the records of a relay.
func numbers(relay *release.Relay) []int {
	records, _ := relay.Records()
	list := []int{}
	for _, rec := range records {
		list = append(list, rec.Number)
	}
	return list
}

// hashOf returns the hash of the blob of some content.
func hashOf(t *testing.T, content string) (h release.Hash) {
	t.Helper()
	key, _ := release.Compress([]byte(content))
	require.NoError(t, h.UnmarshalText([]byte(strings.TrimPrefix(key, "blobs/"))))
	return h
}

// TestRelay checks which releases a relay has, and when.
func TestRelay(t *testing.T) {
	r := newRig(t)
	relay, cache := new(release.Relay), new(storetest.Memory)
	_, changed := relay.Records()
	open := func(repo *release.Repository) source.Source {
		return repo.Source(release.SourceOptions{Relay: relay})
	}
	_, err := open(&release.Repository{Store: r.store}).Poll(t.Context(), source.PollAll)
	require.NoError(t, err)
	assert.Empty(t, numbers(relay), "without a cache")

	s := open(&release.Repository{Store: r.store, Cache: cache})
	for _, want := range [][]int{{1}, {1, 2}, {2, 3}} {
		_, err := s.Poll(t.Context(), source.PollAll)
		require.NoError(t, err)
		assert.Equal(t, want, numbers(relay))
		select {
		case <-changed:
		default:
			assert.Fail(t, "the channel is not closed")
		}
		_, changed = relay.Records()
		r.put("a", time.Now().String())
	}
	records, _ := relay.Records()
	stored, err := r.store.Get(t.Context(), "releases/00000003", 1<<20)
	require.NoError(t, err)
	assert.Equal(t, stored, records[1].Data(), "with its signatures")

	r.store.Put("releases/00000005", []byte("hostile"))
	_, err = s.Poll(t.Context(), source.PollAll)
	require.ErrorIs(t, err, release.ErrMalformed)
	assert.Equal(t, []int{2, 3}, numbers(relay), "what is refused is not passed on")

	r.store.SetReachable(false)
	relay = new(release.Relay)
	_, err = open(&release.Repository{Store: r.store, Cache: cache}).Poll(t.Context(), source.PollAll)
	require.NoError(t, err)
	assert.Equal(t, []int{3}, numbers(relay), "the cache is passed on")

	_, key := newKey(t, "new.example.org")
	relay = new(release.Relay)
	_, err = open(&release.Repository{Store: r.store, Cache: cache, Keys: note.VerifierList(key)}).Poll(t.Context(), source.PollAll)
	require.Error(t, err)
	assert.Empty(t, numbers(relay), "what is not signed is not passed on, although the cache has it")
}

// readBlob returns the value of a blob of a relay.
func readBlob(t *testing.T, relay *release.Relay, content string) (value []byte, err error) {
	t.Helper()
	err = relay.Blob(t.Context(), hashOf(t, content), func(v []byte) { value = v })
	return value, err
}

// TestRelayBlobs checks that a relay passes on what its releases name, and only verified.
func TestRelayBlobs(t *testing.T) {
	r := newRig(t)
	relay, cache := new(release.Relay), new(storetest.Memory)
	s := (&release.Repository{Store: r.store, Cache: cache}).Source(release.SourceOptions{Relay: relay})
	poll := func() {
		t.Helper()
		_, err := s.Poll(t.Context(), source.PollAll)
		require.NoError(t, err)
	}
	r.put("a", "1")
	poll()
	key, value := release.Compress([]byte(toml("a", "1")))
	for name, damage := range map[string]func(){
		"whole":   func() {},
		"damaged": func() { cache.Put(key, []byte("damaged")) },
		"other": func() {
			_, other := release.Compress([]byte(toml("a", "2")))
			cache.Put(key, other)
		},
		"missing": func() { require.NoError(t, cache.Delete(t.Context(), key)) },
	} {
		damage()
		got, err := readBlob(t, relay, toml("a", "1"))
		require.NoError(t, err, name)
		assert.Equal(t, value, got, name)
		r.store.SetReachable(false)
		_, err = readBlob(t, relay, toml("a", "1"))
		require.NoError(t, err, "%s: it is repaired", name)
		r.store.SetReachable(true)
	}
	cache.Put("blobs/"+hashOf(t, "secret").String(), []byte("secret"))
	_, err := readBlob(t, relay, "secret")
	require.ErrorIs(t, err, fs.ErrNotExist, "no release names it")
	r.put("a", "2")
	poll()
	_, err = readBlob(t, relay, toml("a", "1"))
	require.NoError(t, err, "of the release before")
	r.put("a", "3")
	poll()
	_, err = readBlob(t, relay, toml("a", "1"))
	require.ErrorIs(t, err, fs.ErrNotExist, "of an older release")
}

// TestRelaySharesBlobs checks that calls for a blob at one time read it once.
func TestRelaySharesBlobs(t *testing.T) {
	r := newRig(t)
	r.put("a", "1")
	relay, cache := new(release.Relay), new(storetest.Memory)
	_, err := (&release.Repository{Store: r.store, Cache: cache}).Source(release.SourceOptions{Relay: relay}).Poll(t.Context(), source.PollAll)
	require.NoError(t, err)
	cache.Requests()
	h := hashOf(t, toml("a", "1"))
	first := 0
	require.NoError(t, relay.Blob(t.Context(), h, func(a []byte) {
		require.NoError(t, relay.Blob(t.Context(), h, func(b []byte) {
			assert.Same(t, &a[0], &b[0])
			first = len(b)
		}))
	}))
	assert.NotZero(t, first)
	assert.Equal(t, 1, cache.Requests().Gets)
	require.NoError(t, relay.Blob(t.Context(), h, func([]byte) {}))
	assert.Equal(t, 1, cache.Requests().Gets, "it is not kept")
}

// A full store cannot be written while it is full.
type full struct {
	*storetest.Memory
	full bool
}

func (f *full) Create(ctx context.Context, key string, value []byte) error {
	if f.full {
		return errors.New("disk is full")
	}
	return f.Memory.Create(ctx, key, value)
}

// TestRelayOfFullDisk checks that a release is passed on once the cache holds it, without
// another release.
func TestRelayOfFullDisk(t *testing.T) {
	r := newRig(t)
	relay, cache := new(release.Relay), &full{Memory: new(storetest.Memory), full: true}
	s := (&release.Repository{Store: r.store, Cache: cache}).Source(release.SourceOptions{Relay: relay})
	b, err := s.Poll(t.Context(), source.PollAll)
	require.NoError(t, err)
	assert.Contains(t, b.Health.Problem, "cannot write the cache: disk is full")
	assert.Empty(t, numbers(relay))
	cache.full = false
	b, err = s.Poll(t.Context(), source.PollNotified)
	require.NoError(t, err)
	assert.Empty(t, b.Health.Problem)
	assert.Equal(t, []int{1}, numbers(relay))
}

// warm has the package start what all repositories share outside of a bubble of synctest.
func warm(t *testing.T) {
	t.Helper()
	r := newRig(t)
	_, _, err := r.repo.Pull(t.Context(), 1, nil)
	require.NoError(t, err)
}

// A hinter is a store that hints without end.
type hinter struct {
	*storetest.Memory
	waits atomic.Int64
}

func (h *hinter) Wait(context.Context, string, string) error {
	h.waits.Add(1)
	return nil
}

// TestHintsWithoutEnd checks that hints that lead to nothing cost a few polls of each interval, and
// that a release is noticed even so.
func TestHintsWithoutEnd(t *testing.T) {
	warm(t)
	synctest.Test(t, func(t *testing.T) {
		store := &hinter{Memory: new(storetest.Memory)}
		p := newPublisher(t, store)
		s := p.repo.Source(release.SourceOptions{Interval: 10 * time.Second})
		poll := func() []string {
			b, err := s.Poll(t.Context(), source.PollNotified)
			require.NoError(t, err)
			return names(b)
		}
		poll()
		for start := time.Now(); time.Since(start) < time.Minute; poll() {
			require.NoError(t, s.Wait(t.Context()))
		}
		assert.Less(t, store.waits.Load(), int64(100), "ten of each interval")
		assert.Greater(t, store.waits.Load(), int64(6))
		require.NoError(t, p.apply(map[string]string{"a.toml": toml("a", "1")}, nil))
		start := time.Now()
		require.NoError(t, s.Wait(t.Context()))
		assert.Equal(t, []string{"a.toml"}, poll())
		assert.LessOrEqual(t, time.Since(start), 10*time.Second)
	})
}

// TestRetries checks that a long interval does not delay the attempts after a failure.
func TestRetries(t *testing.T) {
	warm(t)
	synctest.Test(t, func(t *testing.T) {
		store := new(storetest.Memory)
		p := newPublisher(t, store)
		store.SetReachable(false)
		s := p.repo.Source(release.SourceOptions{Interval: 5 * time.Minute})
		for _, most := range []time.Duration{10 * time.Second, 20 * time.Second, 40 * time.Second, time.Minute, time.Minute} {
			_, err := s.Poll(t.Context(), source.PollNotified)
			require.ErrorIs(t, err, storetest.ErrUnreachable)
			start := time.Now()
			require.NoError(t, s.Wait(t.Context()))
			assert.LessOrEqual(t, time.Since(start), most)
			assert.GreaterOrEqual(t, time.Since(start), most/2)
		}
	})
}
