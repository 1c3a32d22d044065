package dir_test

import (
	"syscall"
	"testing"

	"github.com/neurondex/neurondex/internal/watchtest"
	"github.com/neurondex/neurondex/source/dir"
	"github.com/neurondex/neurondex/watcher"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestExclude(t *testing.T) {
	r := watchtest.New(t)
	r.Write("a.toml", watchtest.TOML("1", "a"))
	r.Write("old/b.toml", watchtest.TOML("1", "b"))
	r.OpenDir(dir.Dir{Exclude: []string{"old", "*.bak.toml"}})
	assert.Equal(t, "a=1", r.Served())
	r.Write("a.bak.toml", watchtest.TOML("1", "c"))
	r.Write("old/b.toml", watchtest.TOML("2", "b"))
	r.Write("a.toml", watchtest.TOML("2", "a"))
	r.WaitFor("a=2")
	require.NoError(t, r.Sync())
	require.NoError(t, r.W.Reload(t.Context()))
	assert.Equal(t, "a=2", r.Served())
	_, err := watcher.Follow(t.Context(), &dir.Dir{Path: r.Dir, Exclude: []string{"["}})
	require.ErrorContains(t, err, "malformed pattern")
}

// TestUnlistedDirectoryFailsNothing: a directory that cannot be listed and never had
// documents is reported, and no more.
func TestUnlistedDirectoryFailsNothing(t *testing.T) {
	r := newFaultRig(t)
	r.Write("lost+found/b.toml", watchtest.TOML("1", "b"))
	r.system.fail("list lost+found", syscall.EACCES)
	r.follow(dir.Dir{})
	assert.Equal(t, "a=1", r.Served())
	require.NoError(t, r.W.Reload(t.Context()))
	require.NoError(t, r.W.CheckHealth())
	status := r.document("lost+found")
	assert.Equal(t, watcher.StateOK, status.State)
	require.Len(t, status.Diagnostics, 1)
	hash := r.W.Snapshot().Hash()
	r.system.fail("list lost+found", nil)
	require.NoError(t, r.W.Reload(t.Context()))
	assert.Equal(t, "a=1 b=1", r.Served(), "it is read once it can be")
	assert.NotEqual(t, hash, r.W.Snapshot().Hash())
	r.system.fail("list lost+found", syscall.EACCES)
	require.ErrorIs(t, r.W.Reload(t.Context()), watcher.ErrStale, "now it had documents")
	assert.Equal(t, "a=1 b=1", r.Served())
}
