package blobstore_test

import (
	"context"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/neurondex/neurondex/release"
	"github.com/neurondex/neurondex/release/blobstore"
	"github.com/neurondex/neurondex/release/storetest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gocloud.dev/blob"
	"gocloud.dev/blob/memblob"
)

// shared returns a function that opens stores of one bucket, which the test closes.
func shared(t *testing.T, b *blob.Bucket, prefix string) func() release.Store {
	t.Cleanup(func() { assert.NoError(t, b.Close()) })
	return func() release.Store { return unclosed{blobstore.New(b, prefix)} }
}

// An unclosed store leaves its bucket open.
type unclosed struct{ *blobstore.Store }

func (unclosed) Close() error { return nil }

func TestMemory(t *testing.T) {
	for _, prefix := range []string{"", "some/prefix"} {
		storetest.Run(t, func(t *testing.T) func() release.Store {
			return shared(t, memblob.OpenBucket(nil), prefix)
		})
	}
}

// TestUnconditional checks that a store that ignores the condition is refused, before
// anything is stored there.
func TestUnconditional(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "x")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "x")
	objects := make(map[string]bool)
	fake := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodPut: // whatever If-None-Match says
			objects[r.URL.Path] = true
			w.Header().Set("ETag", `"x"`)
		case http.MethodDelete:
			delete(objects, r.URL.Path)
			w.WriteHeader(http.StatusNoContent)
		}
	}))
	defer fake.Close()
	s, err := release.Open(t.Context(), "s3://bucket/prefix?region=x&use_path_style=true&endpoint="+fake.URL)
	require.NoError(t, err)
	for range 2 {
		require.ErrorIs(t, s.Create(context.Background(), "releases/00000001", []byte("1")), blobstore.ErrUnconditional)
		assert.Empty(t, objects)
	}
	require.NoError(t, s.Close())
}

// TestRefusedUnread checks that a large value is reported to exist by a server that refuses it before
// it has read it, and closes the connection: the client may not get the response.
func TestRefusedUnread(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "x")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "x")
	var mu sync.Mutex
	objects := make(map[string]bool)
	fake := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		exists := objects[r.URL.Path]
		switch {
		case r.Method == http.MethodHead && !exists:
			w.WriteHeader(http.StatusNotFound)
		case r.Method == http.MethodHead:
			w.Header().Set("ETag", `"x"`)
		case r.Method == http.MethodDelete:
			delete(objects, r.URL.Path)
			w.WriteHeader(http.StatusNoContent)
		case r.Method == http.MethodPut && !exists:
			_, err := io.Copy(io.Discard, r.Body)
			assert.NoError(t, err)
			objects[r.URL.Path] = true
			w.Header().Set("ETag", `"x"`)
		case r.Method == http.MethodPut && r.ContentLength < 1000:
			w.WriteHeader(http.StatusPreconditionFailed)
		case r.Method == http.MethodPut:
			panic(http.ErrAbortHandler)
		}
	}))
	defer fake.Close()
	s, err := release.Open(t.Context(), "s3://bucket/prefix?region=x&use_path_style=true&endpoint="+fake.URL)
	require.NoError(t, err)
	large := make([]byte, 1<<20)
	require.NoError(t, s.Create(t.Context(), "blobs/a", large))
	require.ErrorIs(t, s.Create(t.Context(), "blobs/a", large), fs.ErrExist)
	require.NoError(t, s.Close())
}
