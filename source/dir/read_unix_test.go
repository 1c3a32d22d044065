//go:build unix

package dir_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/neurondex/neurondex/internal/watchtest"
	"github.com/neurondex/neurondex/source/dir"
	"github.com/neurondex/neurondex/watcher"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestNamedPipe replaces a file with a named pipe before it is opened. Opening a pipe
// normally blocks until there is a writer.
func TestNamedPipe(t *testing.T) {
	for _, confined := range []bool{false, true} {
		t.Run(fmt.Sprint("confined ", confined), func(t *testing.T) {
			r := newFaultRig(t)
			r.Write("b.toml", watchtest.TOML("1", "b"))
			r.follow(dir.Dir{Confined: confined})
			r.system.set(func() {
				r.system.before["open a.toml"] = func() {
					assert.NoError(t, os.Remove(r.Path("a.toml")))
					assert.NoError(t, unix.Mkfifo(r.Path("a.toml"), 0o644))
				}
			})
			r.Write("a.toml", watchtest.TOML("2", "a"))
			err := r.Sync()
			require.ErrorIs(t, err, watcher.ErrStale)
			assert.ErrorContains(t, err, "is not a regular file")
			assert.Equal(t, "a=1 b=1", r.Served())
			r.writeNotified("b.toml", "2", "a=1 b=2")
			require.NoError(t, os.Remove(r.Path("a.toml")))
			r.Write("a.toml", watchtest.TOML("3", "a"))
			r.WaitFor("a=3 b=2")
			require.NoError(t, r.Sync())
		})
	}
}
