package watchertest_test

import (
	"context"
	"errors"
	"maps"
	"sync"

	"github.com/neurondex/neurondex/watcher"
)

// A memory is a store in memory.
type memory struct {
	mu        sync.Mutex // guards the rest
	documents map[string]string
	away      bool
	changed   chan struct{} // closed with the next change
}

func newMemory() *memory {
	return &memory{documents: make(map[string]string), changed: make(chan struct{})}
}

func (m *memory) Put(name, content string) error {
	return m.Apply(map[string]string{name: content}, nil)
}

func (m *memory) Remove(name string) error { return m.Apply(nil, []string{name}) }

func (m *memory) Apply(put map[string]string, remove []string) error {
	m.change(func() {
		maps.Copy(m.documents, put)
		for _, name := range remove {
			delete(m.documents, name)
		}
	})
	return nil
}

func (m *memory) SetReachable(reachable bool) error {
	m.change(func() { m.away = !reachable })
	return nil
}

func (m *memory) change(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
	close(m.changed)
	m.changed = make(chan struct{})
}

// read returns what there is, and what is closed when it is not so any more.
func (m *memory) read() (documents map[string]string, changed chan struct{}, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.away {
		return nil, m.changed, errors.New("the memory is away")
	}
	return maps.Clone(m.documents), m.changed, nil
}

// A memorySource is about the least that a source can be.
type memorySource struct {
	memory  *memory
	known   map[string]string // as it was delivered
	changed chan struct{}     // nil before the first look
}

func (s *memorySource) Wait(ctx context.Context) error {
	select {
	case <-s.changed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *memorySource) Poll(ctx context.Context, depth watcher.Depth) (watcher.Batch, error) {
	b := watcher.Batch{Health: watcher.Health{Mode: "memory", Alive: true}}
	if err := ctx.Err(); err != nil {
		return b, err
	}
	documents, changed, err := s.memory.read()
	s.changed = changed
	if err != nil {
		return b, err
	}
	for name, content := range documents {
		if was, ok := s.known[name]; !ok || was != content || depth == watcher.Afresh {
			b.Changed = append(b.Changed, watcher.Document{Name: name, Data: []byte(content)})
		}
	}
	for name := range s.known {
		if _, ok := documents[name]; !ok {
			b.Removed = append(b.Removed, name)
		}
	}
	s.known = documents
	return b, nil
}

func (s *memorySource) Close() error { return nil }
