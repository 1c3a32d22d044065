package dir_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/neurondex/neurondex/source"
	"github.com/neurondex/neurondex/source/dir"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestPollAfterContext checks that a Poll whose context is done delivers nothing, and that the
// next one delivers everything.
func TestPollAfterContext(t *testing.T) {
	d := &dir.Dir{Path: t.TempDir()}
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	file, old := filepath.Join(d.Path, "a.toml"), time.Now().Add(-time.Hour)
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	require.NoError(t, os.Chtimes(file, old, old))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	batch, err := d.Poll(ctx, source.PollAll)
	require.ErrorIs(t, err, context.Canceled)
	assert.Empty(t, batch.Changed)
	batch, err = d.Poll(t.Context(), source.PollAll)
	require.NoError(t, err)
	assert.Len(t, batch.Changed, 1)
}
