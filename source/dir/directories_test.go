package dir_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/neurondex/neurondex/internal/watchtest"
	"github.com/neurondex/neurondex/source/dir"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// moveAway removes the root in one step.
func (r *faultRig) moveAway() {
	r.Helper()
	require.NoError(r, os.Rename(r.Dir, r.Dir+".away"))
	require.NoError(r, os.RemoveAll(r.Dir+".away"))
}

// TestRootRemoved removes the root for a while: the last good datasets stay in service.
func TestRootRemoved(t *testing.T) {
	for _, confined := range []bool{false, true} {
		t.Run(fmt.Sprint("confined ", confined), func(t *testing.T) {
			r := newFaultRig(t)
			r.follow(dir.Dir{Confined: confined})
			for version := range 3 {
				r.moveAway() // at once: a scan must not find a part of it
				require.ErrorIs(t, r.Sync(), fs.ErrNotExist)
				require.ErrorIs(t, r.W.CheckHealth(), fs.ErrNotExist)
				assert.False(t, r.health().Notified)
				assert.NotEmpty(t, r.Served())
				r.Write("a.toml", watchtest.TOML(fmt.Sprint("back", version), "a"))
				r.WaitFor(fmt.Sprint("a=back", version))
				require.NoError(t, r.Sync())
				require.NoError(t, r.W.CheckHealth())
				r.writeNotified("a.toml", fmt.Sprint("edited", version), fmt.Sprint("a=edited", version))
			}
			r.moveAway()
			require.NoError(t, os.WriteFile(r.Dir, []byte("not a directory"), 0o644))
			require.ErrorContains(t, r.Sync(), "not a directory")
			require.NoError(t, os.Remove(r.Dir))
			require.NoError(t, os.Mkdir(r.Dir, 0o755))
			r.WaitFor("") // an empty directory of the same file system is valid
		})
	}
}

// TestDirectoryRenamed renames directories. A watch follows a directory, not its path.
func TestDirectoryRenamed(t *testing.T) {
	r := newFaultRig(t)
	r.Write("sub/deep/b.toml", watchtest.TOML("1", "b"))
	r.follow(dir.Dir{})
	require.NoError(t, os.Rename(r.Path("sub"), r.Path("moved")))
	require.NoError(t, r.Sync())
	assert.Equal(t, "a=1 b=1", r.Served())
	for _, d := range r.W.Status().Documents {
		assert.NotContains(t, d.Name, "sub/")
	}
	r.writeNotified("moved/deep/b.toml", "2", "a=1 b=2")
	r.writeNotified("sub/deep/c.toml", "1", "a=1 b=2 c=1") // a new directory under the old name
	r.writeNotified("moved/deep/b.toml", "3", "a=1 b=3 c=1")
	r.writeNotified("sub/deep/c.toml", "2", "a=1 b=3 c=2")
	require.NoError(t, os.Rename(r.Path("sub"), r.Path("over")))
	require.NoError(t, os.Rename(r.Path("moved"), r.Path("sub")))
	r.WaitFor("a=1 c=2 b=3")
	r.writeNotified("sub/deep/b.toml", "4", "a=1 c=2 b=4")
	r.writeNotified("over/deep/c.toml", "3", "a=1 c=3 b=4")
	require.NoError(t, os.Rename(r.Path("sub"), filepath.Join(filepath.Dir(r.Dir), "outside")))
	r.WaitFor("a=1 c=3")
	require.NoError(t, r.Sync())
}

// TestDirectoryRecreated removes a directory and creates it again.
func TestDirectoryRecreated(t *testing.T) {
	r := newFaultRig(t)
	r.follow(dir.Dir{})
	for i := range 4 {
		r.writeNotified("sub/b.toml", fmt.Sprint(2*i), fmt.Sprint("a=1 b=", 2*i))
		require.NoError(t, os.RemoveAll(r.Path("sub")))
		r.writeNotified("sub/b.toml", fmt.Sprint(2*i+1), fmt.Sprint("a=1 b=", 2*i+1))
	}
}
