package dir_test

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/internal/watchtest"
	"github.com/neurondex/neurondex/source/dir"
	"github.com/neurondex/neurondex/watcher"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestUnreadable makes a file or a directory unreadable: it keeps its last good datasets
// and delays no other file. When the fault is gone the file is read, although its metadata
// does not change.
func TestUnreadable(t *testing.T) {
	for name, fault := range map[string]struct {
		operation string
		err       error
		document  string // that has the diagnostic
	}{
		"EACCES on stat":      {"stat sub/b.toml", syscall.EACCES, "sub/b.toml"},
		"EACCES on open":      {"open sub/b.toml", syscall.EACCES, "sub/b.toml"},
		"EMFILE on open":      {"open sub/b.toml", syscall.EMFILE, "sub/b.toml"},
		"EIO on read":         {"read sub/b.toml", syscall.EIO, "sub/b.toml"},
		"EACCES on list":      {"list sub", syscall.EACCES, "sub"},
		"EIO on list":         {"list sub", syscall.EIO, "sub"},
		"EACCES on directory": {"stat sub", syscall.EACCES, "sub"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newFaultRig(t)
			r.Write("sub/b.toml", watchtest.TOML("1", "b", "bb"))
			r.follow(dir.Dir{})
			r.system.fail(fault.operation, fault.err)
			r.notifyOfListing(fault.operation)
			r.Write("sub/b.toml", watchtest.TOML("2", "b"))
			err := r.Sync()
			require.ErrorIs(t, err, watcher.ErrStale)
			assert.ErrorContains(t, err, fault.document+": error: cannot be read: "+fault.err.Error())
			assert.Equal(t, "a=1 b=1 bb=1", r.Served())
			status := r.document(fault.document)
			assert.Equal(t, watcher.StateStale, status.State)
			require.Len(t, status.Diagnostics, 1)
			assert.Equal(t, config.RuleUnreadable, status.Diagnostics[0].Rule)
			assert.NotErrorIs(t, r.W.CheckHealth(), watcher.ErrSource)
			assert.ErrorIs(t, r.W.CheckHealth(), watcher.ErrStale)

			r.Write("a.toml", watchtest.TOML("2", "a"))
			r.WaitFor("a=2 b=1 bb=1")
			r.Write("a.toml", watchtest.TOML("3", "a"))
			require.ErrorIs(t, r.Sync(), watcher.ErrStale)
			assert.Equal(t, "a=3 b=1 bb=1", r.Served())

			r.system.fail(fault.operation, nil)
			r.WaitFor("a=3 b=2")
			require.NoError(t, r.Sync())
			for _, d := range r.W.Status().Documents {
				assert.Equal(t, watcher.StateOK, d.State, "%s", d.Name)
			}
		})
	}
}

// TestUnreadableIsRetriedWithPauses makes a file unreadable that must be read again. It
// counts the scans of a period, since no event could end it.
func TestUnreadableIsRetriedWithPauses(t *testing.T) {
	r := newFaultRig(t)
	r.Write("sub/b.toml", watchtest.TOML("1", "b"))
	r.follow(dir.Dir{})
	r.Write("b.new", watchtest.TOML("2", "b"))
	soon := time.Now().Add(200 * time.Millisecond) // it must be read again shortly after that
	require.NoError(t, os.Chtimes(r.Path("b.new"), soon, soon))
	require.NoError(t, os.Rename(r.Path("b.new"), r.Path("sub/b.toml")))
	r.WaitFor("a=1 b=2")
	r.system.fail("stat sub", syscall.EACCES)
	require.ErrorIs(t, r.Sync(), watcher.ErrStale)
	scans := 0
	r.system.set(func() { scans = r.system.calls["stat ."] })
	start := time.Now()
	time.Sleep(700 * time.Millisecond)
	r.system.set(func() { scans = r.system.calls["stat ."] - scans })
	assert.Less(t, scans, 15+int(time.Since(start)/(20*time.Millisecond)))
	r.system.fail("stat sub", nil)
	require.NoError(t, r.Sync())
}

// TestRootUnreadable makes the root unreadable: that is an error of the source.
func TestRootUnreadable(t *testing.T) {
	for name, fault := range map[string]struct {
		operation string
		err       error
	}{
		"EACCES on stat": {"stat .", syscall.EACCES},
		"EACCES on list": {"list .", syscall.EACCES},
		"EIO on list":    {"list .", syscall.EIO},
	} {
		t.Run(name, func(t *testing.T) {
			r := newFaultRig(t)
			r.follow(dir.Dir{})
			r.system.fail(fault.operation, fault.err)
			r.notifyOfListing(fault.operation)
			r.Write("a.toml", watchtest.TOML("2", "a"))
			require.ErrorIs(t, r.Sync(), fault.err)
			assert.Equal(t, "a=1", r.Served())
			assert.ErrorIs(t, r.W.CheckHealth(), fault.err)
			assert.False(t, r.health().Notified)
			r.system.fail(fault.operation, nil)
			r.WaitFor("a=2")
			require.NoError(t, r.Sync())
			assert.NoError(t, r.W.CheckHealth())
			r.writeNotified("a.toml", "3", "a=3")
		})
	}
}

// notifyOfListing causes the event that comes when a directory loses the permission to be
// listed.
func (r *faultRig) notifyOfListing(operation string) {
	r.Helper()
	if name, ok := strings.CutPrefix(operation, "list "); ok {
		require.NoError(r, os.Chmod(r.Path(name), 0o755))
	}
}
