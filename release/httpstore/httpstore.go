// Package httpstore reads the releases that another neurondex passes on, over HTTP:
//
//	store, err := httpstore.New("https://relay.example", httpstore.Options{})
//	repo := &release.Repository{Store: store, Cache: cache}
//	w, err := watcher.Follow(ctx, repo.Source(release.SourceOptions{Interval: httpstore.DefaultInterval}))
//
// The releases are verified as those of any other store are. If they are signed, and the
// repository has the keys, the server needs no trust: it can withhold releases, and nothing else.
package httpstore

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/neurondex/neurondex/release"
)

// DefaultInterval is how often to read the newest record, in [release.SourceOptions]. It is
// long because long polls report changes at once.
const DefaultInterval = 30 * time.Second

// The limits on what a server may send, in bytes.
const (
	maxList    = 1 << 20
	maxProblem = 8 << 10
	maxHeaders = 64 << 10
)

// As many idle connections are kept as a source has requests at a time, but not for long: a
// server may have many followers.
const (
	idleConnections = 32
	idleTimeout     = 10 * time.Second
)

// Options say how a [Store] is read.
type Options struct {
	// Token returns the bearer token of a request. It may be nil.
	Token func() string
	// Epoch identifies this process to those who follow it: see [Store.Chain]. A server that
	// gets its releases from it is refused with [ErrLoop]. It is empty if no server
	// follows this process.
	Epoch string
}

// A Store is the releases of a server. It cannot be written.
type Store struct {
	base    *url.URL // without a user
	user    *url.Userinfo
	options Options
	client  *http.Client

	mu    sync.Mutex // guards the rest
	tag   string     // of the last list
	chain []string
}

var _ release.Store = (*Store)(nil)

// New returns the store of the server at a URL like https://relay.example. The URL may hold
// a user and a password, which are sent to that server only. No error, and no message, has
// them.
func New(rawURL string, o Options) (*Store, error) {
	u, err := url.Parse(rawURL)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Host == "", u.RawQuery != "", u.Fragment != "":
		return nil, errors.New("must be the URL of a server, like https://relay.example") // not with the URL, which may hold a password
	case u.User != nil && o.Token != nil:
		return nil, errors.New("a token and a user of the URL exclude each other")
	}
	s := &Store{user: u.User, options: o}
	u.User = nil
	s.base = u
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = idleConnections
	transport.IdleConnTimeout = idleTimeout
	transport.MaxResponseHeaderBytes = maxHeaders
	transport.DisableCompression = true // blobs are compressed
	s.client = &http.Client{Transport: transport, CheckRedirect: s.checkRedirect}
	return s, nil
}

// checkRedirect keeps requests, and what they are sent with, on the server.
func (s *Store) checkRedirect(r *http.Request, via []*http.Request) error {
	switch {
	case r.URL.Scheme != s.base.Scheme || r.URL.Host != s.base.Host:
		return fmt.Errorf("redirect to another server is refused: %.200q", r.URL.Scheme+"://"+r.URL.Host)
	case len(via) > 3:
		return errors.New("too many redirects")
	}
	return nil
}

// get sends a request. The caller closes the body of the response. A response that is not of
// one of the statuses is an error.
func (s *Store) get(ctx context.Context, path string, header http.Header, statuses ...int) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base.JoinPath(path).String(), nil)
	if err != nil {
		return nil, err
	}
	if header != nil {
		r.Header = header
	}
	r.Header.Set("User-Agent", "neurondex")
	if s.user != nil {
		password, _ := s.user.Password()
		r.SetBasicAuth(s.user.Username(), password)
	} else if s.options.Token != nil {
		r.Header.Set("Authorization", "Bearer "+s.options.Token())
	}
	resp, err := s.client.Do(r)
	if err != nil {
		if failed, ok := errors.AsType[*url.Error](err); ok {
			err = failed.Err // the rest is in the message already
		}
		return nil, fmt.Errorf("%v: %w", s.base, err)
	}
	if !slices.Contains(statuses, resp.StatusCode) {
		defer resp.Body.Close()
		return nil, fmt.Errorf("%v: %w", s.base, failure(resp))
	}
	return resp, nil
}

// failure returns the error that a response reports. Only what the server itself says of a
// key means that the key does not exist: a proxy knows nothing of it.
func failure(resp *http.Response) error {
	text := resp.Status
	if contentType, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); contentType == "application/problem+json" {
		var problem struct{ Code, Detail string }
		data, err := io.ReadAll(io.LimitReader(resp.Body, maxProblem))
		if err == nil && json.Unmarshal(data, &problem) == nil {
			if resp.StatusCode == http.StatusNotFound && (problem.Code == codeNoRelease || problem.Code == codeNoBlob) {
				return fs.ErrNotExist
			}
			text += fmt.Sprintf(": %.300q", problem.Detail)
		}
	}
	if resp.StatusCode == http.StatusUnauthorized {
		text += "; give a token, or a user in the URL"
	}
	return errors.New(text)
}

// The codes of the problems that say that a key does not exist.
const (
	codeNoRelease = "no_release"
	codeNoBlob    = "no_blob"
)

// Get implements [release.Store].
func (s *Store) Get(ctx context.Context, key string, limit int64) ([]byte, error) {
	resp, err := s.get(ctx, "v1/"+key, nil, http.StatusOK)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	defer resp.Body.Close()
	if resp.ContentLength > limit {
		return nil, fmt.Errorf("%s: %w", key, release.ErrTooLarge)
	}
	value, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %v: %w", key, s.base, err)
	case int64(len(value)) > limit:
		return nil, fmt.Errorf("%s: %w", key, release.ErrTooLarge)
	}
	return value, nil
}

// A List is the body of the response to GET /v1/releases.
type List struct {
	Releases []Listed `json:"releases" nullable:"false"`
}

// A Listed release is an entry of a [List].
type Listed struct {
	Number int          `json:"number"`
	Time   time.Time    `json:"time" doc:"When it was published."`
	Size   int64        `json:"size" doc:"The size of its record, in bytes."`
	Hash   release.Hash `json:"hash" doc:"The SHA-256 of its record."`
}

// The prefix of the only keys that can be listed, and the largest number of one.
const (
	prefix    = "releases/"
	maxNumber = 99_999_999
)

// List implements [release.Store]. Only releases can be listed.
func (s *Store) List(ctx context.Context, of, after string) iter.Seq2[release.Entry, error] {
	return func(yield func(release.Entry, error) bool) {
		if of != prefix {
			yield(release.Entry{}, fmt.Errorf("list of %s: %w", of, errors.ErrUnsupported))
			return
		}
		resp, err := s.get(ctx, "v1/releases", nil, http.StatusOK)
		if err != nil {
			yield(release.Entry{}, err)
			return
		}
		list, err := s.readList(resp)
		if err != nil {
			yield(release.Entry{}, fmt.Errorf("%v: %w", s.base, err))
			return
		}
		for _, l := range list.Releases {
			e := release.Entry{Key: fmt.Sprintf("%s%08d", prefix, l.Number), Size: l.Size, Created: l.Time}
			if e.Key > after && !yield(e, nil) {
				return
			}
		}
	}
}

// readList reads a list, closes the body, and takes note of the tag.
func (s *Store) readList(resp *http.Response) (list List, err error) {
	defer resp.Body.Close()
	if err := s.checkChain(resp.Header); err != nil {
		return list, err
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxList+1))
	switch {
	case err != nil:
		return list, err
	case len(data) > maxList:
		return list, fmt.Errorf("list of releases exceeds %d bytes: %w", maxList, release.ErrTooLarge)
	}
	if err := json.Unmarshal(data, &list); err != nil {
		return list, fmt.Errorf("list of releases: %w: %v", release.ErrMalformed, err) //nolint:errorlint // the cause is for people
	}
	slices.SortFunc(list.Releases, func(a, b Listed) int { return cmp.Compare(a.Number, b.Number) })
	if n := len(list.Releases); n > 0 && (list.Releases[0].Number < 1 || list.Releases[n-1].Number > maxNumber) {
		return list, fmt.Errorf("list of releases has a number out of range: %w", release.ErrMalformed)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tag = resp.Header.Get("ETag")
	return list, nil
}

// The times of long polls.
const (
	leastWait = time.Second // servers count in seconds
	mostWait  = 30 * time.Second
)

// Wait implements [release.Store]. It returns when the list of releases is another one than
// that which was read last.
func (s *Store) Wait(ctx context.Context, _, _ string) error {
	for {
		wait := mostWait
		if deadline, ok := ctx.Deadline(); ok {
			wait = min(wait, time.Until(deadline)*16/17) // servers wait up to a sixteenth longer
		}
		if wait < leastWait {
			break
		}
		start := time.Now()
		if changed, err := s.poll(ctx, wait); changed || err != nil {
			return err
		}
		if time.Since(start) < wait/2 {
			break // it does not wait: a proxy, for one
		}
	}
	<-ctx.Done()
	return ctx.Err()
}

// poll sends a long poll, and reports whether the list has changed.
func (s *Store) poll(ctx context.Context, wait time.Duration) (changed bool, err error) {
	header := http.Header{"Prefer": {fmt.Sprintf("wait=%d", wait/time.Second)}}
	s.mu.Lock()
	if s.tag != "" {
		header.Set("If-None-Match", s.tag)
	}
	s.mu.Unlock()
	resp, err := s.get(ctx, "v1/releases", header, http.StatusOK, http.StatusNotModified)
	if err != nil {
		return false, err
	}
	if resp.StatusCode == http.StatusNotModified {
		resp.Body.Close()
		return false, s.checkChain(resp.Header)
	}
	_, err = s.readList(resp)
	return true, err
}

// Create returns [errors.ErrUnsupported].
func (s *Store) Create(context.Context, string, []byte) error { return s.unsupported() }

// Delete returns [errors.ErrUnsupported].
func (s *Store) Delete(context.Context, string) error { return s.unsupported() }

func (s *Store) unsupported() error {
	return fmt.Errorf("%v: releases of a server cannot be changed: %w", s.base, errors.ErrUnsupported)
}

// Close implements [release.Store].
func (s *Store) Close() error {
	s.client.CloseIdleConnections()
	return nil
}
