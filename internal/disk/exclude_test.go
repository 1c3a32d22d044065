package disk_test

import (
	"testing"
	"testing/fstest"

	"github.com/neurondex/neurondex/internal/disk"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPatterns(t *testing.T) {
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{"lost+found", "lost+found", true},
		{"lost+found", "sub/lost+found", true},
		{"lost+found", "lost+found/a.toml", true},
		{"*.bak.toml", "sub/a.bak.toml", true},
		{"*.bak.toml", "a.toml", false},
		{"sub/*.toml", "sub/a.toml", true},
		{"sub/*.toml", "a/sub/a.toml", false},
		{"/a.toml", "a.toml", true},
		{"/a.toml", "sub/a.toml", false},
		{"**/old/**", "x/old/y/a.toml", true},
		{"**/old/**", "x/older/a.toml", false},
		{"{a,b}.toml", "b.toml", true},
	} {
		assert.Equal(t, tt.want, disk.Patterns{tt.pattern}.Match(tt.name), "%s and %s", tt.pattern, tt.name)
	}
	assert.False(t, disk.Patterns(nil).Match("a.toml"))
	require.NoError(t, disk.Patterns{"*", "**/x"}.Check())
	assert.ErrorContains(t, disk.Patterns{"a", "["}.Check(), `malformed pattern "["`)
}

func TestWalkExcludes(t *testing.T) {
	fsys := fstest.MapFS{"a.toml": {}, "skip.toml": {}, "sub/b.toml": {}, "lost+found/c.toml": {}, "sub/lost+found/d.toml": {}}
	var names []string
	walker := disk.Walker{FS: fsys, Exclude: disk.Patterns{"lost+found", "skip.*"}}
	err := walker.Walk(func(e disk.Entry) { names = append(names, e.Name) })
	require.NoError(t, err)
	assert.Equal(t, []string{".", "a.toml", "sub", "sub/b.toml"}, names)
}
