package dir

import (
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestWatchProblemHasNoPath checks that what a server shows of a failure to watch names no
// directory of its disk.
func TestWatchProblemHasNoPath(t *testing.T) {
	path, err := filepath.Abs("secret/data")
	assert.NoError(t, err)
	assert.Equal(t, "watch data: permission denied", watchProblem(&fs.PathError{Op: "watch", Path: path, Err: fs.ErrPermission}))
}
