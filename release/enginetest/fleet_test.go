package enginetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/release"
	"github.com/neurondex/neurondex/source"
	"github.com/neurondex/neurondex/watcher"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A fleet is a set of replicas that follow a store while pushers publish releases there. Each replica
// records every state that it serves, and [fleet.run] checks these histories.
type fleet struct {
	// Open opens the store, each time the same one, which is empty at first.
	Open func() release.Store

	Replicas int
	Pushers  int // 0 means 1
	Releases int // of each pusher
	Datasets int // of each release; 0 means 100

	// Interval is that of the replicas' sources.
	Interval time.Duration

	// Disturb, if not nil, causes one fault of the store or of the connections to it, and
	// repairs it. It is called repeatedly while releases are published, and the pushers publish
	// until the last call returns. Without it, a single pusher publishes a release only when
	// all replicas serve the one before.
	Disturb func()
}

// A fleetReport has the times from the end of a push until the release was visible at a
// replica, and at all of them.
type fleetReport struct {
	Visible, Everywhere []time.Duration // sorted
	Published           int
	FailedPushes        int // that were repeated
	Conflicts           int
	States              int // that replicas recorded
}

// String returns the numbers, and the median and the 99th percentile of the durations.
func (r *fleetReport) String() string {
	return fmt.Sprintf("%d releases, %d states; %d pushes failed, %d conflicts; visible after %v (99 %%: %v), everywhere after %v (99 %%: %v)",
		r.Published, r.States, r.FailedPushes, r.Conflicts,
		percentile(r.Visible, 50), percentile(r.Visible, 99), percentile(r.Everywhere, 50), percentile(r.Everywhere, 99))
}

func percentile(sorted []time.Duration, p int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[(len(sorted)-1)*p/100].Round(100 * time.Microsecond)
}

// A state is what a replica serves, and since when.
type state struct {
	time time.Time
	hash registry.Hash
}

// A replica follows the store.
type replica struct {
	mu     sync.Mutex // guards states
	states []state
}

// A publication is a push that succeeded.
type publication struct {
	release *release.Release
	done    time.Time
}

// A trial is a run of a fleet.
type trial struct {
	fleet
	*testing.T
	replicas []*replica

	mu        sync.Mutex // guards the rest
	published []publication
	report    fleetReport
}

const (
	datasetsPerDocument = 10
	minDisturbances     = 3
	betweenPushes       = 10 * time.Millisecond
)

// run runs the fleet. It fails the test unless each replica served whole releases only, in
// the order of their numbers, and serves the last one in the end, and unless the store holds
// every release whose push succeeded.
func (f fleet) run(t *testing.T) *fleetReport {
	t.Helper()
	f.Pushers, f.Datasets = max(f.Pushers, 1), max(f.Datasets, 100)
	r := &trial{fleet: f, T: t}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r.push(ctx, &release.Repository{Store: r.openStore()}, "first.toml", 0)

	var followers sync.WaitGroup
	for range f.Replicas {
		rep := new(replica)
		r.replicas = append(r.replicas, rep)
		repo := &release.Repository{Store: r.openStore()}
		w, err := watcher.Follow(ctx, repo.Source(release.SourceOptions{Interval: f.Interval}), watcher.WithLogger(nil))
		require.NoError(t, err)
		followers.Go(func() {
			for u := range w.Updates(ctx) {
				rep.record(state{time.Now(), u.After.Hash()})
			}
			_ = w.Close()
		})
	}
	calm := make(chan struct{})
	go func() {
		defer close(calm)
		if f.Disturb != nil {
			for range max(minDisturbances, f.Releases/10) {
				f.Disturb()
			}
		}
	}()
	var pushers sync.WaitGroup
	for p := range f.Pushers {
		pushers.Go(func() { r.pushAll(ctx, p, calm) })
	}
	pushers.Wait()
	<-calm
	r.await()
	cancel()
	followers.Wait()
	return r.check()
}

func (r *trial) openStore() release.Store {
	s := r.Open()
	r.Cleanup(func() { assert.NoError(r, s.Close()) })
	return s
}

func (rep *replica) record(s state) {
	rep.mu.Lock()
	defer rep.mu.Unlock()
	rep.states = append(rep.states, s)
}

func (rep *replica) last() registry.Hash {
	rep.mu.Lock()
	defer rep.mu.Unlock()
	if len(rep.states) == 0 {
		return registry.Hash{}
	}
	return rep.states[len(rep.states)-1].hash
}

// await waits until all replicas serve what was published last.
func (r *trial) await() {
	r.mu.Lock()
	last := slices.MaxFunc(r.published, func(a, b publication) int { return a.release.Number - b.release.Number }).release
	r.mu.Unlock()
	require.EventuallyWithT(r, func(c *assert.CollectT) {
		for i, rep := range r.replicas {
			require.Equal(c, last.Catalog, rep.last(), "replica %d does not serve release %d", i, last.Number)
		}
	}, 3*time.Minute, 5*time.Millisecond)
}

// pushAll publishes the releases of a pusher, and more until calm is closed.
func (r *trial) pushAll(ctx context.Context, pusher int, calm <-chan struct{}) {
	repo := &release.Repository{Store: r.openStore()}
	disturbed := r.Disturb != nil
	for version := 1; version <= r.Releases || disturbed; version++ {
		r.push(ctx, repo, fmt.Sprintf("%d.toml", pusher), version)
		switch {
		case disturbed:
			select {
			case <-calm:
				disturbed = false
			case <-time.After(betweenPushes):
			}
		case r.Pushers == 1 && r.Disturb == nil:
			r.await()
		}
	}
}

// push publishes the newest release with a version of a document, and repeats that until it
// succeeded.
func (r *trial) push(ctx context.Context, repo *release.Repository, name string, version int) {
	retry := 10 * time.Millisecond
	for ctx.Err() == nil {
		published, err := r.tryPush(ctx, repo, name, version)
		now := time.Now()
		var conflict *release.ConflictError
		r.mu.Lock()
		switch {
		case err == nil:
			r.published = append(r.published, publication{published, now})
		case errors.As(err, &conflict):
			r.report.Conflicts++
		default:
			r.report.FailedPushes++
			r.Logf("a push of version %d of %s failed: %v", version, name, err)
		}
		r.mu.Unlock()
		switch {
		case err == nil:
			return
		case conflict != nil:
			continue
		case r.Disturb == nil:
			assert.NoError(r, err)
			return
		}
		select {
		case <-time.After(retry):
		case <-ctx.Done():
		}
		retry = min(2*retry, time.Second)
	}
}

func (r *trial) tryPush(ctx context.Context, repo *release.Repository, name string, version int) (*release.Release, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	head, err := repo.Head(ctx)
	if err != nil {
		return nil, err
	}
	documents := make(map[string][]byte)
	if head.Number > 0 {
		_, c, err := repo.Pull(ctx, head.Number, nil)
		if err != nil {
			return nil, err
		}
		for name, data := range c.Documents() {
			documents[name] = data
		}
	} else {
		for i := range r.Datasets / datasetsPerDocument {
			name := fmt.Sprintf("%d.toml", i)
			documents[name] = document(name, 0, datasetsPerDocument)
		}
	}
	documents[name] = document(name, version, datasetsPerDocument)
	var list []source.Document
	for name, data := range documents {
		list = append(list, source.Document{Name: name, Data: data})
	}
	c, err := release.NewCatalog(list)
	if err != nil {
		return nil, err
	}
	return repo.Push(ctx, c, head, release.PushOptions{By: name, Message: fmt.Sprintf("version %d of %s", version, name)})
}

// document returns a document whose datasets have a version.
func document(name string, version, datasets int) []byte {
	var b strings.Builder
	for i := range datasets {
		fmt.Fprintf(&b, "[[datasets]]\nshort_name = \"%s-%d\"\nderived_scalar_type = \"mlp_post_act\"\n", name, i)
		fmt.Fprintf(&b, "user_visible_name = \"Version %d\"\nneuron_dataset_path = \"https://host.example/%s/%d\"\n", version, name, version)
	}
	return []byte(b.String())
}

// check checks the histories.
func (r *trial) check() *fleetReport {
	repo := &release.Repository{Store: r.openStore()}
	records, err := repo.History(context.Background())
	require.NoError(r, err)
	slices.Reverse(records)
	numbers := make(map[registry.Hash]int)
	for i, rec := range records {
		require.NoError(r, rec.Err)
		require.Equal(r, i+1, rec.Number, "numbers have no gap")
		if i > 0 {
			require.Equal(r, records[i-1].Hash, rec.Release.Parent, "release %d follows the one before", rec.Number)
		}
		numbers[rec.Release.Catalog] = rec.Number
	}
	require.Len(r, records, len(r.published), "each version is published once")
	require.GreaterOrEqual(r, len(records), 1+r.Pushers*r.Releases)
	for _, p := range r.published {
		require.Equal(r, p.release.Catalog, records[p.release.Number-1].Release.Catalog, "release %d is lost", p.release.Number)
	}
	report := &r.report
	report.Published = len(records)
	everywhere := make(map[int]time.Duration)
	for i, rep := range r.replicas {
		last := 0
		var visible []int // numbers, by state
		for _, s := range rep.states {
			n, ok := numbers[s.hash]
			require.True(r, ok || last == 0 && s.hash == registry.Hash{}, "replica %d served a state that is no release, after release %d", i, last)
			require.GreaterOrEqual(r, n, last, "replica %d served release %d after %d", i, n, last)
			visible, last = append(visible, n), n
		}
		require.Equal(r, len(records), last, "replica %d serves the last release", i)
		report.States += len(rep.states)
		for _, p := range r.published {
			first := slices.IndexFunc(visible, func(n int) bool { return n >= p.release.Number })
			took := max(rep.states[first].time.Sub(p.done), 0) // it may be seen before the pusher knows
			if p.release.Number > 1 {
				report.Visible = append(report.Visible, took)
				everywhere[p.release.Number] = max(everywhere[p.release.Number], took)
			}
		}
	}
	for _, took := range everywhere {
		report.Everywhere = append(report.Everywhere, took)
	}
	slices.Sort(report.Visible)
	slices.Sort(report.Everywhere)
	return report
}
