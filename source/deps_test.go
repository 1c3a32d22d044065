package source_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestStandardLibraryOnly keeps dependencies out of the packages that every embedder and
// every source imports.
func TestStandardLibraryOnly(t *testing.T) {
	for _, pkg := range []string{"registry", "source"} {
		path := "github.com/neurondex/neurondex/" + pkg
		out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", path).Output()
		require.NoError(t, err)
		assert.Equal(t, path, strings.TrimSpace(string(out)))
	}
}
