// Package sourcetest holds the tests that every [source.Source] is to pass:
//
//	func TestSource(t *testing.T) {
//		sourcetest.Run(t, func(t *testing.T) sourcetest.Store {
//			table := newTable(t)
//			return sourcetest.Store{
//				Open:   func() source.Source { return NewSource(table) },
//				Put:    table.Put,
//				Remove: table.Delete,
//			}
//		})
//	}
//
// A source is tested by itself, on the contract that [source.Source] states, and as what
// a [watcher.Watcher] follows, on what its users rely on. There is nothing to time: the
// tests wait for what is to happen, and fail if it does not within [Store.Within].
package sourcetest

import (
	"context"
	"testing"
	"time"

	"github.com/neurondex/neurondex/source"
	"go.uber.org/goleak"
)

// A Store is where the documents of a source under test are, and how a test changes them.
// Its functions are called one at a time.
type Store struct {
	// Open returns a new source on the store. It is closed before another is opened.
	Open func() source.Source

	// Put and Remove change one document. Once they have returned, the change is there
	// for all to see. They work while the store is out of a source's reach, too.
	Put    func(name, content string) error
	Remove func(name string) error

	// Apply makes several changes, which nobody is to see a part of. It is nil where that
	// cannot be done.
	Apply func(put map[string]string, remove []string) error

	// SetReachable puts the store out of a source's reach, and back into it. It is nil
	// where that cannot be done.
	SetReachable func(reachable bool) error

	// Flat says that names of documents have no slashes.
	Flat bool

	// Within is how long a source may take for anything at all. 0: 10 seconds.
	Within time.Duration
}

// Run tests a source. Each test has a store of its own, which is empty; t is its test's.
//
// It is not to run in parallel with other tests: it looks for goroutines that are left.
// Within itself it runs in parallel.
func Run(t *testing.T, newStore func(t *testing.T) Store) {
	t.Helper()
	t.Run("Close", func(t *testing.T) { testClose(t, newStore) })
	t.Run("Source", func(t *testing.T) {
		for name, test := range map[string]func(*probe){
			"Everything":  testEverything,
			"Barrier":     testBarrier,
			"Notices":     testNotices,
			"Quiet":       testQuiet,
			"Afresh":      testAfresh,
			"Removed":     testRemoved,
			"Context":     testContext,
			"Unreachable": testUnreachable,
			"Together":    testTogether,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				p := newProbe(t, newStore(t))
				test(p)
				p.end()
			})
		}
	})
	t.Run("Watcher", func(t *testing.T) {
		for name, test := range map[string]func(*rig){
			"Follows":            testFollows,
			"BadDocument":        testBadDocument,
			"SameBytes":          testSameBytes,
			"Unreachable":        testLost,
			"UnreachableAtFirst": testLostAtFirst,
			"Random":             testRandom,
			"Bursts":             testBursts,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(&rig{T: t, Store: newStore(t), documents: make(map[string]document)})
			})
		}
	})
}

// testClose looks for goroutines that outlive a source, or a watcher.
func testClose(t *testing.T, newStore func(t *testing.T) Store) {
	p := newProbe(t, newStore(t))
	p.end() // what is started once for all sources is running by now
	leaks := goleak.IgnoreCurrent()
	check := func(when string) {
		t.Helper()
		if err := goleak.Find(leaks); err != nil {
			t.Fatalf("goroutines are left of a source that was closed %s: %v", when, err)
		}
	}

	p.open()
	p.close()
	check("before the first look")

	p.open()
	p.put("a.toml", 1)
	p.settle(source.PollAll)
	p.put("a.toml", 2)
	p.put("b.toml", 1)
	p.poll(source.PollNotified)
	p.close()
	check("while there were changes")

	p.open()
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	_ = p.wait(ctx)
	cancel()
	p.close()
	check("after a wait")

	if p.store.SetReachable != nil {
		p.open()
		p.settle(source.PollAll)
		p.reach(false)
		p.poll(source.PollAll)
		p.close()
		check("while its store was out of reach")
		p.reach(true)
	}

	r := &rig{T: t, Store: p.store, documents: p.stored}
	r.open()
	r.close()
	check("by the watcher that followed it")
}
