package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/neurondex/neurondex/release"
)

// ErrUnreachable is the error of a [Memory] that is unreachable.
var ErrUnreachable = errors.New("memory is unreachable")

// A Memory is a store in memory, for tests. The zero Memory is empty and ready to use.
type Memory struct {
	mu          sync.Mutex // guards the rest
	values      map[string]value
	unreachable bool
	changed     chan struct{} // closed by the next change; nil if nobody waits
	requests    Requests
}

type value struct {
	data    []byte
	created time.Time
}

// Requests counts the successful requests to a [Memory], and what they moved.
type Requests struct {
	Gets, Creates     int
	Read, Written     int64 // bytes
	Lists, ListedKeys int
}

var _ release.Store = (*Memory)(nil)

// SetReachable makes every method fail with [ErrUnreachable], or work again.
func (m *Memory) SetReachable(reachable bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.unreachable = !reachable
	m.wake()
}

// Requests returns the requests since the last call.
func (m *Memory) Requests() Requests {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.requests
	m.requests = Requests{}
	return r
}

// Put sets a value, as only a faulty or hostile store does.
func (m *Memory) Put(key string, data []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.put(key, data)
}

// Keys returns all keys, sorted.
func (m *Memory) Keys() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	keys := make([]string, 0, len(m.values))
	for key := range m.values {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func (m *Memory) put(key string, data []byte) {
	if m.values == nil {
		m.values = make(map[string]value)
	}
	m.values[key] = value{bytes.Clone(data), time.Now()}
	m.wake()
}

func (m *Memory) wake() {
	if m.changed != nil {
		close(m.changed)
		m.changed = nil
	}
}

// begin locks m and reports why a request fails.
func (m *Memory) begin(ctx context.Context) error {
	m.mu.Lock()
	if m.unreachable {
		return ErrUnreachable
	}
	return ctx.Err()
}

// Get implements [release.Store].
func (m *Memory) Get(ctx context.Context, key string, limit int64) ([]byte, error) {
	err := m.begin(ctx)
	defer m.mu.Unlock()
	if err != nil {
		return nil, err
	}
	v, ok := m.values[key]
	switch {
	case !ok:
		return nil, fmt.Errorf("%s: %w", key, fs.ErrNotExist)
	case int64(len(v.data)) > limit:
		return nil, fmt.Errorf("%s: %w", key, release.ErrTooLarge)
	}
	m.requests.Gets++
	m.requests.Read += int64(len(v.data))
	return bytes.Clone(v.data), nil
}

// Create implements [release.Store].
func (m *Memory) Create(ctx context.Context, key string, data []byte) error {
	err := m.begin(ctx)
	defer m.mu.Unlock()
	if err != nil {
		return err
	}
	if _, ok := m.values[key]; ok {
		return fmt.Errorf("%s: %w", key, fs.ErrExist)
	}
	m.requests.Creates++
	m.requests.Written += int64(len(data))
	m.put(key, data)
	return nil
}

// List implements [release.Store].
func (m *Memory) List(ctx context.Context, prefix, after string) iter.Seq2[release.Entry, error] {
	return func(yield func(release.Entry, error) bool) {
		entries, err := m.list(ctx, prefix, after)
		if err != nil {
			yield(release.Entry{}, err)
			return
		}
		for _, e := range entries {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func (m *Memory) list(ctx context.Context, prefix, after string) ([]release.Entry, error) {
	err := m.begin(ctx)
	defer m.mu.Unlock()
	if err != nil {
		return nil, err
	}
	var entries []release.Entry
	for key, v := range m.values {
		if strings.HasPrefix(key, prefix) && key > after {
			entries = append(entries, release.Entry{Key: key, Size: int64(len(v.data)), Created: v.created})
		}
	}
	slices.SortFunc(entries, func(a, b release.Entry) int { return strings.Compare(a.Key, b.Key) })
	m.requests.Lists++
	m.requests.ListedKeys += len(entries)
	return entries, nil
}

// Delete implements [release.Store].
func (m *Memory) Delete(ctx context.Context, key string) error {
	err := m.begin(ctx)
	defer m.mu.Unlock()
	if err == nil {
		delete(m.values, key)
	}
	return err
}

// Wait implements [release.Store].
func (m *Memory) Wait(ctx context.Context, prefix, after string) error {
	for {
		m.mu.Lock()
		if m.unreachable {
			m.mu.Unlock()
			return ErrUnreachable
		}
		for key := range m.values {
			if strings.HasPrefix(key, prefix) && key > after {
				m.mu.Unlock()
				return nil
			}
		}
		if m.changed == nil {
			m.changed = make(chan struct{})
		}
		changed := m.changed
		m.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Close implements [release.Store].
func (m *Memory) Close() error { return nil }
