package command

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/neurondex/neurondex/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestValidateLimit checks that the diagnostics of a file are limited, whatever finds them.
func TestValidateLimit(t *testing.T) {
	dir := t.TempDir()
	var b strings.Builder
	for i := range 300 {
		fmt.Fprintf(&b, `, {"shortName": "x_%d", "derivedScalarType": "mlp_post_act", "userVisibleName": "X", "neuronDatasetPath": "p", "color": 1}`, i)
	}
	data := []byte("[" + b.String()[1:] + "]")
	set := fileSet{}
	for _, name := range []string{"a.json", "b.json"} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, data, 0o644))
		set.files = append(set.files, file{path: path})
	}
	reports := validation{viewer: true, progress: io.Discard}.run([]fileSet{set})
	for i, more := range []int{201, 501} { // b.json also overrides
		require.Len(t, reports[i].found, config.MaxDiagnostics+1)
		assert.Equal(t, more, reports[i].found[config.MaxDiagnostics].More)
	}
	var out bytes.Buffer
	require.NoError(t, writeText(&out, reports))
	assert.True(t, strings.HasSuffix(out.String(), "2 files with 600 datasets: 0 errors, 200 warnings, 702 more problems\n"))
}

// BenchmarkReport writes the report of a document on one line.
func BenchmarkReport(b *testing.B) {
	for _, size := range []int{1 << 20, 1 << 22} {
		data := []byte(`{"datasets": [` + strings.Repeat(`{"a": 1},`, size/9) + "{}]}")
		_, found := config.Parse("a.json", data)
		reports := []fileReport{{name: "a.json", source: data, found: found}}
		b.Run(fmt.Sprintf("%dMiB", size>>20), func(b *testing.B) {
			for b.Loop() {
				if err := writeText(io.Discard, reports); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
