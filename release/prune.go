package release

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/neurondex/neurondex/config"
)

// DefaultGrace is how long a prune keeps blobs that no release names, unless it is told
// otherwise. A push takes less time.
const DefaultGrace = 24 * time.Hour

// Pruned counts what a prune deleted.
type Pruned struct{ Releases, Blobs int }

// Prune deletes all but the last releases, and the blobs that none of these names and that
// are older than a grace period. It deletes no blob unless it can read the manifests of all
// releases that it keeps.
//
// A push that publishes a release meanwhile may need a blob that the prune deletes: both
// look for that afterwards and store it again.
func (repo *Repository) Prune(ctx context.Context, keep int, grace time.Duration) (Pruned, error) {
	var done Pruned
	if keep < 1 {
		return done, errors.New("a prune must keep at least one release")
	}
	list, err := numbers(ctx, repo.store(), 0)
	if err != nil {
		return done, err
	}
	for len(list) > keep {
		if err := repo.store().Delete(ctx, recordKey(list[0])); err != nil {
			return done, err
		}
		list = list[1:]
		done.Releases++
	}
	named := make(map[Hash]bool)
	for _, number := range list {
		if err := repo.addNamed(ctx, number, named); err != nil {
			return done, fmt.Errorf("no blob is deleted: %w", err)
		}
	}
	var garbage []string
	for e, err := range repo.store().List(ctx, blobPrefix, "") {
		if err != nil {
			return done, err
		}
		var h Hash
		if h.UnmarshalText([]byte(e.Key[len(blobPrefix):])) == nil && !named[h] && repo.clock().Sub(e.Created) > grace {
			garbage = append(garbage, e.Key)
		}
	}
	last := 0
	if len(list) > 0 {
		last = list[len(list)-1]
	}
	for batch := range batches(garbage) {
		n, err := repo.pruneBlobs(ctx, batch, last)
		done.Blobs += n
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// addNamed adds the blobs that a release names. A release that was pruned meanwhile names
// none.
func (repo *Repository) addNamed(ctx context.Context, number int, named map[Hash]bool) error {
	rec, err := repo.record(ctx, repo.store(), number)
	switch {
	case errors.Is(err, ErrNoRelease):
		return nil
	case err != nil:
		return err
	case rec.Err != nil:
		return rec.Err
	}
	m, err := readManifest(ctx, repo.fetch, rec.Release, nil)
	if err != nil {
		return refused(number, err)
	}
	for r := range m.refs {
		named[r.Hash] = true
	}
	return nil
}

// pruneBlobs deletes blobs, except for those that releases after a number name. Its memory
// is that of the blobs, compressed.
func (repo *Repository) pruneBlobs(ctx context.Context, keys []string, last int) (deleted int, err error) {
	values := make([][]byte, len(keys))
	err = each(ctx, len(keys), func(ctx context.Context, i int) (err error) {
		values[i], err = repo.store().Get(ctx, keys[i], maxCompressed(config.DefaultMaxBytes))
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrTooLarge) {
			err = nil
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	// From here on the prune must end, or blobs that a new release names may be lost. A push
	// that creates its record before the deletion is seen below; one that does so after it
	// finds that blobs are missing.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	err = each(ctx, len(keys), func(ctx context.Context, i int) error { return repo.store().Delete(ctx, keys[i]) })
	named, newErr := repo.namedAfter(ctx, last)
	restored := 0 // all, if a new release cannot be read, such as because its manifest was deleted
	for i, key := range keys {
		var h Hash
		if h.UnmarshalText([]byte(key[len(blobPrefix):])) != nil || values[i] == nil || newErr == nil && !named[h] {
			continue
		}
		restored++
		if e := repo.store().Create(ctx, key, values[i]); e != nil && !errors.Is(e, fs.ErrExist) {
			err = errors.Join(err, e)
		}
	}
	return len(keys) - restored, errors.Join(err, newErr)
}

// namedAfter returns the blobs that releases after a number name.
func (repo *Repository) namedAfter(ctx context.Context, last int) (map[Hash]bool, error) {
	named := make(map[Hash]bool)
	list, err := numbers(ctx, repo.store(), last)
	if err != nil {
		return nil, err
	}
	for _, number := range list {
		if err := repo.addNamed(ctx, number, named); err != nil {
			return nil, err
		}
	}
	return named, nil
}

// batches yields parts of a list.
func batches(list []string) func(yield func([]string) bool) {
	return func(yield func([]string) bool) {
		for len(list) > 0 {
			n := min(requests, len(list))
			if !yield(list[:n]) {
				return
			}
			list = list[n:]
		}
	}
}
