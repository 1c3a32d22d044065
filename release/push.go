package release

import (
	"bytes"
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
// is that of head, it publishes nothing and returns the release of head, unless that is not
// signed by the signer.
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
	if err := repo.upload(ctx, blobs, o.Progress); err != nil {
		return nil, err
	}
	if head.publishes(r, o.Signer) {
		return head.Release, nil
	}
	if err := repo.publish(ctx, r, head, o); err != nil {
		return nil, err
	}
	return r, repo.restore(ctx, blobs)
}

// publishes reports whether a record publishes the catalog of r, signed by a signer, if any.
func (rec *Record) publishes(r *Release, signer note.Signer) bool {
	if rec.Release == nil || rec.Release.Manifest != r.Manifest {
		return false
	}
	if signer == nil {
		return true
	}
	line, _, _ := bytes.Cut(rec.data, []byte("\n"))
	signed, err := note.Sign(&note.Note{Text: string(line) + "\n"}, signer) // always the same
	return err == nil && bytes.Equal(signed, rec.data)
}

// upload stores those blobs that the store does not hold. One that it holds with another size
// than expected is verified.
func (repo *Repository) upload(ctx context.Context, blobs []blob, progress func(done, total int)) error {
	there, err := repo.stored(ctx)
	if err != nil {
		return err
	}
	eachCore(len(blobs), func(i int) {
		if b := &blobs[i]; b.stored == 0 {
			b.stored = int64(len(compress(b.content)))
		}
	})
	var missing []*blob
	for i := range blobs {
		if b := &blobs[i]; there[b.Hash] != b.stored {
			missing = append(missing, b)
		}
	}
	var done atomic.Int64
	return each(ctx, len(missing), func(ctx context.Context, i int) error {
		err := missing[i].put(ctx, repo.store(), compress(missing[i].content))
		if n := done.Add(1); err == nil && progress != nil {
			progress(int(n), len(missing))
		}
		return err
	})
}

// stored returns the sizes of the blobs that the store holds.
func (repo *Repository) stored(ctx context.Context) (map[Hash]int64, error) {
	there := make(map[Hash]int64)
	for e, err := range repo.store().List(ctx, blobPrefix, "") {
		if err != nil {
			return nil, err
		}
		var h Hash
		if h.UnmarshalText([]byte(e.Key[len(blobPrefix):])) == nil {
			there[h] = e.Size
		}
	}
	return there, nil
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
	if err := repo.upload(ctx, blobs, nil); err != nil {
		return fmt.Errorf("published, but not verified; push again, in case a prune deleted blobs meanwhile: %w", err)
	}
	return nil
}

// Rollback publishes the catalog of an earlier release as the release after head.
func (repo *Repository) Rollback(ctx context.Context, number int, head Record, o PushOptions) (*Release, error) {
	old, c, err := repo.Pull(ctx, number, nil)
	if err != nil {
		return nil, err
	}
	r, blobs, err := c.describe()
	if err != nil {
		return nil, err
	}
	if head.publishes(r, o.Signer) {
		return head.Release, nil
	}
	r.RollsBack = old.Number
	if err := repo.publish(ctx, r, head, o); err != nil {
		return nil, err
	}
	return r, repo.restore(ctx, blobs)
}
