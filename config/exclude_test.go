package config_test

import (
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/neurondex/neurondex/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An unlistedFS has a directory that cannot be listed.
type unlistedFS struct {
	fstest.MapFS
	dir string
}

func (f unlistedFS) ReadDir(name string) ([]fs.DirEntry, error) {
	if name == f.dir {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return f.MapFS.ReadDir(name)
}

var oneDataset = &fstest.MapFile{Data: []byte("short_name = \"a\"\nderived_scalar_type = \"mlp_post_act\"\nuser_visible_name = \"A\"\nneuron_dataset_path = \"p\"\n")}

// TestUnlistedDirectoryIsAWarning: a directory that cannot be listed may hold no documents.
func TestUnlistedDirectoryIsAWarning(t *testing.T) {
	fsys := unlistedFS{fstest.MapFS{"a.toml": oneDataset, "lost+found/b.toml": oneDataset}, "lost+found"}
	r, err := config.LoadFS(fsys)
	require.NoError(t, err)
	require.NoError(t, r.Diagnostics.Err())
	require.Len(t, r.Diagnostics, 1)
	assert.Equal(t, "lost+found: warning: cannot be read: permission denied [unreadable]", r.Diagnostics[0].String())
	assert.Len(t, r.Documents, 1)
	r, err = config.LoadFS(fsys, config.WithExclude("lost+found"))
	require.NoError(t, err)
	assert.Empty(t, r.Diagnostics)
}

func TestExclude(t *testing.T) {
	fsys := fstest.MapFS{"a.toml": oneDataset, "old/b.toml": oneDataset, "sub/a.bak.toml": oneDataset}
	r, err := config.LoadFS(fsys, config.WithExclude("old"), config.WithExclude("sub/*.bak.toml"))
	require.NoError(t, err)
	require.Len(t, r.Documents, 1)
	assert.Equal(t, "a.toml", r.Documents[0].Name)
	_, err = config.LoadFS(fsys, config.WithExclude("["))
	assert.ErrorContains(t, err, "malformed pattern")
}
