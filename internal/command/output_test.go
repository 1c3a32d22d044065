package command

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
)

// A brokenWriter fails to write.
type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) {
	return 0, &os.PathError{Op: "write", Path: "/dev/stdout", Err: w.err}
}

// TestOutputCannotBeWritten runs every command that prints something.
func TestOutputCannotBeWritten(t *testing.T) {
	for _, line := range []string{
		"version", "--help", "help list", "list --help", "completion bash",
		"list", "list -o json", "get gpt2-xl mlp_post_act", "get gpt2-xl mlp_post_act -o json", "resolve gpt2-xl mlp_post_act",
		"types", "types -o json", "schema", "schema --draft 7", "watch --dir ../../examples/datasets",
		"validate --rules", "validate testdata", "validate --format json testdata", "validate --format sarif testdata", "validate --format github testdata/report.json",
		"convert --force ../../examples/datasets/10-gpt2-xl.toml",
	} {
		for cause, want := range map[syscall.Errno]string{
			syscall.ENOSPC: "neurondex: write /dev/stdout: no space left on device\n",
			syscall.EPIPE:  "", // the reader has what it wants, like head -1
		} {
			var messages strings.Builder
			code := run(t.Context(), strings.Fields(line), strings.NewReader(""), brokenWriter{cause}, &messages)
			assert.Equal(t, exitFailed, code, "%s: %v", line, cause)
			assert.Equal(t, want, messages.String(), "%s: %v", line, cause)
		}
	}
}
