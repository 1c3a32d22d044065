package dirstore_test

import (
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/neurondex/neurondex/release"
	"github.com/neurondex/neurondex/release/dirstore"
	"github.com/neurondex/neurondex/release/storetest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) func() release.Store {
		dir := t.TempDir()
		return func() release.Store { return dirstore.New(dir) }
	})
}

func TestURL(t *testing.T) {
	dir := t.TempDir()
	s, err := release.Open(t.Context(), "file://"+filepath.ToSlash(dir))
	require.NoError(t, err)
	require.NoError(t, s.Create(t.Context(), "blobs/a", []byte("1")))
	assert.FileExists(t, filepath.Join(dir, "blobs", "a"))
	require.NoError(t, s.Close())
	for url, message := range map[string]string{
		"file://srv/x":    `file URL names the host "srv"; use three slashes, as in file:///srv/x`,
		"file:srv":        "must hold an absolute path",
		"file:///srv?x=1": "must not have a query",
		"nosuch://x":      `no store for "nosuch://" URLs; known: file`,
		"/srv":            `no store for "://" URLs`,
	} {
		_, err := release.Open(t.Context(), url)
		assert.ErrorContains(t, err, message, url)
	}
}

// TestMissingDirectory checks that a directory that is not mounted is an error, and not an
// empty store.
func TestMissingDirectory(t *testing.T) {
	s := dirstore.New(filepath.Join(t.TempDir(), "missing"))
	_, err := s.Get(t.Context(), "blobs/a", 1)
	require.Error(t, err)
	require.NotErrorIs(t, err, fs.ErrNotExist, "of a key")
	require.ErrorIs(t, s.Create(t.Context(), "blobs/a", nil), fs.ErrNotExist)
	for _, err := range s.List(t.Context(), "blobs/", "") {
		require.ErrorIs(t, err, fs.ErrNotExist)
	}
}
