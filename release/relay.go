package release

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"sync"
)

// A Relay is what a source lets others follow: the releases that it has verified and that
// its cache holds whole, the one in service and the one before it. The zero Relay has none.
// It is safe for concurrent use.
type Relay struct {
	mu      sync.Mutex // guards the rest
	repo    *Repository
	kept    []kept        // ascending
	changed chan struct{} // closed by the next change; nil if nobody waits
	blobs   map[Hash]*shared
}

// A kept release is in the cache.
type kept struct {
	Record
	sizes map[Hash]int64 // of its blobs
}

// Records returns the records, oldest first, and a channel that is closed when there are
// others.
func (r *Relay) Records() ([]Record, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.changed == nil {
		r.changed = make(chan struct{})
	}
	records := make([]Record, len(r.kept))
	for i, k := range r.kept {
		records[i] = k.Record
	}
	return records, r.changed
}

// Blob calls a function with the compressed content of a blob that one of the records names,
// or returns [fs.ErrNotExist]. A blob that is damaged in the cache is read from the store
// again. Concurrent calls for a blob share its content, so that their memory is at most that
// of the releases.
func (r *Relay) Blob(ctx context.Context, h Hash, use func(value []byte)) error {
	b := r.begin(h)
	if b == nil {
		return fmt.Errorf("%s: %w", ref{Hash: h}.key(), fs.ErrNotExist)
	}
	defer r.end(h, b)
	b.once.Do(func() { b.value, b.err = b.read(context.WithoutCancel(ctx)) })
	if b.err == nil {
		use(b.value)
	}
	return b.err
}

// A shared blob is what concurrent calls share.
type shared struct {
	ref
	repo  *Repository
	users int
	once  sync.Once
	value []byte
	err   error
}

// begin returns a blob, or nil if no record names it.
func (r *Relay) begin(h Hash) *shared {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, k := range r.kept {
		size, ok := k.sizes[h]
		if !ok {
			continue
		}
		b := r.blobs[h]
		if b == nil {
			if r.blobs == nil {
				r.blobs = make(map[Hash]*shared)
			}
			b = &shared{ref: ref{h, size}, repo: r.repo}
			r.blobs[h] = b
		}
		b.users++
		return b
	}
	return nil
}

func (r *Relay) end(h Hash, b *shared) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if b.users--; b.users == 0 {
		delete(r.blobs, h)
	}
}

func (b *shared) read(ctx context.Context) ([]byte, error) {
	value, err := bounded{b.repo.Cache}.Get(ctx, b.key(), maxCompressed(b.Size))
	if err == nil {
		if _, err = b.open(value); err == nil {
			return value, nil
		}
	}
	content, err := b.repo.fetch(ctx, b.ref)
	if err != nil {
		return nil, err
	}
	return compress(content), nil
}

// add adds a release that the cache of a repository holds.
func (r *Relay) add(repo *Repository, rec Record, m *manifest) {
	k := kept{rec, make(map[Hash]int64, len(m.entries))}
	for b := range m.refs {
		k.sizes[b.Hash] = b.Size
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if slices.ContainsFunc(r.kept, func(k kept) bool { return k.Hash == rec.Hash }) {
		return
	}
	r.repo = repo
	r.kept = append(r.kept, k)
	r.kept = r.kept[max(0, len(r.kept)-cachedReleases):]
	if r.changed != nil {
		close(r.changed)
		r.changed = nil
	}
}
