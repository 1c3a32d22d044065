//go:build unix

package dir

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/neurondex/neurondex/source"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestRereadDuringResync reads a file again because the time for that has come, in the poll
// of a resync: that is no change.
func TestRereadDuringResync(t *testing.T) {
	d := &Dir{Path: t.TempDir()}
	defer d.Close()
	require.NoError(t, os.WriteFile(filepath.Join(d.Path, "a.toml"), nil, 0o644))
	require.Eventually(t, func() bool {
		_, err := d.Poll(t.Context(), source.PollAll)
		require.NoError(t, err)
		return len(d.pending.delivered) == 1
	}, 10*time.Second, time.Millisecond)
	d.pending.reread["a.toml"], d.pending.fullScan.at = time.Now(), time.Now()
	require.Equal(t, causeResync, d.pending.fullScan.why)
	b, err := d.Poll(t.Context(), source.PollNotified)
	require.NoError(t, err)
	require.Len(t, b.Changed, 1)
	assert.Equal(t, uint64(1), b.Health.Resyncs)
	assert.Zero(t, b.Health.ResyncChanges)
	assert.False(t, d.watches.isSilent)
}

// TestRootFailsWhileFilesWait: what waited when the root vanished is found anew when it is
// back, and waits as long as any other change.
func TestRootFailsWhileFilesWait(t *testing.T) {
	tb := newTable(t, true, "a.toml", "b.toml")
	full := *tb.tree
	delete(full.files, "a.toml")
	assert.Empty(t, tb.poll(fullScope))
	tb.p.fail(tb.now)
	tb.at(time.Minute)
	delete(tb.tree.files, "b.toml")
	assert.Empty(t, tb.poll(fullScope), "b.toml is still being copied, and a.toml may follow")
}
