// Package command is the command line: what the commands neurondex and neurondex-all do. They
// differ in the stores that they import.
package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/registry"
)

// Main runs the command line of the process and ends the process.
func Main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// The exit codes. The help of the root command describes them.
const (
	exitOK      = 0
	exitInvalid = 1 // invalid data, or no such dataset
	exitFailed  = 2 // invalid usage, unreadable input, or output that cannot be written
	exitWarned  = 3 // warnings, with --strict
)

// Errors that are already reported. They only select the exit code.
var (
	errReported = fmt.Errorf("already reported: %w", config.ErrInvalid)
	errWarned   = errors.New("warnings already reported")
)

// An output keeps the first error of writing to it, which the help, for one, ignores.
type output struct {
	io.Writer
	err error
}

// Write implements [io.Writer].
func (o *output) Write(p []byte) (int, error) {
	n, err := o.Writer.Write(p)
	o.err = cmp.Or(o.err, err)
	return n, err
}

// run runs the command line args and returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	out := &output{Writer: stdout}
	cmd := newRootCommand()
	cmd.SetArgs(args)
	cmd.SetIn(stdin)
	cmd.SetOut(out)
	cmd.SetErr(stderr)
	err := cmd.ExecuteContext(ctx)
	if out.err != nil {
		err = out.err
	}
	switch {
	case err == nil, errors.Is(err, errReported), errors.Is(err, errWarned):
	case errors.Is(err, syscall.EPIPE): // the reader has left, like head -1
	default:
		fmt.Fprintf(stderr, "neurondex: %v\n", err)
	}
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errWarned):
		return exitWarned
	case errors.Is(err, registry.ErrNotFound), errors.Is(err, config.ErrInvalid):
		return exitInvalid
	default:
		return exitFailed
	}
}
