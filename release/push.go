package release

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// PushOptions say how a release is published.
type PushOptions struct {
	Message string
	By      string      // who publishes it
	Signer  note.Signer // nil to publish an unsigned record

	// Progress is called after each blob that was stored or found. Calls may be concurrent.
	Progress func(done, total int)
}

// Push publishes a catalog as the release after head, which [Repository.Head] returned. If
// there is one by now, it publishes nothing and returns a [*ConflictError]. If the catalog
// is that of head, it publishes nothing and returns the release of head.
//
// A push that fails or is killed has published the release or nothing, and may be repeated.
func (repo *Repository) Push(ctx context.Context, c *Catalog, head Record, o PushOptions) (*Release, error) {
	r, blobs, err := c.describe()
	if err != nil {
		return nil, err
	}
	if r.Bytes > repo.maxBytes() {
		return nil, fmt.Errorf("%d bytes of documents, at most %d: %w", r.Bytes, repo.maxBytes(), ErrLimit)
	}
	if err := repo.upload(ctx, blobs, repo.known(ctx, head), o.Progress); err != nil {
		return nil, err
	}
	if head.Release != nil && head.Release.Manifest == r.Manifest {
		return head.Release, repo.restore(ctx, blobs)
	}
	if err := repo.publish(ctx, r, head, o); err != nil {
		return nil, err
	}
	return r, repo.restore(ctx, blobs)
}

// known returns the blobs of the release of head, as far as it can be read.
func (repo *Repository) known(ctx context.Context, head Record) map[Hash]bool {
	known := make(map[Hash]bool)
	if head.Release == nil {
		return known
	}
	m, err := readManifest(ctx, repo.fetch, head.Release, nil)
	if err != nil {
		return known
	}
	for r := range m.refs {
		known[r.Hash] = true
	}
	return known
}

// upload stores blobs, except for known ones.
func (repo *Repository) upload(ctx context.Context, blobs []blob, known map[Hash]bool, progress func(done, total int)) error {
	var missing []blob
	for _, b := range blobs {
		if !known[b.Hash] {
			missing = append(missing, b)
		}
	}
	var done atomic.Int64
	return each(ctx, len(missing), func(ctx context.Context, i int) error {
		_, err := missing[i].put(ctx, repo.store(), missing[i].content)
		if n := done.Add(1); err == nil && progress != nil {
			progress(int(n), len(missing))
		}
		return err
	})
}

// publish completes the record of a release and creates it.
func (repo *Repository) publish(ctx context.Context, r *Release, head Record, o PushOptions) error {
	if head.Number >= maxNumber {
		return fmt.Errorf("release %d has the highest number; delete it, or use another prefix: %w", head.Number, ErrLimit)
	}
	if !isText(o.Message) || !isText(o.By) {
		return fmt.Errorf("message must be UTF-8 of at most %d bytes", maxMessage)
	}
	r.Number, r.Parent = head.Number+1, head.Hash
	r.Time, r.By, r.Message, r.ID = repo.clock().UTC().Truncate(time.Millisecond), o.By, o.Message, rand.Text()
	data, err := r.encode(o.Signer)
	if err != nil {
		return err
	}
	created := repo.store().Create(ctx, recordKey(r.Number), data)
	if created == nil {
		return nil
	}
	// The store may have created it even so, such as if the response to a first attempt was
	// lost.
	there, err := repo.record(ctx, repo.store(), r.Number)
	switch {
	case errors.Is(err, ErrNoRelease):
		return created
	case err != nil:
		return errors.Join(created, err)
	case there.Hash == hashOf(data):
		return nil
	default:
		return &ConflictError{there}
	}
}

// restore stores again those blobs of a published release that a prune deleted meanwhile.
func (repo *Repository) restore(ctx context.Context, blobs []blob) error {
	there, err := repo.stored(ctx)
	if err != nil {
		return fmt.Errorf("published, but not verified: %w", err)
	}
	if err := repo.upload(ctx, blobs, there, nil); err != nil {
		return fmt.Errorf("published, but a prune deleted some of its blobs meanwhile; push again: %w", err)
	}
	return nil
}

// stored returns the blobs that the store holds.
func (repo *Repository) stored(ctx context.Context) (map[Hash]bool, error) {
	there := make(map[Hash]bool)
	for e, err := range repo.store().List(ctx, blobPrefix, "") {
		if err != nil {
			return nil, err
		}
		var h Hash
		if h.UnmarshalText([]byte(e.Key[len(blobPrefix):])) == nil {
			there[h] = true
		}
	}
	return there, nil
}

// Rollback publishes the catalog of an earlier release as the release after head.
func (repo *Repository) Rollback(ctx context.Context, number int, head Record, o PushOptions) (*Release, error) {
	old, c, err := repo.Pull(ctx, number)
	if err != nil {
		return nil, err
	}
	r, blobs, err := c.describe()
	if err != nil {
		return nil, err
	}
	if head.Release != nil && head.Release.Manifest == r.Manifest {
		return head.Release, nil
	}
	r.RollsBack = old.Number
	if err := repo.publish(ctx, r, head, o); err != nil {
		return nil, err
	}
	return r, repo.restore(ctx, blobs)
}
