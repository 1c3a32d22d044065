package config_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/neurondex/neurondex/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestOddNames loads files whose names only some systems allow.
func TestOddNames(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"bad\xff.toml", "new\nline.toml"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), append(document("toml", 1), "unknown = 1\n"...), 0o644))
	}
	r, err := config.LoadDir(dir)
	require.NoError(t, err)
	require.Len(t, r.Documents, 2)
	assert.Equal(t, "bad\xff.toml", r.Documents[0].Name)
	require.Len(t, r.Diagnostics, 2)
	assert.Equal(t, `bad\xff.toml:7:1: warning: datasets[0].unknown: unknown field, kept as an extra field; if it is intended, list it in extra_fields [unknown-field]`, r.Diagnostics[0].String())
	assert.Equal(t, `new\nline.toml:7:1: warning: datasets[0].unknown: unknown field, kept as an extra field; if it is intended, list it in extra_fields [unknown-field]`, r.Diagnostics[1].String())
}
