package dir

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
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
