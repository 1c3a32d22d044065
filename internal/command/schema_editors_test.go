//go:build unix

package command

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/neurondex/neurondex/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var editors = flag.Bool("editors", false, "test the schema with the services of editors; needs node and npm")

// An editorDiagnostic is what an editor shows.
type editorDiagnostic struct {
	File    string
	Line    int
	Message string
}

// TestEditors checks that VS Code's JSON service and taplo show what validate reports, on the
// same line, name the fields that are missing, and show nothing of a valid file.
func TestEditors(t *testing.T) {
	if !*editors {
		t.Skip("run with -editors; needs node and npm")
	}
	const from = "testdata/editors"
	services := t.TempDir()
	for _, name := range []string{"package.json", "package-lock.json", "vscode.js"} {
		data, err := os.ReadFile(filepath.Join(from, name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(services, name), data, 0o644))
	}
	outputOf(t, services, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	files, err := filepath.Abs(filepath.Join(from, "files"))
	require.NoError(t, err)
	forEachDraft(t, func(t *testing.T, draft string) {
		schema := filepath.Join(services, "schema-"+draft+".json")
		require.NoError(t, os.WriteFile(schema, printedSchema(t, draft), 0o644))
		t.Run("VS Code", func(t *testing.T) { compareWithValidate(t, files, "*.json", vsCode(t, services, schema)) })
		t.Run("taplo", func(t *testing.T) { compareWithValidate(t, files, "*.toml", taplo(t, services, schema)) })
	})
}

// outputOf runs a command, which may exit with any code, and returns what it prints.
func outputOf(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		require.NoError(t, err)
	}
	return string(out)
}

// vsCode returns a function that returns what VS Code's JSON service reports of files.
func vsCode(t *testing.T, services, schema string) func([]string) []editorDiagnostic {
	return func(files []string) (found []editorDiagnostic) {
		out := outputOf(t, services, "node", append([]string{"vscode.js", schema}, files...)...)
		require.NoError(t, json.Unmarshal([]byte(out), &found), out)
		return found
	}
}

var taploDiagnostic = regexp.MustCompile(`(?m)^error: (.*)\n +┌─ (.*):(\d+):\d+$`)

// taplo returns a function that returns what taplo reports of files. It reports what a table
// lacks on each line of the table.
func taplo(t *testing.T, services, schema string) func([]string) []editorDiagnostic {
	return func(files []string) (found []editorDiagnostic) {
		out := outputOf(t, services, "node_modules/.bin/taplo", append([]string{"lint", "--no-auto-config", "--colors", "never", "--schema", "file://" + schema}, files...)...)
		require.Contains(t, out, fmt.Sprintf("found files total=%d", len(files)))
		for _, m := range taploDiagnostic.FindAllStringSubmatch(out, -1) {
			line, err := strconv.Atoi(m[3])
			require.NoError(t, err)
			found = append(found, editorDiagnostic{m[2], line, m[1]})
		}
		return found
	}
}

func compareWithValidate(t *testing.T, dir, pattern string, editor func([]string) []editorDiagnostic) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, pattern))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	shown := map[string][]editorDiagnostic{}
	for _, d := range editor(files) {
		shown[d.File] = append(shown[d.File], d)
	}
	assert.Subset(t, files, slices.Collect(maps.Keys(shown)))
	for _, file := range files {
		r, err := config.LoadFile(file)
		require.NoError(t, err)
		if r.Diagnostics.Err() == nil {
			assert.Empty(t, shown[file])
		}
		for _, d := range r.Diagnostics {
			if d.Severity != config.SeverityError {
				continue
			}
			missing := `"` + d.Field[strings.LastIndexByte(d.Field, '.')+1:] + `"`
			assert.True(t, slices.ContainsFunc(shown[file], func(e editorDiagnostic) bool {
				return d.Rule == config.RuleMissingField && strings.Contains(e.Message, missing) || d.Rule != config.RuleMissingField && e.Line == d.Line
			}), "%v is not among %v", d, shown[file])
		}
	}
}
