package dir

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/neurondex/neurondex/source"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMounts checks which mount point a path is on.
func TestMounts(t *testing.T) {
	m := parseMounts([]byte("21 1 8:1 / / rw - ext4 /dev/sda rw\n" +
		"35 21 0:30 / /mnt/with\\040space rw - tmpfs none rw\n" +
		"36 21 0:31 / /a\\011b\\012c\\134d rw\n" +
		"too short\nx 1 2 3 /not/a/number rw\n" +
		"40 21 0:32 / /mnt/twice rw\n41 21 0:33 / /mnt/twice rw\n50 41 8:1 /f /mnt/twice/f.toml rw\n7 7 7 7 /last"))
	for path, want := range map[string]int{
		"/": 21, "/x": 21, "/x/y/z": 21, "/mnt": 21, "/mnt/with space": 35, "/mnt/with space/x": 35, "/mnt/with spaces": 21,
		"/a\tb\nc\\d/e": 36, "/mnt/twice/sub": 41, "/mnt/twice/f.toml": 50, "/not/a/number": 21, "/last": 7, "": 0, "relative": 0,
	} {
		assert.Equal(t, want, m.of(path), path)
	}
	assert.Zero(t, mounts{}.of("/x/y"))
	assert.True(t, m.isPoint("/mnt/twice", "f.toml"))
	assert.True(t, m.isPoint("/mnt", "twice"))
	assert.False(t, m.isPoint("/mnt/twice", "g.toml"))
	assert.False(t, m.isPoint("/x", "f.toml"))
	assert.False(t, mounts{}.isPoint("/mnt", "twice"))
	assert.True(t, m.equal(m))
	assert.False(t, m.equal(mounts{}))
}

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
