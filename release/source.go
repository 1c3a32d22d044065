package release

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/neurondex/neurondex/internal/redact"
	"github.com/neurondex/neurondex/source"
)

// DefaultInterval is how often a source reads the newest record, whatever its store reports.
const DefaultInterval = 5 * time.Second

// maxBackoff bounds the time between attempts after failures.
const maxBackoff = time.Minute

// hintPause is the pause after a hint that led to nothing. It doubles with each further one.
const hintPause = 5 * time.Millisecond

// SourceOptions say how a source follows a repository.
type SourceOptions struct {
	// Interval is the longest time between two readings of the newest record. Each is up to
	// a half shorter, at random, so that readers do not act together. After failures it is
	// twice [DefaultInterval] at most, and doubles, up to a minute. 0 means [DefaultInterval].
	Interval time.Duration

	// Relay is told each release that the source keeps in the cache of the repository. It may
	// be nil.
	Relay *Relay
}

// Source returns a source of the newest release. It delivers what a release changes in one
// batch, and only once all of it is verified. While the newest release is refused, or the
// store cannot be read, Poll returns an error and the last good release stays in service.
//
// If the repository has a cache, the last good release is kept there. If the store cannot be
// read at the start, the first Poll delivers that and names the problem in the health only;
// the next Poll returns the error.
//
// The source does not close the stores.
func (repo *Repository) Source(o SourceOptions) source.Source {
	return &follower{repo: repo, relay: o.Relay, interval: cmp.Or(o.Interval, DefaultInterval)}
}

// A follower is the source of a repository.
type follower struct {
	repo     *Repository
	relay    *Relay // or nil
	interval time.Duration

	last     Record  // the newest that was good, here or in the cache
	served   *loaded // what was delivered; nil before the first
	cached   bool    // it was read from the cache, and no release from the store yet
	unkept   bool    // the cache does not hold it, since it could not be written
	hinted   bool    // the last Wait returned because of a hint
	idle     int     // hints that led to nothing, since the last that did
	recalled bool    // the cache was read
	again    bool    // Wait must not wait: Poll has an error to return
	seen     int     // the newest number seen, refused ones included
	refused  refusal
	failures int // of reading the store, since the last success
	health   source.Health
}

// A refusal is the record that was refused last. To find that out again costs as much as
// to read a release.
type refusal struct {
	hash  Hash
	err   error
	until time.Time // when to try again
	pause time.Duration
}

// Wait implements [source.Source].
func (f *follower) Wait(ctx context.Context) error {
	if f.again {
		f.again = false
		return ctx.Err()
	}
	pause := f.interval
	if f.failures > 0 { // a long interval is for stores that report changes
		pause = min(pause, DefaultInterval)
	}
	for i := 0; i < f.failures && pause < maxBackoff; i++ {
		pause = min(2*pause, maxBackoff)
	}
	pause -= rand.N(pause/2 + 1)
	timer, cancel := context.WithTimeout(ctx, pause)
	defer cancel()
	if f.idle > 0 { // a store that hints without end is asked at intervals
		select {
		case <-timer.Done():
		case <-time.After(hintPause << min(f.idle, 16)):
		}
	}
	if f.failures > 0 || f.repo.Store.Wait(timer, recordPrefix, recordKey(f.seen)) != nil {
		<-timer.Done()
	} else if ctx.Err() == nil && timer.Err() == nil {
		f.health.Events++
		f.hinted = true
	}
	return ctx.Err()
}

// Poll implements [source.Source].
func (f *follower) Poll(ctx context.Context, depth source.Depth) (source.Batch, error) {
	first, before := !f.recalled, f.last.Hash
	b, err := f.poll(ctx, depth)
	if f.hinted && f.last.Hash == before {
		f.idle++
	} else {
		f.idle = 0
	}
	f.hinted = false
	_, isRefused := errors.AsType[*RefusedError](err)
	switch {
	case err == nil:
		f.failures, f.refused = 0, refusal{}
		f.health.LastScan = time.Now()
	case isRefused, errors.Is(err, ErrNoRelease):
		f.failures = 0
	case ctx.Err() == nil:
		f.failures++
	}
	f.health.Mode = "releases"
	if f.cached {
		f.health.Problem = fmt.Sprintf("serving release %d of the cache: %s", f.last.Number, forAll(err))
		if first && ctx.Err() == nil {
			err, f.again = nil, true
		}
	}
	b.Health = f.health
	if f.served != nil {
		r := f.last.Release
		b.Health.Release = &source.Release{Number: r.Number, Time: r.Time, Message: r.Message, Cached: f.cached}
	}
	return b, err
}

func (f *follower) poll(ctx context.Context, depth source.Depth) (b source.Batch, err error) {
	var recallErr error
	if !f.recalled {
		if b, recallErr = f.recall(ctx); ctx.Err() != nil {
			return b, ctx.Err()
		}
		f.recalled = true
	}
	rec, err := f.newest(ctx)
	if err != nil {
		return b, errors.Join(err, recallErr)
	}
	if rec.Hash == f.last.Hash && f.served != nil && depth != source.PollReread {
		f.confirm()
		if f.unkept {
			f.keep(ctx, rec)
		}
		return b, nil
	}
	old := f.served
	if depth == source.PollReread {
		old = nil
	}
	if depth == source.PollNotified && f.refused.hash == rec.Hash && time.Now().Before(f.refused.until) {
		return b, f.refused.err
	}
	next, documents, err := f.repo.read(ctx, f.repo.fetch, rec.Release, old)
	if err != nil {
		return b, f.refuse(rec, err)
	}
	b.Changed = merge(b.Changed, documents)
	f.deliver(&b, rec, next)
	f.confirm()
	f.keep(ctx, rec)
	return b, nil
}

// confirm notes that the release in service is that of the store.
func (f *follower) confirm() {
	if f.cached {
		f.cached, f.health.Problem = false, ""
	}
}

// refuse returns the error of a release, and remembers it if it is about what the store holds.
func (f *follower) refuse(rec Record, err error) error {
	err = refused(rec.Number, err)
	if _, ok := errors.AsType[*RefusedError](err); !ok {
		return err
	}
	pause := f.interval
	if f.refused.hash == rec.Hash {
		pause = min(2*f.refused.pause, max(maxBackoff, f.interval))
	}
	f.refused = refusal{rec.Hash, err, time.Now().Add(pause), pause}
	return err
}

// newest reads the newest record and checks that it may follow the last one.
func (f *follower) newest(ctx context.Context) (Record, error) {
	after := max(f.last.Number-1, 0)
	rec, err := f.repo.newest(ctx, f.repo.store(), after)
	switch {
	case err != nil:
		return rec, err
	case rec.Number == 0 && f.last.Number == 0:
		return rec, fmt.Errorf("store is empty: %w", ErrNoRelease)
	case rec.Number == 0:
		older, err := f.repo.newest(ctx, f.repo.store(), 0)
		if err != nil {
			return rec, err
		}
		return rec, &RefusedError{older.Number, fmt.Errorf("%w, %d; if the store was replaced, start again with an empty cache", ErrBackwards, f.last.Number)}
	}
	f.seen = rec.Number
	switch {
	case rec.Number == f.last.Number && rec.Hash != f.last.Hash:
		return rec, &RefusedError{rec.Number, ErrReplaced}
	case rec.Err != nil:
		return rec, rec.Err
	case rec.Number == f.last.Number+1 && f.last.Number > 0 && rec.Release.Parent != f.last.Hash:
		return rec, &RefusedError{rec.Number, fmt.Errorf("it does not follow release %d as it was read: %w", f.last.Number, ErrReplaced)}
	}
	return rec, nil
}

// deliver completes a batch and takes note of what it delivers. The batch may hold documents
// of the cache that the release does not have.
func (f *follower) deliver(b *source.Batch, rec Record, next *loaded) {
	gone := func(d source.Document) bool {
		_, ok := next.manifest.entries[d.Name]
		return !ok
	}
	if f.served != nil {
		recalled := make(map[string]bool)
		for _, d := range b.Changed {
			recalled[d.Name] = true
		}
		for name := range f.served.manifest.entries {
			if gone(source.Document{Name: name}) && !recalled[name] {
				b.Removed = append(b.Removed, name)
			}
		}
		b.Changed = slices.DeleteFunc(b.Changed, gone)
	}
	f.last, f.served = rec, next
}

// merge returns documents of a batch after those of a later release.
func merge(earlier []source.Document, later []document) []source.Document {
	names := make(map[string]bool, len(later))
	all := make([]source.Document, 0, len(earlier)+len(later))
	for _, d := range later {
		names[d.Name] = true
		all = append(all, source.Document{Name: d.Name, Data: d.data})
	}
	for _, d := range earlier {
		if !names[d.Name] {
			all = append(all, d)
		}
	}
	return all
}

// Close implements [source.Source].
func (f *follower) Close() error { return nil }

// How much of the past a cache keeps.
const (
	cachedReleases = 2
	cacheGrace     = time.Hour
)

// cache is the repository of the cache.
func (f *follower) cache() *Repository {
	c := *f.repo
	c.Store, c.Cache = f.repo.Cache, nil
	return &c
}

// recall delivers the last good release of the cache, if there is one.
func (f *follower) recall(ctx context.Context) (b source.Batch, err error) {
	if f.repo.Cache == nil {
		return b, nil
	}
	cache := f.cache()
	records, err := cache.History(ctx)
	if err != nil {
		return b, fmt.Errorf("cache: %w", err)
	}
	for _, rec := range records {
		if rec.Err != nil {
			err = rec.Err
			continue
		}
		next, documents, readErr := cache.read(ctx, cache.fetch, rec.Release, nil)
		if readErr != nil {
			err = refused(rec.Number, readErr)
			continue
		}
		b.Changed = merge(nil, documents)
		f.deliver(&b, rec, next)
		f.cached, f.seen = true, rec.Number
		f.pass(rec)
		return b, nil
	}
	if err != nil {
		err = fmt.Errorf("cache: %w", err)
	}
	return b, err
}

// keep makes the cache hold the release in service, and notes in the health if it cannot.
func (f *follower) keep(ctx context.Context, rec Record) {
	if f.repo.Cache == nil {
		return
	}
	f.health.Problem = ""
	err := f.save(ctx, rec)
	f.unkept = err != nil
	if err != nil && ctx.Err() == nil {
		f.health.Problem = fmt.Sprintf("cannot write the cache: %s; the next start needs the store", forAll(err))
	}
}

// forAll returns the text of an error for the health, which clients of a server may read.
func forAll(err error) string {
	if err == nil {
		return ""
	}
	return redact.Paths(err.Error(), err)
}

// pass lets others follow the release in service, which the cache holds.
func (f *follower) pass(rec Record) {
	if f.relay != nil {
		f.relay.add(f.repo, rec, f.served.manifest)
	}
}

func (f *follower) save(ctx context.Context, rec Record) error {
	cache := f.cache()
	there, err := cache.stored(ctx)
	if err != nil {
		return err
	}
	var missing []ref
	for r := range f.served.manifest.refs {
		if _, ok := there[r.Hash]; !ok {
			missing = append(missing, r)
		}
	}
	err = each(ctx, len(missing), func(ctx context.Context, i int) error {
		content, err := missing[i].get(ctx, f.repo.store())
		if err == nil {
			err = missing[i].put(ctx, cache.Store, compress(content))
		}
		return err
	})
	if err != nil {
		return err
	}
	// What else has this number, or a later one, was refused.
	others, err := numbers(ctx, cache.Store, rec.Number-1)
	if err != nil {
		return err
	}
	for _, number := range others {
		if err := cache.Store.Delete(ctx, recordKey(number)); err != nil {
			return err
		}
	}
	if err := cache.Store.Create(ctx, recordKey(rec.Number), rec.data); err != nil {
		return err
	}
	f.pass(rec)
	_, err = cache.Prune(ctx, cachedReleases, cacheGrace)
	if _, ok := errors.AsType[*RefusedError](err); ok {
		return nil // an older release, such as one of a key that is not accepted any more
	}
	return err
}
