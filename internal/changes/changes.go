// Package changes remembers the last changes of a registry, for those who follow it from
// outside the process and for people who ask what happened.
package changes

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/neurondex/neurondex/registry"
)

// The limits of a [Log].
const (
	maxEntries = 1000
	maxBytes   = 16 << 20 // of JSON
	maxKeys    = 1000     // that an entry lists
)

// An Entry is what happened at one time: a change of the datasets, or of which documents are
// valid. The lists are never nil.
type Entry struct {
	Time       time.Time
	Generation uint64 // after it
	Change     *Change
	Documents  *Documents
	JSON       []byte // the entry as an event, which has no line breaks
}

// A Change is the difference between two states of a registry.
type Change struct {
	Type      string         `json:"type"` // "change"
	Time      time.Time      `json:"time"`
	Before    registry.Hash  `json:"before"`
	After     registry.Hash  `json:"after"`
	Datasets  int            `json:"datasets"` // after it
	Counts    Counts         `json:"counts"`
	Added     []registry.Key `json:"added"`
	Updated   []registry.Key `json:"updated"`
	Removed   []registry.Key `json:"removed"`
	Truncated bool           `json:"truncated,omitempty"` // the lists are not complete; the counts are
}

// Counts are the lengths of the lists of a [Change] before they are truncated.
type Counts struct {
	Added   int `json:"added"`
	Updated int `json:"updated"`
	Removed int `json:"removed"`
}

// Documents are those that became invalid or valid.
type Documents struct {
	Type    string    `json:"type"` // "documents"
	Time    time.Time `json:"time"`
	Invalid []string  `json:"invalid"`
	Valid   []string  `json:"valid"` // or were removed
}

// Of returns the change that an update makes.
func Of(u registry.Update) *Change {
	diff := u.Diff()
	c := &Change{
		Type: "change", Time: time.Now().UTC(), Before: u.Before.Hash(), After: u.After.Hash(), Datasets: u.After.Len(),
		Counts: Counts{len(diff.Added), len(diff.Updated), len(diff.Removed)},
	}
	room := maxKeys
	c.Added = keys(diff.Added, registry.Dataset.Key, &room)
	c.Updated = keys(diff.Updated, func(c registry.Changed) registry.Key { return c.After.Key() }, &room)
	c.Removed = keys(diff.Removed, registry.Dataset.Key, &room)
	c.Truncated = c.Counts != Counts{len(c.Added), len(c.Updated), len(c.Removed)}
	return c
}

// keys returns the keys of the first items, for which there is room.
func keys[T any](items []T, key func(T) registry.Key, room *int) []registry.Key {
	n := min(len(items), *room)
	*room -= n
	list := make([]registry.Key, n)
	for i := range list {
		list[i] = key(items[i])
	}
	return list
}

// A Log holds the last changes of a registry. It is safe for concurrent use. Readers hold no
// more than a position in it, and cannot delay each other.
type Log struct {
	cancel context.CancelFunc
	done   chan struct{}

	mu      sync.Mutex
	entries []*Entry
	bytes   int    // of their JSON
	first   uint64 // number of entries that were dropped
	base    uint64 // generation when the log began
	latest  *registry.Snapshot
	more    chan struct{} // closed, and replaced, by the next entry
}

// Follow returns a log of the changes of a registry from now on. The caller must close it.
func Follow(reader registry.Reader) *Log {
	ctx, cancel := context.WithCancel(context.Background())
	s := reader.Snapshot()
	l := &Log{cancel: cancel, done: make(chan struct{}), latest: s, base: s.Generation(), more: make(chan struct{})}
	go func() {
		defer close(l.done)
		for u := range reader.Updates(ctx) {
			// The first update begins at the empty state, and the state may be newer than s.
			u.Before = l.latest // only this goroutine writes it
			l.add(u)
		}
	}()
	return l
}

// Close ends the log and waits until its goroutine has ended. What it holds stays readable.
func (l *Log) Close() {
	l.cancel()
	<-l.done
}

// add adds an entry for an update, unless it keeps every dataset as it is.
func (l *Log) add(u registry.Update) {
	var e *Entry
	if u.After.Generation() != u.Before.Generation() {
		c := Of(u)
		e = &Entry{Time: c.Time, Generation: u.After.Generation(), Change: c}
		e.JSON, _ = json.Marshal(c) // strings and numbers always marshal
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.latest = u.After
	if e != nil {
		l.append(e)
	}
}

// AddDocuments adds an entry of documents that became invalid or valid.
func (l *Log) AddDocuments(invalid, valid []string) {
	d := &Documents{"documents", time.Now().UTC(), append([]string{}, invalid...), append([]string{}, valid...)}
	e := &Entry{Time: d.Time, Documents: d}
	e.JSON, _ = json.Marshal(d)
	l.mu.Lock()
	defer l.mu.Unlock()
	e.Generation = l.latest.Generation()
	l.append(e)
}

// append adds an entry, drops the oldest ones beyond the limits, and wakes all readers. The
// caller holds l.mu.
func (l *Log) append(e *Entry) {
	l.entries = append(l.entries, e)
	l.bytes += len(e.JSON)
	for len(l.entries) > maxEntries || l.bytes > maxBytes && len(l.entries) > 1 {
		l.first, l.bytes = l.first+1, l.bytes-len(l.entries[0].JSON)
		l.entries[0] = nil // as slicing alone would keep it in memory
		l.entries = l.entries[1:]
	}
	close(l.more)
	l.more = make(chan struct{})
}

// A Position is a place between two entries of a log.
type Position uint64

// Latest returns the state after the last entry, and the position there.
func (l *Log) Latest() (*registry.Snapshot, Position) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.latest, Position(l.first + uint64(len(l.entries)))
}

// At returns the position after the change that led to a generation, and whether the log
// still has all that came later. Documents became invalid or valid after that position, if
// they did so at that generation.
func (l *Log) At(generation uint64) (Position, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, e := range slices.Backward(l.entries) {
		if e.Change != nil && e.Generation == generation {
			return Position(l.first + uint64(i) + 1), true
		}
	}
	return 0, generation == l.base && l.first == 0
}

// All returns the entries of the log, the latest first.
func (l *Log) All() []*Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := slices.Clone(l.entries)
	slices.Reverse(all)
	return all
}

// Next returns the entry after a position, nil if there is none yet, and a channel that is
// closed when there are more. It reports false if the log has dropped the entry.
func (l *Log) Next(p Position) (e *Entry, more <-chan struct{}, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch at := uint64(p) - l.first; {
	case uint64(p) < l.first:
		return nil, l.more, false
	case at < uint64(len(l.entries)):
		return l.entries[at], l.more, true
	default:
		return nil, l.more, true
	}
}

// Changed returns a channel that is closed at the next entry.
func (l *Log) Changed() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.more
}
