package sourcetest

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/neurondex/neurondex/source"
)

// ErrUnreachable is the error of the sources of a [Memory] that is unreachable.
var ErrUnreachable = errors.New("memory is unreachable")

// A Memory is a store in memory, for tests of code that follows a source. Its methods are
// safe for concurrent use.
type Memory struct {
	mu          sync.Mutex // guards the rest
	documents   map[string]string
	unreachable bool
	changed     chan struct{} // closed by the next change
}

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{documents: make(map[string]string), changed: make(chan struct{})}
}

// Put sets the content of a document.
func (m *Memory) Put(name, content string) error {
	return m.Apply(map[string]string{name: content}, nil)
}

// Remove removes a document.
func (m *Memory) Remove(name string) error { return m.Apply(nil, []string{name}) }

// Apply makes several changes atomically.
func (m *Memory) Apply(put map[string]string, remove []string) error {
	m.change(func() {
		maps.Copy(m.documents, put)
		for _, name := range remove {
			delete(m.documents, name)
		}
	})
	return nil
}

// SetReachable makes Poll of the sources fail with [ErrUnreachable], or succeed again.
func (m *Memory) SetReachable(reachable bool) error {
	m.change(func() { m.unreachable = !reachable })
	return nil
}

// Open returns a new source of the store.
func (m *Memory) Open() *MemorySource { return &MemorySource{memory: m} }

// Store returns the [Store] of m for [Run].
func (m *Memory) Store() Store {
	return Store{
		Open:         func() source.Source { return m.Open() },
		Put:          m.Put,
		Remove:       m.Remove,
		Apply:        m.Apply,
		SetReachable: m.SetReachable,
	}
}

func (m *Memory) change(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
	close(m.changed)
	m.changed = make(chan struct{})
}

// read returns the documents, and a channel that is closed by the next change.
func (m *Memory) read() (documents map[string]string, changed chan struct{}, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.unreachable {
		return nil, m.changed, ErrUnreachable
	}
	return maps.Clone(m.documents), m.changed, nil
}

// A MemorySource is a [source.Source] of a [Memory].
type MemorySource struct {
	memory    *Memory
	delivered map[string]string
	changed   chan struct{} // closed by the change after the last Poll; nil before the first
}

// Wait implements [source.Source].
func (s *MemorySource) Wait(ctx context.Context) error {
	select {
	case <-s.changed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Poll implements [source.Source].
func (s *MemorySource) Poll(ctx context.Context, depth source.Depth) (source.Batch, error) {
	b := source.Batch{Health: source.Health{Mode: "memory", Notified: true, LastScan: time.Now()}}
	if err := ctx.Err(); err != nil {
		return b, err
	}
	documents, changed, err := s.memory.read()
	s.changed = changed
	if err != nil {
		return b, err
	}
	for name, content := range documents {
		if old, ok := s.delivered[name]; !ok || old != content || depth == source.PollReread {
			b.Changed = append(b.Changed, source.Document{Name: name, Data: []byte(content)})
		}
	}
	for name := range s.delivered {
		if _, ok := documents[name]; !ok {
			b.Removed = append(b.Removed, name)
		}
	}
	s.delivered = documents
	return b, nil
}

// Close implements [source.Source].
func (s *MemorySource) Close() error { return nil }
