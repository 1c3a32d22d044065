package dir_test

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/internal/watchtest"
	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/source/dir"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	modelTime = flag.Duration("model.time", 3*time.Second, "how long TestModel changes files, in each mode")
	modelSeed = flag.Uint64("model.seed", 0, "seed of TestModel; 0 means a random one")
)

// TestModel changes a directory at random from several goroutines, in the ways that people
// and programs do. Every snapshot must consist of complete states of documents. In the end
// the registry must equal a fresh load.
func TestModel(t *testing.T) {
	seed := *modelSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	for _, mode := range []struct {
		name string
		dir  dir.Dir
	}{{"events", dir.Dir{}}, {"polling", dir.Dir{Polling: true}}} {
		t.Run(mode.name, func(t *testing.T) {
			t.Parallel()
			t.Logf("-model.seed %d", seed)
			newModel(t, seed).run(mode.dir)
		})
	}
}

// The times are short, so that many states are served. A writer that pauses in the middle
// of a file for so long that the file may have settled allows that state.
const (
	modelSettle   = 40 * time.Millisecond
	modelMaxDelay = 20 * time.Millisecond
)

// A model is a directory of which every allowed state is known.
type model struct {
	*watchtest.Rig
	seed    uint64
	outside string       // beside the directory, and not watched
	root    sync.RWMutex // locked while the root is removed; read-locked while files change

	mu      sync.Mutex                 // guards the rest
	allowed map[string]map[string]bool // states of each document
	invalid map[string]bool            // documents whose last allowed state may not be served
}

func newModel(t *testing.T, seed uint64) *model {
	m := &model{Rig: watchtest.New(t), seed: seed, outside: t.TempDir(), allowed: make(map[string]map[string]bool), invalid: make(map[string]bool)}
	require.NoError(t, os.MkdirAll(m.Dir, 0o755))
	return m
}

// allow allows a state of a document: the versions of its datasets.
func (m *model) allow(doc, state string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.allowed[doc] == nil {
		m.allowed[doc] = make(map[string]bool)
	}
	m.allowed[doc][state] = true
}

func (m *model) setInvalid(doc string, invalid bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.invalid[doc] = invalid
}

// state returns the state of each document of a snapshot, as allow takes it.
func state(s *registry.Snapshot) map[string]string {
	out := make(map[string]string)
	for d := range s.All() {
		out[d.Document()] += d.NeuronDatasetPath() + " "
	}
	return out
}

// content returns a document of n datasets, numbered from first, and its state.
func content(doc string, version, first, n int) (text, state string) {
	var names []string
	for i := range n {
		names = append(names, fmt.Sprintf("%s-%d", doc, first+i))
	}
	path := fmt.Sprint("v", version)
	return watchtest.TOML(path, names...), strings.Repeat(path+" ", n)
}

func (m *model) run(d dir.Dir) {
	d.Settle, d.MaxDelay, d.Resync = modelSettle, modelMaxDelay, 10*time.Second
	m.OpenDir(d)
	ctx, cancel := context.WithCancel(m.Context())
	var readers sync.WaitGroup
	readers.Go(func() {
		last := uint64(0)
		for u := range m.W.Updates(ctx) {
			assert.Equal(m, last, u.Before.Generation(), "gap between updates")
			last = u.After.Generation()
			m.check(u.After)
		}
	})
	readers.Go(func() {
		for tick := time.Tick(time.Millisecond); ctx.Err() == nil; <-tick {
			m.check(m.W.Snapshot())
		}
	})

	var writers sync.WaitGroup
	deadline := time.Now().Add(*modelTime)
	for i := range 3 {
		w := &writer{model: m, name: fmt.Sprint("w", i), random: rand.New(rand.NewPCG(m.seed, uint64(i)))}
		writers.Go(func() { w.work(deadline) })
	}
	writers.Go(func() { m.swapLinks(deadline, rand.New(rand.NewPCG(m.seed, 100))) })
	writers.Go(func() { m.removeRoot(deadline, rand.New(rand.NewPCG(m.seed, 101))) })
	writers.Wait()

	m.waitForFreshLoad()
	cancel()
	readers.Wait()
	m.Logf("%d generations, %d datasets at the end, %+v", m.W.Snapshot().Generation(), m.W.Snapshot().Len(), m.W.Status().Source)
}

// check checks that a snapshot consists of allowed states, and mixes no revisions of a
// link.
func (m *model) check(s *registry.Snapshot) {
	states := state(s)
	m.mu.Lock()
	defer m.mu.Unlock()
	revisions := make(map[string]string)
	for doc, state := range states {
		if !m.allowed[doc][state] {
			m.Errorf("seed %d: %s never had the state %q", m.seed, doc, state)
		}
		group, _, grouped := strings.Cut(doc, "/")
		if group = strings.TrimSuffix(group, ".toml"); !grouped || !strings.HasPrefix(group, "link") {
			continue
		}
		if other, ok := revisions[group]; ok && other != state {
			m.Errorf("seed %d: %s mixes %q and %q", m.seed, group, other, state)
		}
		revisions[group] = state
	}
}

// waitForFreshLoad waits until the registry equals a fresh load, apart from invalid
// documents.
func (m *model) waitForFreshLoad() {
	fresh, err := config.LoadDir(m.Dir)
	require.NoError(m, err)
	reg := registry.New()
	_, err = reg.Apply(fresh.Change())
	require.NoError(m, err)
	want := state(reg.Snapshot())
	valid := func(states map[string]string) map[string]string {
		maps.DeleteFunc(states, func(doc, _ string) bool { return m.invalid[doc] })
		return states
	}
	valid(want)
	ctx, cancel := context.WithTimeout(m.Context(), 30*time.Second)
	defer cancel()
	start := time.Now()
	for range m.W.Updates(ctx) {
		if maps.Equal(want, valid(state(m.W.Snapshot()))) {
			m.Logf("equal to a fresh load %v after the last change", time.Since(start))
			return
		}
	}
	assert.Equal(m, want, valid(state(m.W.Snapshot())), "seed %d: %+v", m.seed, m.W.Status())
}

// do calls f while the root exists.
func (m *model) do(f func()) {
	m.root.RLock()
	defer m.root.RUnlock()
	f()
}

// swapLinks publishes revisions as Kubernetes does, through a ..data link that the links of
// the files lead through, and as git-sync does, through a link to a directory. It removes
// swapLinks publishes revisions as a Kubernetes volume does (files and directories are links
// through a ..data link), and as git-sync does (a link to a directory whose old target is
// deleted right after). No snapshot may hold two revisions of one. It takes the steps of
// Kubernetes' own AtomicWriter, and may pause between any two of them.
func (m *model) swapLinks(deadline time.Time, random *rand.Rand) {
	names := []string{"a.toml", "b.toml", "sub/c.toml", "sub/deep/d.toml"}
	write := func(dir, group string, rev int) {
		for _, name := range names {
			doc := group + "/" + name
			text, state := content(doc, rev, 0, 2)
			m.allow(doc, state)
			path := filepath.Join(dir, name)
			assert.NoError(m, os.MkdirAll(filepath.Dir(path), 0o755))
			assert.NoError(m, os.WriteFile(path, []byte(text), 0o644))
		}
	}
	swap := func(target, link, next string) {
		assert.NoError(m, os.Symlink(target, next))
		assert.NoError(m, os.Rename(next, link))
	}
	pause := func() {
		if random.IntN(3) == 0 {
			time.Sleep(time.Duration(random.IntN(80)) * time.Millisecond)
		}
	}
	old := ""
	for rev := 1; time.Now().Before(deadline); rev++ {
		m.do(func() {
			// A new volume is created in one step, as by a mount.
			at := filepath.Join(m.Dir, "link-volume")
			volume := at
			if _, err := os.Stat(at); err != nil {
				volume = filepath.Join(m.outside, "volume")
			}
			revision := fmt.Sprint("..", rev)
			write(filepath.Join(volume, revision), "link-volume", rev)
			pause()
			before, _ := os.Readlink(filepath.Join(volume, "..data"))
			swap(revision, filepath.Join(volume, "..data"), filepath.Join(volume, "..data_tmp"))
			pause()
			if volume != at {
				for _, name := range []string{"a.toml", "b.toml", "sub"} {
					assert.NoError(m, os.Symlink("..data/"+name, filepath.Join(volume, name)))
				}
				assert.NoError(m, os.Rename(volume, at))
			} else if before != "" {
				assert.NoError(m, os.RemoveAll(filepath.Join(at, before)))
			}

			tree := filepath.Join(m.outside, fmt.Sprint("rev", rev))
			write(tree, "link-sync", rev)
			pause()
			swap(tree, filepath.Join(m.Dir, "link-sync"), filepath.Join(m.Dir, ".next"))
			if old != "" {
				pause()
				assert.NoError(m, os.RemoveAll(old))
			}
			old = tree
		})
		time.Sleep(time.Duration(random.IntN(100)) * time.Millisecond)
	}
}

// removeRoot renames the root for a while, or replaces it with an empty directory.
func (m *model) removeRoot(deadline time.Time, random *rand.Rand) {
	for time.Now().Before(deadline) {
		time.Sleep(time.Duration(300+random.IntN(700)) * time.Millisecond)
		m.root.Lock()
		if random.IntN(2) == 0 {
			away := m.Dir + ".away"
			assert.NoError(m, os.Rename(m.Dir, away))
			time.Sleep(time.Duration(random.IntN(50)) * time.Millisecond)
			assert.NoError(m, os.Rename(away, m.Dir))
		} else {
			assert.NoError(m, os.RemoveAll(m.Dir))
			assert.NoError(m, os.Mkdir(m.Dir, 0o755))
			m.mu.Lock()
			clear(m.invalid) // there are no documents
			m.mu.Unlock()
		}
		m.root.Unlock()
	}
}
