package release

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// A Store holds values by key. Values never change: a key is created, read and deleted.
// Keys are slash-separated words of lower-case letters and digits. Implementations are safe
// for concurrent use, and pass package storetest.
//
// Errors about keys are to be examined with [errors.Is]: [io/fs.ErrExist] and
// [io/fs.ErrNotExist].
type Store interface {
	// Get returns the value of a key, or fs.ErrNotExist. It returns [ErrTooLarge] if the
	// value exceeds limit bytes, without reading more than that.
	Get(ctx context.Context, key string, limit int64) ([]byte, error)

	// Create stores a value if the key does not exist, and returns fs.ErrExist if it does.
	// Of several concurrent calls for a key exactly one succeeds, and no reader gets a part
	// of the value. After any other error the value may have been stored, and may still be.
	// Create does not retain the value.
	Create(ctx context.Context, key string, value []byte) error

	// List yields the entries whose keys have a prefix that ends in a slash and are greater
	// than after, in order of their keys. It reads no entries before after.
	List(ctx context.Context, prefix, after string) iter.Seq2[Entry, error]

	// Delete deletes a key. It returns nil if the key does not exist.
	Delete(ctx context.Context, key string) error

	// Wait returns nil when there may be a key with the prefix that is greater than after,
	// or its context's error. It is only a hint: it may return early, and a store that does
	// not learn of changes waits for ctx.
	Wait(ctx context.Context, prefix, after string) error

	// Close releases the resources of the store. Calls must have returned.
	Close() error
}

// An Entry describes a key of a [Store].
type Entry struct {
	Key     string
	Size    int64     // of the value
	Created time.Time // by the clock of the store
}

// ErrTooLarge means that a value of a store exceeds a limit.
var ErrTooLarge = errors.New("value too large")

// An Opener opens the store that a URL names.
type Opener func(ctx context.Context, u *url.URL) (Store, error)

var (
	openersMu sync.Mutex // guards openers
	openers   = make(map[string]Opener)
)

// Register makes [Open] use an opener for the URLs of a scheme. Packages of stores call it
// when they are initialized. It panics if the scheme is taken.
func Register(scheme string, open Opener) {
	openersMu.Lock()
	defer openersMu.Unlock()
	if openers[scheme] != nil {
		panic("release: two stores for " + scheme + "://")
	}
	openers[scheme] = open
}

// Open opens the store that a URL names. Its scheme must be registered, or the error is a
// [*SchemeError].
func Open(ctx context.Context, rawURL string) (Store, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, errors.New("URL of a store is malformed") // not with the URL, which may hold a password
	}
	openersMu.Lock()
	open := openers[u.Scheme]
	known := slices.Sorted(maps.Keys(openers))
	openersMu.Unlock()
	if open == nil {
		return nil, &SchemeError{Scheme: u.Scheme, Known: known}
	}
	store, err := open(ctx, u)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", u.Redacted(), err)
	}
	return store, nil
}

// A SchemeError means that no store is registered for the scheme of a URL.
type SchemeError struct {
	Scheme string
	Known  []string // the schemes that are registered, sorted
}

// Error implements error.
func (e *SchemeError) Error() string {
	return fmt.Sprintf("no store for %q URLs; known: %s", e.Scheme+"://", strings.Join(e.Known, ", "))
}
