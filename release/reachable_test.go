package release_test

import (
	"context"
	"iter"
	"sync/atomic"

	"github.com/neurondex/neurondex/release"
	"github.com/neurondex/neurondex/release/storetest"
)

// A reachable is a store that may be out of reach.
type reachable struct {
	release.Store
	away atomic.Bool
}

func (r *reachable) set(reachable bool) error {
	r.away.Store(!reachable)
	return nil
}

func (r *reachable) Get(ctx context.Context, key string, limit int64) ([]byte, error) {
	if r.away.Load() {
		return nil, storetest.ErrUnreachable
	}
	return r.Store.Get(ctx, key, limit)
}

func (r *reachable) List(ctx context.Context, prefix, after string) iter.Seq2[release.Entry, error] {
	if r.away.Load() {
		return func(yield func(release.Entry, error) bool) { yield(release.Entry{}, storetest.ErrUnreachable) }
	}
	return r.Store.List(ctx, prefix, after)
}

func (r *reachable) Wait(ctx context.Context, prefix, after string) error {
	if r.away.Load() {
		return storetest.ErrUnreachable
	}
	return r.Store.Wait(ctx, prefix, after)
}
