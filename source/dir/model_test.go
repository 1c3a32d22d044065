package dir_test

import (
	"context"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
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
	modelTime = flag.Duration("model.time", 3*time.Second, "how long TestModel changes files at random, in each mode")
	modelSeed = flag.Uint64("model.seed", 0, "seed of TestModel; 0: another each time")
)

// TestModel changes a directory at random from several goroutines, in all the ways that
// people and programs do, while readers hold every snapshot that they see against the
// states that documents ever had whole. Once it is quiet, the registry is to equal a fresh
// load.
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

// The times are short, so that many states are seen. A goroutine that writes a file in pieces
// says so where it was kept from going on for so long that the file may have looked still.
const (
	modelSettle   = 40 * time.Millisecond
	modelMaxDelay = 20 * time.Millisecond
)

// A model is a directory whose every whole state is known.
type model struct {
	*watchtest.Rig
	seed    uint64
	outside string // beside the directory, where no watch is

	mu      sync.Mutex // guards the rest
	allowed map[string]map[string]bool
	bad     map[string]bool // documents that are not as they were last allowed to be

	root sync.RWMutex // held to write by whoever takes the root away
}

func newModel(t *testing.T, seed uint64) *model {
	m := &model{Rig: watchtest.New(t), seed: seed, outside: t.TempDir(), allowed: make(map[string]map[string]bool), bad: make(map[string]bool)}
	require.NoError(t, os.MkdirAll(m.Dir, 0o755))
	return m
}

// allow adds a state that a document may be seen in: how many datasets of which version.
func (m *model) allow(doc, state string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.allowed[doc] == nil {
		m.allowed[doc] = make(map[string]bool)
	}
	m.allowed[doc][state] = true
}

func (m *model) setBad(doc string, bad bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.bad[doc] = bad
}

// state returns the state of each document of a snapshot, as allow takes it.
func state(s *registry.Snapshot) map[string]string {
	out := make(map[string]string)
	for d := range s.All() {
		out[d.Document()] += d.NeuronDatasetPath() + " "
	}
	return out
}

// content returns a document of n datasets of a version, the names from first up, and its
// state.
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
			assert.Equal(m, last, u.Before.Generation(), "no gap")
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
	writers.Go(func() { m.takeRootAway(deadline, rand.New(rand.NewPCG(m.seed, 101))) })
	writers.Wait()

	m.settled()
	cancel()
	readers.Wait()
	m.Logf("%d generations, %d datasets in the end, %+v", m.W.Snapshot().Generation(), m.W.Snapshot().Len(), m.W.Status().Source)
}

// check holds a snapshot against what documents may be.
func (m *model) check(s *registry.Snapshot) {
	states := state(s)
	m.mu.Lock()
	defer m.mu.Unlock()
	revisions := make(map[string]string)
	for doc, state := range states {
		if !m.allowed[doc][state] {
			m.Errorf("seed %d: %s was never %q", m.seed, doc, state)
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

// settled waits until the registry equals a fresh load, but for documents that are bad.
func (m *model) settled() {
	fresh, err := config.LoadDir(m.Dir)
	require.NoError(m, err)
	reg := registry.New()
	_, err = reg.Apply(fresh.Change())
	require.NoError(m, err)
	want := state(reg.Snapshot())
	less := func(states map[string]string) map[string]string {
		maps.DeleteFunc(states, func(doc, _ string) bool { return m.bad[doc] })
		return states
	}
	less(want)
	ctx, cancel := context.WithTimeout(m.Context(), 30*time.Second)
	defer cancel()
	quiet := time.Now()
	for range m.W.Updates(ctx) {
		if maps.Equal(want, less(state(m.W.Snapshot()))) {
			m.Logf("equal to a fresh load %v after the last change", time.Since(quiet))
			return
		}
	}
	assert.Equal(m, want, less(state(m.W.Snapshot())), "seed %d: %+v", m.seed, m.W.Status())
}

// A writer changes the documents of its own: some at the top, some in a directory.
type writer struct {
	*model
	name    string
	random  *rand.Rand
	version int
}

func (w *writer) work(deadline time.Time) {
	ops := []func(doc string){
		w.writeInPieces, w.writeInPieces, w.write1, w.appendTo, w.truncate, w.renameOver, w.renameOver, w.moveIn, w.renameAway,
		w.hardLink, w.touch, w.remove, w.vim, w.emacs, w.nano, w.renameWhole, w.removeAll, w.burst, w.spoil, w.empty, w.move,
	}
	for time.Now().Before(deadline) {
		doc := w.name + fmt.Sprint("-", w.random.IntN(4)) + ".toml"
		if w.random.IntN(2) == 0 {
			doc = w.name + "-dir/" + doc
		}
		w.do(func() { ops[w.random.IntN(len(ops))](doc) })
		time.Sleep(time.Duration(w.random.IntN(15)) * time.Millisecond)
	}
	// What is bad stays so, or is mended: both must be told apart from what is whole.
	for i := range 4 {
		for _, dir := range []string{"", w.name + "-dir/"} {
			doc := fmt.Sprintf("%s%s-%d.toml", dir, w.name, i)
			if w.random.IntN(3) > 0 {
				w.do(func() { w.renameOver(doc) })
			}
		}
	}
}

// do does something while the root is there.
func (m *model) do(f func()) {
	m.root.RLock()
	defer m.root.RUnlock()
	f()
}

// next returns new content for a document. It counts as whole from now on, and as bad
// until good is called.
func (w *writer) next(doc string) (path, text string, good func()) {
	w.version++
	n := 1 + w.random.IntN(6)
	text, state := content(doc, w.version, 0, n)
	w.allow(doc, state)
	w.setBad(doc, true)
	path = filepath.Join(w.Dir, doc)
	require.NoError(w, os.MkdirAll(filepath.Dir(path), 0o755))
	return path, text, func() { w.setBad(doc, false) }
}

func (w *writer) must(err error) {
	w.Helper()
	assert.NoError(w, err)
}

// ifThere passes over that there is no such file.
func (w *writer) ifThere(err error) bool {
	w.Helper()
	if err != nil {
		assert.ErrorIs(w, err, fs.ErrNotExist)
	}
	return err == nil
}

func (w *writer) writeInPieces(doc string) {
	path, text, good := w.next(doc)
	f, err := os.Create(path)
	if !assert.NoError(w, err) {
		return
	}
	written, last := 0, time.Now()
	for written < len(text) {
		n := min(len(text)-written, 1+w.random.IntN(200))
		_, err := f.WriteString(text[written : written+n])
		w.must(err)
		if time.Since(last) > modelSettle/2 {
			w.allow(doc, strings.Repeat(fmt.Sprintf("v%d ", w.version), strings.Count(text[:written], "\n\n")))
		}
		written, last = written+n, time.Now()
		if w.random.IntN(3) == 0 {
			time.Sleep(time.Duration(w.random.IntN(3)) * time.Millisecond)
		}
	}
	w.must(f.Close())
	good()
}

func (w *writer) write1(doc string) {
	path, text, good := w.next(doc)
	w.must(os.WriteFile(path, []byte(text), 0o644))
	good()
}

func (w *writer) nano(doc string) { w.write1(doc) }

func (w *writer) appendTo(doc string) {
	path, text, good := w.next(doc)
	w.must(os.WriteFile(path, []byte(text), 0o644))
	w.version++
	more, second := content(doc, w.version, 100, 2)
	w.allow(doc, strings.Repeat(fmt.Sprintf("v%d ", w.version-1), strings.Count(text, "[[datasets]]"))+second)
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if assert.NoError(w, err) {
		_, err = f.WriteString(more)
		w.must(err)
		w.must(f.Close())
	}
	good()
}

// truncate cuts a document after its first dataset: what is left is whole again.
func (w *writer) truncate(doc string) {
	path, text, good := w.next(doc)
	w.must(os.WriteFile(path, []byte(text), 0o644))
	if i := strings.Index(text[1:], "[[datasets]]"); i > 0 {
		w.allow(doc, fmt.Sprintf("v%d ", w.version))
		w.must(os.Truncate(path, int64(i+1)))
	}
	good()
}

func (w *writer) renameOver(doc string) {
	path, text, good := w.next(doc)
	w.must(os.WriteFile(path+".tmp", []byte(text), 0o644))
	w.must(os.Rename(path+".tmp", path))
	good()
}

// moveIn moves an older file in, from where nothing is watched.
func (w *writer) moveIn(doc string) {
	path, text, good := w.next(doc)
	from := filepath.Join(w.outside, w.name)
	w.must(os.WriteFile(from, []byte(text), 0o644))
	old := time.Now().Add(-time.Duration(w.random.IntN(3)) * time.Hour)
	w.must(os.Chtimes(from, old, old))
	w.must(os.Rename(from, path))
	good()
}

func (w *writer) renameAway(doc string) {
	path := filepath.Join(w.Dir, doc)
	if w.ifThere(os.Rename(path, filepath.Join(w.outside, w.name+".away"))) {
		w.setBad(doc, false)
	}
}

// hardLink links a file in, and changes it under its other name.
func (w *writer) hardLink(doc string) {
	path, text, good := w.next(doc)
	other := filepath.Join(w.outside, fmt.Sprintf("%s-%d", w.name, w.version))
	w.must(os.WriteFile(other, []byte(text), 0o644))
	if err := os.Remove(path); err != nil {
		w.ifThere(err)
	}
	w.must(os.Link(other, path))
	if w.random.IntN(2) == 0 {
		_, text, good = w.next(doc)
		w.must(os.WriteFile(other, []byte(text), 0o644))
	}
	good()
}

func (w *writer) touch(doc string) {
	path := filepath.Join(w.Dir, doc)
	w.ifThere(os.Chtimes(path, time.Time{}, time.Now()))
	w.ifThere(os.Chmod(path, 0o600+fs.FileMode(w.random.IntN(2))*0o44))
}

func (w *writer) remove(doc string) {
	if w.ifThere(os.Remove(filepath.Join(w.Dir, doc))) {
		w.setBad(doc, false)
	}
}

// vim moves the file to a backup, writes a new one, and removes the backup.
func (w *writer) vim(doc string) {
	path, text, good := w.next(doc)
	backup := w.ifThere(os.Rename(path, path+"~"))
	w.must(os.WriteFile(path, []byte(text), 0o644))
	if backup {
		w.must(os.Remove(path + "~"))
	}
	good()
}

// emacs writes what it saves by itself, moves the file to a backup, and writes a new one.
func (w *writer) emacs(doc string) {
	path, text, good := w.next(doc)
	auto := filepath.Join(filepath.Dir(path), "#"+filepath.Base(path)+"#")
	w.must(os.WriteFile(auto, []byte(text[:len(text)/2]), 0o644))
	w.ifThere(os.Rename(path, path+"~"))
	w.must(os.WriteFile(path, []byte(text), 0o644))
	w.must(os.Remove(auto))
	good()
}

// renameWhole puts a directory with files in place of the one that is there.
func (w *writer) renameWhole(string) {
	next := filepath.Join(w.outside, w.name+"-next")
	w.must(os.Mkdir(next, 0o755))
	for i := range 4 {
		doc := fmt.Sprintf("%s-dir/%s-%d.toml", w.name, w.name, i)
		w.version++
		text, state := content(doc, w.version, 0, 2)
		w.allow(doc, state)
		w.setBad(doc, false)
		w.must(os.WriteFile(filepath.Join(next, filepath.Base(doc)), []byte(text), 0o644))
	}
	at := filepath.Join(w.Dir, w.name+"-dir")
	w.must(os.RemoveAll(at))
	w.must(os.Rename(next, at))
}

func (w *writer) removeAll(string) {
	w.must(os.RemoveAll(filepath.Join(w.Dir, w.name+"-dir")))
	for i := range 4 {
		w.setBad(fmt.Sprintf("%s-dir/%s-%d.toml", w.name, w.name, i), false)
	}
}

// burst writes many files at once, and removes most of them.
func (w *writer) burst(string) {
	if w.random.IntN(4) > 0 {
		return
	}
	n := 200
	if *modelTime > time.Minute {
		n = 2000
	}
	dir := filepath.Join(w.Dir, w.name+"-burst")
	w.must(os.MkdirAll(dir, 0o755))
	for i := range n {
		doc := fmt.Sprintf("%s-burst/%d.toml", w.name, i)
		text, state := content(doc, 1, 0, 1)
		w.allow(doc, state)
		w.must(os.WriteFile(filepath.Join(w.Dir, doc), []byte(text), 0o644))
	}
	for i := range n {
		if w.random.IntN(8) > 0 {
			w.must(os.Remove(filepath.Join(dir, fmt.Sprint(i, ".toml"))))
		}
	}
}

// spoil makes a document bad: it keeps what it held.
func (w *writer) spoil(doc string) {
	path, text, _ := w.next(doc)
	w.must(os.WriteFile(path, []byte(text+"\n[[datasets]"), 0o644))
}

func (w *writer) empty(doc string) {
	path, _, _ := w.next(doc)
	w.must(os.WriteFile(path, nil, 0o644))
}

// move gives a document another name.
func (w *writer) move(doc string) {
	path, text, good := w.next(doc)
	w.must(os.WriteFile(path+".tmp", []byte(text), 0o644))
	w.must(os.Rename(path+".tmp", path))
	good()
	to := strings.Replace(doc, ".toml", "-moved.toml", 1)
	_, state := content(doc, w.version, 0, strings.Count(text, "[[datasets]]"))
	w.allow(to, state)
	if w.random.IntN(2) == 0 {
		w.must(os.Rename(path, filepath.Join(w.Dir, to)))
	}
	// In the end only one of the two is there, or readers would see one override the other.
	w.ifThere(os.Remove(filepath.Join(w.Dir, to)))
}

// swapLinks publishes revisions as a Kubernetes volume does, by a ..data link to files
// that are links themselves, and as git-sync does, by a link to a directory, the old one
// deleted right behind. No snapshot is to hold two revisions of one.
func (m *model) swapLinks(deadline time.Time, random *rand.Rand) {
	names := []string{"a.toml", "b.toml", "c.toml"}
	write := func(dir, group string, rev int) {
		assert.NoError(m, os.MkdirAll(dir, 0o755))
		for _, name := range names {
			doc := group + "/" + name
			text, state := content(doc, rev, 0, 2)
			m.allow(doc, state)
			assert.NoError(m, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
		}
	}
	flip := func(target, link string) {
		next := filepath.Join(filepath.Dir(link), ".next")
		assert.NoError(m, os.Symlink(target, next))
		assert.NoError(m, os.Rename(next, link))
	}
	old := ""
	for rev := 1; time.Now().Before(deadline); rev++ {
		m.do(func() {
			// A volume that is not there yet appears whole, as a mount does.
			at := filepath.Join(m.Dir, "link-volume")
			volume := at
			if _, err := os.Stat(at); err != nil {
				volume = filepath.Join(m.outside, "volume")
			}
			write(filepath.Join(volume, fmt.Sprint("..", rev)), "link-volume", rev)
			flip(fmt.Sprint("..", rev), filepath.Join(volume, "..data"))
			if volume != at {
				for _, name := range names {
					assert.NoError(m, os.Symlink("..data/"+name, filepath.Join(volume, name)))
				}
				assert.NoError(m, os.Rename(volume, at))
			}
			assert.NoError(m, os.RemoveAll(filepath.Join(at, fmt.Sprint("..", rev-1))))

			tree := filepath.Join(m.outside, fmt.Sprint("rev", rev))
			write(tree, "link-sync", rev)
			flip(tree, filepath.Join(m.Dir, "link-sync"))
			if old != "" {
				assert.NoError(m, os.RemoveAll(old))
			}
			old = tree
		})
		time.Sleep(time.Duration(random.IntN(100)) * time.Millisecond)
	}
}

// takeRootAway moves the root away for a while or removes it.
func (m *model) takeRootAway(deadline time.Time, random *rand.Rand) {
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
			clear(m.bad) // nothing is there to be bad
			m.mu.Unlock()
		}
		m.root.Unlock()
	}
}

// TestMovesBetweenFiles moves a dataset from one file to another, written in place, the
// one that loses it first: no snapshot lacks it.
func TestMovesBetweenFiles(t *testing.T) {
	r := watchtest.New(t)
	r.Write("a.toml", watchtest.TOML("1", "x", "a"))
	r.Write("b.toml", watchtest.TOML("1", "b"))
	r.OpenDir(dir.Dir{Settle: 300 * time.Millisecond, MaxDelay: 20 * time.Second})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for u := range r.W.Updates(ctx) {
			_, ok := u.After.Lookup("x", registry.MLPPostAct)
			assert.True(t, ok, "generation %d", u.After.Generation())
		}
	}()
	files := []string{"a.toml", "b.toml"}
	for i := range 4 {
		r.Write(files[i%2], watchtest.TOML(fmt.Sprint(i), "y"))
		r.Write(files[(i+1)%2], watchtest.TOML(fmt.Sprint(i), "x"))
		require.NoError(t, r.Sync())
	}
	// A file that gets another name: it went and came at once.
	require.NoError(t, os.Rename(filepath.Join(r.Dir, "a.toml"), filepath.Join(r.Dir, "c.toml")))
	require.NoError(t, r.Sync())
	cancel()
	<-done
	names := slices.Sorted(maps.Keys(state(r.W.Snapshot())))
	assert.Equal(t, []string{"b.toml", "c.toml"}, names)
}
