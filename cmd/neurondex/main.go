// Command neurondex finds, validates and serves neuron datasets. It reads them from a
// directory of TOML and JSON files and follows its changes.
//
// Run neurondex help for its commands.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/registry"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// The exit codes. The help of the root command describes them.
const (
	exitOK      = 0
	exitInvalid = 1 // invalid data, or no such dataset
	exitFailed  = 2 // invalid usage, or unreadable input
	exitWarned  = 3 // warnings, with --strict
)

// Errors that are already reported. They only select the exit code.
var (
	errReported = fmt.Errorf("already reported: %w", config.ErrInvalid)
	errWarned   = errors.New("warnings already reported")
)

// run runs the command line args and returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	cmd := newRootCommand()
	cmd.SetArgs(args)
	cmd.SetIn(stdin)
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	err := cmd.ExecuteContext(ctx)
	if err != nil && !errors.Is(err, errReported) && !errors.Is(err, errWarned) {
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
