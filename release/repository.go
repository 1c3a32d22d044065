package release

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/source"
	"golang.org/x/mod/sumdb/note"
)

// DefaultMaxBytes is the default limit on the size of all documents of a release.
const DefaultMaxBytes = 1 << 30

// A Repository is the releases of a store. Only Store is required. The fields must not
// change while the repository is in use; its methods are safe for concurrent use.
type Repository struct {
	Store Store

	// Cache keeps the blobs of the last releases that were read, and is read before Store.
	// A source of the repository keeps its last good release there.
	Cache Store

	// Keys are the keys that records must be signed with, such as a [note.VerifierList]: one
	// of them suffices. If it is nil, signatures are not checked.
	Keys note.Verifiers

	// MaxBytes limits the size of all documents of a release; 0 means [DefaultMaxBytes].
	MaxBytes int64

	// Config is how documents are read.
	Config []config.Option

	now func() time.Time // nil for time.Now
}

func (repo *Repository) maxBytes() int64 { return cmp.Or(repo.MaxBytes, DefaultMaxBytes) }

// store returns the store, with a limit on the time of each request.
func (repo *Repository) store() Store { return bounded{repo.Store} }

func (repo *Repository) clock() time.Time {
	if repo.now != nil {
		return repo.now()
	}
	return time.Now()
}

// fetch reads a blob, from the cache if it is there.
func (repo *Repository) fetch(ctx context.Context, r ref) ([]byte, error) {
	if repo.Cache == nil {
		return r.get(ctx, repo.store())
	}
	if content, err := r.get(ctx, bounded{repo.Cache}); err == nil || ctx.Err() != nil {
		return content, ctx.Err()
	}
	content, err := r.get(ctx, repo.store())
	if err == nil {
		_ = r.put(ctx, bounded{repo.Cache}, compress(content)) // keep reports it if the cache cannot be written
	}
	return content, err
}

// Pull reads and verifies a release. It does not read the documents that have, which may be
// nil, has as well.
func (repo *Repository) Pull(ctx context.Context, number int, have *Catalog) (*Release, *Catalog, error) {
	rec, err := repo.record(ctx, repo.store(), number)
	if err != nil {
		return nil, nil, err
	}
	if rec.Err != nil {
		return nil, nil, rec.Err
	}
	known := make(map[ref][]byte)
	if have != nil {
		for _, d := range have.documents {
			known[d.ref] = d.data
		}
	}
	get := func(ctx context.Context, r ref) ([]byte, error) {
		if content, ok := known[r]; ok {
			return content, nil
		}
		return repo.fetch(ctx, r)
	}
	_, documents, err := repo.read(ctx, get, rec.Release, nil)
	if err != nil {
		return nil, nil, refused(number, err)
	}
	c, err := newCatalog(documents)
	return rec.Release, c, err
}

// A loaded is a release that was read: its manifest, and the hash of each document, by name.
type loaded struct {
	manifest *manifest
	hashes   map[string]registry.Hash
}

// read reads and verifies what a release has that old has not, all if old is nil: its new
// and changed documents.
func (repo *Repository) read(ctx context.Context, get fetch, r *Release, old *loaded) (*loaded, []document, error) {
	if old == nil {
		old = &loaded{manifest: new(manifest)}
	}
	m, err := readManifest(ctx, get, r, old.manifest)
	if err != nil {
		return nil, nil, err
	}
	next := &loaded{m, make(map[string]registry.Hash, len(m.entries))}
	var changed []entry
	for name, e := range m.entries {
		if before, ok := old.manifest.entries[name]; ok && before == e {
			next.hashes[name] = old.hashes[name]
		} else {
			changed = append(changed, e)
		}
	}
	contents := make([][]byte, len(changed))
	err = each(ctx, len(changed), func(ctx context.Context, i int) (err error) {
		contents[i], err = get(ctx, changed[i].ref)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	documents, errs := make([]document, len(changed)), make([]error, len(changed))
	hashes := make([]registry.Hash, len(changed))
	eachCore(len(changed), func(i int) {
		documents[i], hashes[i], errs[i] = repo.verify(changed[i], contents[i])
	})
	if err := errors.Join(errs...); err != nil {
		return nil, nil, err
	}
	for i, e := range changed {
		next.hashes[e.Name] = hashes[i]
	}
	var sum registry.Hash
	for h := range maps.Values(next.hashes) {
		sum = sum.Plus(h)
	}
	if sum != r.Catalog {
		return nil, nil, fmt.Errorf("catalog %v, but the record says %v: %w", sum, r.Catalog, ErrHash)
	}
	return next, documents, nil
}

// verify parses a document of a release and returns its hash.
func (repo *Repository) verify(e entry, content []byte) (document, registry.Hash, error) {
	d, found := parse(source.Document{Name: e.Name, Data: content}, repo.Config)
	if err := found.Err(); err != nil {
		return d, registry.Hash{}, err
	}
	if d.Datasets != e.Datasets {
		return d, registry.Hash{}, fmt.Errorf("%s has %d datasets, but the manifest says %d: %w", e.Name, d.Datasets, e.Datasets, ErrMalformed)
	}
	h, err := hashOfDocument(&d)
	return d, h, err
}
