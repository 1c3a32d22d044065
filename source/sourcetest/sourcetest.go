// Package sourcetest is a conformance suite for implementations of [source.Source]:
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
// [Run] tests a source by itself, on the contract that [source.Source] states, and behind
// a [watcher.Watcher], on what users of a watcher rely on. The tests do not depend on
// timing: they wait for what must happen, and fail if it does not happen within
// [Store.Within].
//
// Random tests log their seed. The environment variable SOURCETEST_SEED sets it.
package sourcetest

import (
	"testing"
	"time"

	"github.com/neurondex/neurondex/source"
)

// A Store holds the documents of a source under test. A test changes them through its
// functions, which are called one at a time.
type Store struct {
	// Open returns a new source of the store. It is closed before another one is opened.
	Open func() source.Source

	// Put and Remove change one document. The change is visible to every reader when
	// they return. They also work while the store is unreachable.
	Put    func(name, content string) error
	Remove func(name string) error

	// Apply makes several changes atomically. It is nil if the store cannot do that.
	Apply func(put map[string]string, remove []string) error

	// SetReachable makes the store unreachable for sources, or reachable again. It is nil
	// if the store cannot do that.
	SetReachable func(reachable bool) error

	// Flat means that names of documents have no slashes.
	Flat bool

	// Valid means that the store holds only valid documents: Put is not called with others.
	Valid bool

	// Within is how long a source may take for anything. 0 means 10 seconds.
	Within time.Duration
}

// Run tests a source. It calls newStore once for each test, with the T of that test, to get
// an empty store.
//
// The tests run in parallel with each other, but Run must not run in parallel with other
// tests, because it checks for leaked goroutines.
func Run(t *testing.T, newStore func(t *testing.T) Store) {
	t.Helper()
	t.Run("Close", func(t *testing.T) { testClose(t, newStore) })
	t.Run("Source", func(t *testing.T) {
		for name, test := range sourceTests {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				p := newProbe(t, newStore(t))
				test(p)
				p.finish()
			})
		}
	})
	t.Run("Watcher", func(t *testing.T) {
		for name, test := range watcherTests {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(newRig(t, newStore(t)))
			})
		}
	})
}

func (s *Store) within() time.Duration {
	if s.Within == 0 {
		return 10 * time.Second
	}
	return s.Within
}

// names returns four names of documents, in order.
func (s *Store) names() []string {
	if s.Flat {
		return []string{"a.toml", "b.json", "c.jsonc", "d.toml"}
	}
	return []string{"a.toml", "b.json", "sub/c.jsonc", "sub/deep/d.toml"}
}
