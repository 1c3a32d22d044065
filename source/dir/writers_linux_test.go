package dir_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/neurondex/neurondex/internal/watchtest"
	"github.com/neurondex/neurondex/source/dir"
	"github.com/neurondex/neurondex/watcher"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestOpenFilesAreNotRead has a writer that pauses for longer than the settle time. It is
// told by a lease, which only the owner of a file gets, and by events.
func TestOpenFilesAreNotRead(t *testing.T) {
	for _, leases := range []bool{true, false} {
		t.Run(fmt.Sprintf("leases %v", leases), func(t *testing.T) {
			t.Parallel()
			r := watchtest.New(t)
			r.Write("b.toml", watchtest.TOML("0", "b"))
			r.Write("sub/keep.toml", watchtest.TOML("0", "k"))
			d := &dir.Dir{Path: r.Dir, Settle: 20 * time.Millisecond, MaxDelay: 30 * time.Millisecond}
			if !leases { // the events need some time
				d.Settle, d.MaxDelay = 200*time.Millisecond, 250*time.Millisecond
				d.WithoutLeases()
			}
			r.Follow(d)
			version := 0
			settle := func(want string) { // another file settles meanwhile
				t.Helper()
				version++
				r.Write("b.toml", watchtest.TOML(fmt.Sprint(version), "b"))
				r.WaitFor(fmt.Sprintf(want, version))
			}
			f, err := os.Create(r.Path("a.toml"))
			require.NoError(t, err)
			for i := range 3 {
				_, err = f.WriteString(watchtest.TOML("1", fmt.Sprint("a", i)))
				require.NoError(t, err)
				settle("b=%d k=0")
				settle("b=%d k=0")
			}
			for _, d := range r.W.Status().Documents {
				assert.Equal(t, d.Name == "a.toml", d.State == watcher.StatePending, "%v", d)
			}
			require.NoError(t, os.Rename(r.Path("a.toml"), r.Path("c.toml")))
			settle("b=%d k=0")
			require.NoError(t, os.Rename(r.Path("c.toml"), r.Path("sub/c.toml")))
			settle("b=%d k=0")
			_, err = f.WriteString(watchtest.TOML("1", "a3"))
			require.NoError(t, err)
			settle("b=%d k=0")
			require.NoError(t, f.Close())
			r.WaitFor(fmt.Sprintf("b=%d a0=1 a1=1 a2=1 a3=1 k=0", version))

			// A writer that had a file open and removes it leaves nothing behind.
			f, err = os.Create(r.Path("a.toml"))
			require.NoError(t, err)
			_, err = f.WriteString(watchtest.TOML("1", "x"))
			require.NoError(t, err)
			require.NoError(t, os.Remove(r.Path("a.toml")))
			r.Write("a.toml", watchtest.TOML("2", "a"))
			r.WaitFor(fmt.Sprintf("a=2 b=%d a0=1 a1=1 a2=1 a3=1 k=0", version))
			require.NoError(t, f.Close())
		})
	}
}
