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

// Blob returns the compressed content of a blob that one of the records names, or
// [fs.ErrNotExist]. A blob that is damaged in the cache is read from the store again.
func (r *Relay) Blob(ctx context.Context, h Hash) ([]byte, error) {
	repo, size, ok := r.find(h)
	if !ok {
		return nil, fmt.Errorf("%s: %w", ref{Hash: h}.key(), fs.ErrNotExist)
	}
	named := ref{h, size}
	value, err := bounded{repo.Cache}.Get(ctx, named.key(), maxCompressed(size))
	if err == nil {
		if _, err = named.open(value); err == nil {
			return value, nil
		}
	}
	content, err := repo.fetch(ctx, named)
	if err != nil {
		return nil, err
	}
	return compress(content), nil
}

func (r *Relay) find(h Hash) (_ *Repository, size int64, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, k := range r.kept {
		if size, ok = k.sizes[h]; ok {
			return r.repo, size, true
		}
	}
	return nil, 0, false
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
