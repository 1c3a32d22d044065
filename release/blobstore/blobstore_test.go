package blobstore_test

import (
	"context"
	"net/http"
	"net/http/httptest"
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
