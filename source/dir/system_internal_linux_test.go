package dir

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestRealMounts: the system has a mount point at its root at least.
func TestRealMounts(t *testing.T) {
	assert.NotZero(t, readMounts().of("/"))
}

// TestRealRemote: what cannot be examined is not on another machine, nor is what the system
// makes up.
func TestRealRemote(t *testing.T) {
	assert.False(t, isRemote("/proc"))
	assert.False(t, isRemote(filepath.Join(t.TempDir(), "gone")))
}
