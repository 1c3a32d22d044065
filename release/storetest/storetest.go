// Package storetest is a conformance suite for implementations of [release.Store]:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) func() release.Store {
//			table := newTable(t)
//			return func() release.Store { return Open(table) }
//		})
//	}
//
// It also has a [Memory], for tests of code that uses a store.
package storetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/neurondex/neurondex/release"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// within bounds the time of each test.
const within = time.Minute

// Run tests a store. It calls newStore once for each test to get a function that opens a
// store, each time the same one, which is empty at first. Opened stores are closed at the
// end of the test.
func Run(t *testing.T, newStore func(t *testing.T) (open func() release.Store)) {
	t.Helper()
	for name, test := range map[string]func(*rig){
		"Values":  testValues,
		"Limit":   testLimit,
		"List":    testList,
		"Pages":   testPages,
		"Delete":  testDelete,
		"Racing":  testRacing,
		"Whole":   testWhole,
		"Wait":    testWait,
		"Context": testContext,
		"Reopen":  testReopen,
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), within)
			defer cancel()
			r := &rig{T: t, ctx: ctx, newStore: newStore(t)}
			r.Store = r.open()
			test(r)
		})
	}
}

// A rig is an open store in a test.
type rig struct {
	*testing.T
	release.Store
	ctx      context.Context //nolint:containedctx // it ends with the test
	newStore func() release.Store
}

func (r *rig) open() release.Store {
	r.Helper()
	s := r.newStore()
	r.Cleanup(func() { assert.NoError(r, s.Close()) })
	return s
}

const noLimit = 1 << 30

func (r *rig) create(key, value string) {
	r.Helper()
	require.NoError(r, r.Create(r.ctx, key, []byte(value)), "Create %s", key)
}

func (r *rig) keys(prefix, after string) []string {
	r.Helper()
	list := []string{}
	for e, err := range r.List(r.ctx, prefix, after) {
		require.NoError(r, err, "List %s", prefix)
		list = append(list, e.Key)
	}
	return list
}

func testValues(r *rig) {
	for key, size := range map[string]int{"blobs/empty": 0, "blobs/a": 1, "blobs/large": 3 << 20, "releases/00000001": 100} {
		value := make([]byte, size)
		_, _ = rand.Read(value)
		_, err := r.Get(r.ctx, key, noLimit)
		require.ErrorIs(r, err, fs.ErrNotExist)
		require.NoError(r, r.Create(r.ctx, key, value))
		got, err := r.Get(r.ctx, key, noLimit)
		require.NoError(r, err)
		require.True(r, bytes.Equal(value, got), "value of %s", key)
		require.ErrorIs(r, r.Create(r.ctx, key, []byte("other")), fs.ErrExist)
		require.ErrorIs(r, r.Create(r.ctx, key, value), fs.ErrExist, "the same value")
		got, err = r.Get(r.ctx, key, noLimit)
		require.NoError(r, err)
		require.True(r, bytes.Equal(value, got), "value of %s after another Create", key)
	}
}

func testLimit(r *rig) {
	r.create("blobs/a", "0123456789")
	_, err := r.Get(r.ctx, "blobs/a", 9)
	require.ErrorIs(r, err, release.ErrTooLarge)
	got, err := r.Get(r.ctx, "blobs/a", 10)
	require.NoError(r, err)
	require.Equal(r, "0123456789", string(got))
}

func testList(r *rig) {
	require.Empty(r, r.keys("releases/", ""))
	before := time.Now()
	for _, key := range []string{"releases/00000010", "blobs/b", "releases/00000002", "blobs/a", "releases/00000001"} {
		r.create(key, key)
	}
	require.Equal(r, []string{"releases/00000001", "releases/00000002", "releases/00000010"}, r.keys("releases/", ""))
	require.Equal(r, []string{"releases/00000002", "releases/00000010"}, r.keys("releases/", "releases/00000001"))
	require.Equal(r, []string{"releases/00000010"}, r.keys("releases/", "releases/00000005"))
	require.Empty(r, r.keys("releases/", "releases/00000010"))
	require.Equal(r, []string{"blobs/a", "blobs/b"}, r.keys("blobs/", ""))
	require.Empty(r, r.keys("other/", ""))
	for e, err := range r.List(r.ctx, "blobs/", "") {
		require.NoError(r, err)
		require.Equal(r, int64(len(e.Key)), e.Size, "Size of %s", e.Key)
		require.WithinDuration(r, before, e.Created, within, "Created of %s", e.Key)
		break // the rest is not read
	}
}

// testPages lists more keys than a page of object storage holds.
func testPages(r *rig) {
	const n = 1100
	var created sync.WaitGroup
	var failed atomic.Pointer[error]
	for worker := range 11 {
		created.Go(func() {
			for i := range n / 11 {
				if err := r.Create(r.ctx, fmt.Sprintf("blobs/%04d", worker*n/11+i), []byte("x")); err != nil {
					failed.Store(&err)
				}
			}
		})
	}
	created.Wait()
	require.Nil(r, failed.Load())
	keys := r.keys("blobs/", "")
	require.Len(r, keys, n)
	require.IsIncreasing(r, keys)
	require.Len(r, r.keys("blobs/", "blobs/0049"), n-50)
}

func testDelete(r *rig) {
	require.NoError(r, r.Delete(r.ctx, "blobs/a"), "a key that does not exist")
	r.create("blobs/a", "1")
	require.NoError(r, r.Delete(r.ctx, "blobs/a"))
	require.NoError(r, r.Delete(r.ctx, "blobs/a"))
	_, err := r.Get(r.ctx, "blobs/a", noLimit)
	require.ErrorIs(r, err, fs.ErrNotExist)
	require.Empty(r, r.keys("blobs/", ""))
	r.create("blobs/a", "2")
	got, err := r.Get(r.ctx, "blobs/a", noLimit)
	require.NoError(r, err)
	require.Equal(r, "2", string(got))
}

// testRacing checks that of eight concurrent creators, each with its own opened store, one
// succeeds, and that its value is the one stored.
func testRacing(r *rig) {
	const creators, rounds = 8, 50
	stores := make([]release.Store, creators)
	for i := range stores {
		stores[i] = r.open()
	}
	for round := range rounds {
		key := fmt.Sprintf("releases/%08d", round+1)
		errs := make([]error, creators)
		start := make(chan struct{})
		var done sync.WaitGroup
		for i, s := range stores {
			done.Go(func() {
				<-start
				errs[i] = s.Create(r.ctx, key, fmt.Appendf(nil, "%d", i))
			})
		}
		close(start)
		done.Wait()
		var winners []string
		for i, err := range errs {
			if err == nil {
				winners = append(winners, fmt.Sprint(i))
			} else {
				require.ErrorIs(r, err, fs.ErrExist)
			}
		}
		require.Len(r, winners, 1, "creators that succeeded in round %d", round)
		got, err := r.Get(r.ctx, key, noLimit)
		require.NoError(r, err)
		require.Equal(r, winners[0], string(got), "value in round %d", round)
	}
	require.Len(r, r.keys("releases/", ""), rounds)
}

// testWhole checks that a reader never gets a part of a value that is being created.
func testWhole(r *rig) {
	value := bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // 1 MiB
	reader := r.open()
	for round := range 10 {
		key := fmt.Sprintf("blobs/%d", round)
		created := make(chan error, 1)
		go func() { created <- r.Create(r.ctx, key, value) }()
		for done := false; !done; {
			select {
			case err := <-created:
				require.NoError(r, err)
				done = true
			default:
			}
			got, err := reader.Get(r.ctx, key, noLimit)
			if err == nil {
				require.True(r, bytes.Equal(value, got), "a part of a value was read: %d bytes", len(got))
			} else {
				require.ErrorIs(r, err, fs.ErrNotExist)
				require.False(r, done, "value cannot be read after Create returned")
			}
		}
	}
}

func testWait(r *rig) {
	r.create("releases/00000001", "1")
	for _, after := range []string{"", "releases/00000001"} {
		ctx, cancel := context.WithTimeout(r.ctx, 200*time.Millisecond)
		defer cancel()
		for ctx.Err() == nil { // it may return early
			if err := r.Wait(ctx, "releases/", after); err != nil {
				require.ErrorIs(r, err, context.DeadlineExceeded)
			} else if after == "" {
				break // there is such a key
			}
		}
	}
}

func testContext(r *rig) {
	r.create("blobs/a", "1")
	ctx, cancel := context.WithCancel(r.ctx)
	cancel()
	_, err := r.Get(ctx, "blobs/a", noLimit)
	require.Error(r, err)
	require.NotErrorIs(r, err, fs.ErrNotExist)
	require.ErrorIs(r, r.Wait(ctx, "releases/", ""), context.Canceled)
	for _, err := range r.List(ctx, "blobs/", "") {
		require.Error(r, err)
	}
}

// testReopen checks that an opened store sees what another one stored.
func testReopen(r *rig) {
	other := r.open()
	r.create("releases/00000001", "1")
	got, err := other.Get(r.ctx, "releases/00000001", noLimit)
	require.NoError(r, err)
	require.Equal(r, "1", string(got))
	require.ErrorIs(r, other.Create(r.ctx, "releases/00000001", []byte("2")), fs.ErrExist)
	require.NoError(r, other.Delete(r.ctx, "releases/00000001"))
	_, err = r.Get(r.ctx, "releases/00000001", noLimit)
	require.ErrorIs(r, err, fs.ErrNotExist)
}
