package dir_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/neurondex/neurondex/internal/watchtest"
	"github.com/neurondex/neurondex/source/dir"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestNeverTorn changes a file in the middle of a read.
func TestNeverTorn(t *testing.T) {
	second, third := watchtest.TOML("2", "x", "y"), watchtest.TOML("3", "y", "z") // of the same size
	require.Len(t, third, len(second))
	for name, tt := range map[string]struct {
		change func(t *testing.T, path string)
		want   string
	}{
		"shrinks": {func(t *testing.T, path string) {
			require.NoError(t, os.Truncate(path, int64(len(watchtest.TOML("2", "x")))))
		}, "x=2"},
		"grows": {func(t *testing.T, path string) {
			f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			require.NoError(t, err)
			_, err = f.WriteString(watchtest.TOML("2", "z"))
			require.NoError(t, err)
			require.NoError(t, f.Close())
		}, "x=2 y=2 z=2"},
		"is rewritten": {func(t *testing.T, path string) {
			require.NoError(t, os.WriteFile(path, []byte(third), 0o644))
		}, "y=3 z=3"},
		"is rewritten with its old time": {func(t *testing.T, path string) {
			info, err := os.Stat(path)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(path, []byte(third), 0o644))
			require.NoError(t, os.Chtimes(path, info.ModTime(), info.ModTime()))
		}, "y=3 z=3"},
		"is replaced": {func(t *testing.T, path string) {
			require.NoError(t, os.WriteFile(path+".new", []byte(third), 0o644))
			require.NoError(t, os.Rename(path+".new", path))
		}, "y=3 z=3"},
		"is removed": {func(t *testing.T, path string) {
			require.NoError(t, os.Remove(path))
		}, ""},
	} {
		for _, confined := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, confined %v", name, confined), func(t *testing.T) {
				r := newFaultRig(t)
				r.follow(dir.Dir{Confined: confined})
				states := make(chan map[string]bool)
				ctx, cancel := context.WithCancel(t.Context())
				go func() {
					seen := make(map[string]bool)
					for range r.W.Updates(ctx) {
						seen[r.Served()] = true
					}
					states <- seen
				}()
				r.system.set(func() { r.system.before["read a.toml"] = func() { tt.change(t, r.Path("a.toml")) } })
				r.Write("a.toml", second)
				r.WaitFor(tt.want)
				require.NoError(t, r.Sync())
				cancel()
				seen := <-states
				delete(seen, "a=1")
				delete(seen, tt.want)
				assert.Empty(t, seen, "states between the first and the last")
				r.system.set(func() {
					assert.NotContains(t, r.system.before, "read a.toml", "file was not changed during a read")
				})
				assert.NotContains(t, r.LogText.String(), "cannot be read", "a change during a read is not an error")
			})
		}
	}
}

// TestRemovedBeforeOpen removes a file between the scan and the read.
func TestRemovedBeforeOpen(t *testing.T) {
	r := newFaultRig(t)
	r.follow(dir.Dir{})
	r.system.set(func() {
		r.system.before["open b.toml"] = func() { assert.NoError(t, os.Remove(r.Path("b.toml"))) }
	})
	r.Write("b.toml", watchtest.TOML("1", "b"))
	require.NoError(t, r.Sync())
	assert.Equal(t, "a=1", r.Served())
	assert.Len(t, r.W.Status().Documents, 1)
	r.writeNotified("b.toml", "2", "a=1 b=2")
}
