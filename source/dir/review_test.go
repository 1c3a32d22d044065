package dir_test

import (
	"os"
	"testing"
	"time"

	"github.com/neurondex/neurondex/internal/watchtest"
	"github.com/neurondex/neurondex/source/dir"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestChangeDuringResync changes a file while a resync scans: its event comes later, and is
// not missing.
func TestChangeDuringResync(t *testing.T) {
	r := newFaultRig(t)
	next := r.Dir + ".next"
	require.NoError(t, os.WriteFile(next, []byte(watchtest.TOML("2", "a")), 0o644))
	r.follow(dir.Dir{Resync: 300 * time.Millisecond})
	r.system.set(func() { r.system.before["list ."] = func() { _ = os.Rename(next, r.Path("a.toml")) } })
	r.WaitFor("a=2")
	require.Eventually(t, func() bool { return r.health().Resyncs > 0 }, 10*time.Second, time.Millisecond)
	assert.Zero(t, r.health().ResyncChanges)
	before := r.scans()
	require.NoError(t, r.Sync())
	assert.Less(t, r.scans(), before+2, "Sync relies on events")
}
