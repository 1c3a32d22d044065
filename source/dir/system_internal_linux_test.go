package dir

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/neurondex/neurondex/source"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestRealMounts checks that the root of the system is a mount point.
func TestRealMounts(t *testing.T) {
	assert.NotZero(t, readMounts().of("/"))
}

// TestRealRemote checks that neither a missing path nor a virtual file system is remote.
func TestRealRemote(t *testing.T) {
	assert.False(t, isRemote("/proc"))
	assert.False(t, isRemote(filepath.Join(t.TempDir(), "gone")))
}

// TestPollClosesFiles checks that polls leave no file open, nor a confined root.
func TestPollClosesFiles(t *testing.T) {
	d := newDelivered(t, t.TempDir())
	d.Confined = true
	open := func() int {
		files, err := os.ReadDir("/proc/self/fd")
		require.NoError(t, err)
		return len(files)
	}
	before := open()
	for range 50 {
		_, err := d.Poll(t.Context(), source.PollAll)
		require.NoError(t, err)
	}
	assert.Less(t, open(), before+25)
}
