package config_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/neurondex/neurondex/config"
)

// TestZeroMaxBytes holds that 0 means the default, as it does for dir.Dir.MaxBytes.
func TestZeroMaxBytes(t *testing.T) {
	specs, found := config.Parse("a.toml", []byte(good), config.WithMaxBytes(100), config.WithMaxBytes(0))
	require.NoError(t, found.Err())
	assert.Len(t, specs, 1)
	r, err := config.LoadFile("testdata/parse/single.toml", config.WithMaxBytes(0))
	require.NoError(t, err)
	assert.NoError(t, r.Diagnostics.Err())
}
