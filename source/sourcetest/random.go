package sourcetest

import (
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/neurondex/neurondex/registry"
	"github.com/stretchr/testify/require"
)

// random returns the random numbers of a test.
func (r *rig) random() *rand.Rand {
	r.Helper()
	seed := rand.Uint64()
	if s := os.Getenv("SOURCETEST_SEED"); s != "" {
		var err error
		seed, err = strconv.ParseUint(s, 10, 64)
		require.NoError(r, err, "SOURCETEST_SEED")
	}
	r.Logf("SOURCETEST_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// testRandom makes random changes, some of them atomic changes of several documents, and
// calls Sync after each. It checks that subscribers see only states that the store had, in
// order, and that each change is one generation.
func testRandom(r *rig) {
	random := r.random()
	names := append(r.store.names(), "e.toml")
	r.open()
	subscriber := r.subscribe()
	states := []string{""} // that the store had; the index is the generation
	for version := range 30 {
		name := names[random.IntN(len(names))]
		_, exists := r.documents[name]
		invalid := slices.Contains(r.invalid, name)
		switch kind := random.IntN(10); {
		case kind < 2 && (exists || invalid):
			r.remove(name)
		case kind < 3 && exists && !invalid:
			r.put(name, r.documents[name].version) // the same content
		case kind < 5 && !r.store.Valid:
			r.putInvalid(name, strings.Repeat("{", 1+version))
		case kind < 7 && r.store.Apply != nil:
			r.applyRandom(random, names, version)
		default:
			r.put(name, version)
		}
		if next := state(r.documents); next != states[len(states)-1] {
			states = append(states, next)
		}
		r.sync()
		require.Equal(r, uint64(len(states)-1), r.watcher.Snapshot().Generation(), "each change is one generation")
	}
	at := 0
	for _, u := range subscriber.end(r.T, r.watcher.Snapshot()) {
		next := slices.Index(states[at:], served(u.After))
		require.GreaterOrEqual(r, next, 0, "subscriber saw a state that the store never had, or had before:\n%s", served(u.After))
		at += next
	}
}

// applyRandom puts and removes several documents atomically.
func (r *rig) applyRandom(random *rand.Rand, names []string, version int) {
	r.Helper()
	put := make(map[string]string)
	var remove []string
	for _, name := range names {
		_, exists := r.documents[name]
		switch random.IntN(3) {
		case 0:
			r.documents[name] = document{version, 1 + random.IntN(3)}
			put[name] = r.documents[name].content(name)
			r.setInvalid(name, false)
		case 1:
			if exists || slices.Contains(r.invalid, name) {
				remove = append(remove, name)
				delete(r.documents, name)
				r.setInvalid(name, false)
			}
		}
	}
	require.NoError(r, r.store.Apply(put, remove))
}

// testBursts makes many changes without a pause. The versions of a document only increase.
// It checks that no older version is served after a newer one, that no version is served
// in part, and that the last one is served. Other versions may be skipped.
func testBursts(r *rig) {
	random := r.random()
	all := r.store.names()
	states := make(map[string]map[string]bool) // that each document had
	change := func(version int) {
		name := all[random.IntN(len(all))]
		if _, exists := r.documents[name]; exists && random.IntN(5) == 0 {
			r.remove(name)
			return
		}
		r.put(name, version)
		if states[name] == nil {
			states[name] = make(map[string]bool)
		}
		states[name][state(map[string]document{name: r.documents[name]})] = true
	}
	r.open()
	subscriber := r.subscribe()
	version := 0
	for burst := range 6 {
		for range random.IntN(20) {
			version++
			change(version)
		}
		if burst%2 == 0 {
			r.sync()
		} else {
			r.follow()
		}
	}
	r.sync()
	last := make(map[string]int)
	for _, u := range subscriber.end(r.T, r.watcher.Snapshot()) {
		for name, datasets := range byDocument(u.After) {
			require.True(r, states[name][strings.Join(datasets, " ")], "%s never had these datasets: %v", name, datasets)
			_, path, _ := strings.Cut(datasets[0], "=")
			version, err := strconv.Atoi(path)
			require.NoError(r, err)
			require.GreaterOrEqual(r, version, last[name], "older version of %s", name)
			last[name] = version
		}
	}
}

// byDocument returns the datasets of each document of a snapshot.
func byDocument(s *registry.Snapshot) map[string][]string {
	datasets := make(map[string][]string)
	for d := range s.All() {
		datasets[d.Document()] = append(datasets[d.Document()], d.ShortName()+"="+d.NeuronDatasetPath())
	}
	return datasets
}
