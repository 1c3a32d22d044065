// Package blobstore keeps releases in object storage: S3 and what speaks its protocol, Google
// Cloud Storage and Azure Blob Storage, through gocloud.dev/blob. It registers their schemes:
//
//	store, err := release.Open(ctx, "s3://bucket/prefix?region=eu-central-1")
//	store, err := release.Open(ctx, "gs://bucket/prefix")
//	store, err := release.Open(ctx, "azblob://container/prefix")
//
// The path is a prefix of all keys. Credentials and the parameters of the query are those of
// gocloud.dev's drivers, such as endpoint and use_path_style of s3blob.
//
// A release is published by creating an object that must not exist. Some stores ignore that
// condition and would replace the object, so the first Create of a [Store] tries it, and is
// refused with [ErrUnconditional] there.
package blobstore

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/url"
	"strings"
	"sync"

	"cloud.google.com/go/storage"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/neurondex/neurondex/release"
	"gocloud.dev/blob"
	_ "gocloud.dev/blob/azureblob" // azblob://
	_ "gocloud.dev/blob/gcsblob"   // gs://
	_ "gocloud.dev/blob/memblob"   // mem://
	_ "gocloud.dev/blob/s3blob"    // s3://
	"gocloud.dev/gcerrors"
)

// ErrUnconditional means that a store creates objects that exist. Releases published there
// could overwrite each other.
var ErrUnconditional = errors.New("store ignores the condition that an object must not exist (If-None-Match: *); use a store or a version that supports it")

func init() {
	for _, scheme := range []string{"s3", "gs", "azblob", "mem"} {
		release.Register(scheme, open)
	}
}

func open(ctx context.Context, u *url.URL) (release.Store, error) {
	bucket := *u
	bucket.Path, bucket.RawPath = "", ""
	b, err := blob.OpenBucket(ctx, bucket.String())
	if err != nil {
		return nil, err
	}
	return New(b, strings.Trim(u.Path, "/")), nil
}

// A Store keeps values in a bucket.
type Store struct {
	bucket *blob.Bucket
	prefix string // of all keys; empty, or ends in a slash

	mu     sync.Mutex // guards probed
	probed bool       // whether the store heeds conditions is known
}

var _ release.Store = (*Store)(nil)

// New returns a store in a bucket, which it closes. All its keys are below prefix, or
// anywhere if that is empty. The buckets of fileblob do not suit: of several concurrent
// creators more than one may succeed. Package dirstore has a store for directories.
func New(bucket *blob.Bucket, prefix string) *Store {
	if prefix != "" {
		prefix += "/"
	}
	return &Store{bucket: bucket, prefix: prefix}
}

// explain makes errors of a bucket those of a [release.Store].
func explain(ctx context.Context, key string, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	}
	switch gcerrors.Code(err) {
	case gcerrors.NotFound:
		return fmt.Errorf("%s: %w", key, fs.ErrNotExist)
	case gcerrors.AlreadyExists, gcerrors.FailedPrecondition:
		return fmt.Errorf("%s: %w", key, fs.ErrExist)
	default:
		return err
	}
}

// Get implements [release.Store].
func (s *Store) Get(ctx context.Context, key string, limit int64) ([]byte, error) {
	if err := ctx.Err(); err != nil { // not all drivers look
		return nil, err
	}
	r, err := s.bucket.NewReader(ctx, s.prefix+key, nil)
	if err != nil {
		return nil, explain(ctx, key, err)
	}
	defer r.Close()
	if r.Size() > limit {
		return nil, fmt.Errorf("%s: %w", key, release.ErrTooLarge)
	}
	value, err := io.ReadAll(io.LimitReader(r, limit+1)) // whatever size the store announced
	if err != nil {
		return nil, explain(ctx, key, err)
	}
	if int64(len(value)) > limit {
		return nil, fmt.Errorf("%s: %w", key, release.ErrTooLarge)
	}
	return value, nil
}

// Create implements [release.Store].
func (s *Store) Create(ctx context.Context, key string, value []byte) error {
	if err := s.probe(ctx); err != nil {
		return err
	}
	return s.create(ctx, key, value)
}

// largeValue is the size in bytes from which create asks whether the key exists before it sends the
// value. A server may refuse a large value before it has read it, and close the connection. The
// client then gets an error of the connection in place of the response.
const largeValue = 64 << 10

// create creates an object. S3 answers to some of several concurrent requests that they
// should be repeated.
func (s *Store) create(ctx context.Context, key string, value []byte) error {
	if len(value) >= largeValue {
		exists, err := s.bucket.Exists(ctx, s.prefix+key)
		if err != nil {
			return explain(ctx, key, err)
		}
		if exists {
			return fmt.Errorf("%s: %w", key, fs.ErrExist)
		}
	}
	options := &blob.WriterOptions{
		IfNotExist:  true,
		ContentType: "application/octet-stream",
		BufferSize:  max(len(value)+1, 5<<20), // one request, never an upload of several parts
	}
	for attempt := 1; ; attempt++ {
		err := s.bucket.Upload(ctx, s.prefix+key, bytes.NewReader(value), options)
		var api smithy.APIError
		if err == nil || attempt == 5 || !errors.As(err, &api) || api.ErrorCode() != "ConditionalRequestConflict" {
			return explain(ctx, key, err)
		}
	}
}

// probe returns ErrUnconditional if the store creates an object twice.
func (s *Store) probe(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.probed {
		return nil
	}
	key := "probe/" + strings.ToLower(rand.Text())
	if err := s.create(ctx, key, []byte("1")); err != nil {
		return err
	}
	err := s.create(ctx, key, []byte("2"))
	if e := s.Delete(ctx, key); e != nil {
		return e
	}
	switch {
	case err == nil:
		return ErrUnconditional
	case errors.Is(err, fs.ErrExist):
		s.probed = true
		return nil
	default:
		return err
	}
}

// List implements [release.Store].
func (s *Store) List(ctx context.Context, prefix, after string) iter.Seq2[release.Entry, error] {
	return func(yield func(release.Entry, error) bool) {
		list := s.bucket.List(&blob.ListOptions{Prefix: s.prefix + prefix, BeforeList: s.startAfter(after)})
		for {
			if err := ctx.Err(); err != nil {
				yield(release.Entry{}, err)
				return
			}
			o, err := list.Next(ctx)
			if err == io.EOF { //nolint:errorlint // as it is documented
				return
			}
			if err != nil {
				yield(release.Entry{}, explain(ctx, prefix, err))
				return
			}
			key := strings.TrimPrefix(o.Key, s.prefix)
			if key > after && !yield(release.Entry{Key: key, Size: o.Size, Created: o.ModTime}, nil) {
				return
			}
		}
	}
}

// startAfter makes a list begin after a key, or at it. Azure cannot do that: the keys before
// are listed and skipped.
func (s *Store) startAfter(after string) func(as func(any) bool) error {
	if after == "" {
		return nil
	}
	return func(as func(any) bool) error {
		var s3Input *s3.ListObjectsV2Input
		var query *storage.Query
		switch key := s.prefix + after; {
		case as(&s3Input):
			s3Input.StartAfter = &key
		case as(&query):
			query.StartOffset = key
		}
		return nil
	}
}

// Delete implements [release.Store].
func (s *Store) Delete(ctx context.Context, key string) error {
	err := explain(ctx, key, s.bucket.Delete(ctx, s.prefix+key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Wait implements [release.Store]. Object storage does not report changes.
func (s *Store) Wait(ctx context.Context, _, _ string) error {
	<-ctx.Done()
	return ctx.Err()
}

// Close implements [release.Store].
func (s *Store) Close() error { return s.bucket.Close() }
