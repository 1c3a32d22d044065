package dirstore_test

import (
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
		return func() release.Store {
			s, err := dirstore.Open(dir)
			require.NoError(t, err)
			return s
		}
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
		"file://srv/x":        `file URL names the host "srv"; use three slashes, as in file:///srv/x`,
		"file:srv":            "must hold an absolute path",
		"file:///srv?x=1":     "must not have a query",
		"file:///nonexistent": "no such file or directory",
		"nosuch://x":          `no store for "nosuch://" URLs; known: file`,
		"/srv":                `no store for "://" URLs`,
	} {
		_, err := release.Open(t.Context(), url)
		assert.ErrorContains(t, err, message, url)
	}
}
