package release

import (
	"context"
	"iter"
	"time"
)

// requestTimeout bounds the time of one request: a connection that stalls is one that fails.
const requestTimeout = 30 * time.Second

// A bounded is a store whose requests take a limited time.
type bounded struct{ Store }

// Get implements [Store].
func (b bounded) Get(ctx context.Context, key string, limit int64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	return b.Store.Get(ctx, key, limit)
}

// Create implements [Store].
func (b bounded) Create(ctx context.Context, key string, value []byte) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	return b.Store.Create(ctx, key, value)
}

// List implements [Store]. Each part of a long list is a request.
func (b bounded) List(ctx context.Context, prefix, after string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		stalled := time.AfterFunc(requestTimeout, func() { cancel(context.DeadlineExceeded) })
		defer stalled.Stop()
		for e, err := range b.Store.List(ctx, prefix, after) {
			stalled.Stop()
			if !yield(e, err) || err != nil {
				return
			}
			stalled.Reset(requestTimeout)
		}
	}
}

// Delete implements [Store].
func (b bounded) Delete(ctx context.Context, key string) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	return b.Store.Delete(ctx, key)
}
