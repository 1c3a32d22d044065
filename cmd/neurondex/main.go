// Command neurondex tells which neuron datasets there are: it serves those of a
// directory over HTTP, and lists, looks up and validates them.
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

// The exit codes.
const (
	exitOK      = 0
	exitInvalid = 1 // the data is invalid, or what was asked for is not there
	exitFailed  = 2 // wrong usage, or something cannot be read
	exitWarned  = 3 // the data has warnings, which --strict takes for errors
)

// Errors that have been shown already, and that only the exit code is still to tell.
var (
	errReported = fmt.Errorf("reported already: %w", config.ErrInvalid)
	errWarned   = errors.New("warnings reported already")
)

// run is the whole program, but for the process around it.
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
