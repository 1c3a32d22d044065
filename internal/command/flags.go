package command

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/neurondex/neurondex/internal/disk"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// A checkedValue is the value of a flag that does not accept everything that its type does.
type checkedValue struct {
	pflag.Value
	check func(string) error
}

// Set implements [pflag.Value].
func (v checkedValue) Set(text string) error {
	if err := v.check(text); err != nil {
		return err
	}
	return v.Value.Set(text)
}

// check makes a flag of cmd refuse what a function does not accept.
func check(cmd *cobra.Command, name string, accept func(string) error) {
	f := cmd.Flags().Lookup(name)
	f.Value = checkedValue{f.Value, accept}
}

// choose makes a flag of cmd accept only the given values, and complete them.
func choose(cmd *cobra.Command, name string, values ...string) {
	last := len(values) - 1
	list := strings.Join(values[:last], ", ") + " or " + values[last]
	check(cmd, name, func(text string) error {
		if !slices.Contains(values, text) {
			return fmt.Errorf("must be %s, not %q", list, text)
		}
		return nil
	})
	complete := cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)
	if err := cmd.RegisterFlagCompletionFunc(name, complete); err != nil {
		panic(err) // there is no such flag
	}
}

// invalidValue describes a value that a flag does not accept.
func invalidValue(origin string, f *pflag.Flag, err error) error {
	if syntax, ok := errors.AsType[*strconv.NumError](err); ok && f.Value.Type() == "bool" {
		err = fmt.Errorf("must be true or false, not %q", syntax.Num)
	}
	return fmt.Errorf("%s: %w", origin, err)
}

// explainFlagError describes values of the command line in the same words as others.
func explainFlagError(_ *cobra.Command, err error) error {
	if invalid, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		f := invalid.GetFlag()
		return invalidValue("--"+f.Name, f, errors.Unwrap(invalid))
	}
	return err
}

// noArguments refuses arguments. A directory is what most people mean by one.
func noArguments(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return nil
	case cmd.Flags().Lookup("dir") != nil:
		return fmt.Errorf("%s takes no arguments; name a directory by --dir %s", cmd.Name(), args[0])
	default:
		return fmt.Errorf("%s takes no arguments, but got %q", cmd.Name(), args[0])
	}
}

// arguments refuses another number of arguments than the use line shows.
func arguments(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < least || len(args) > most {
			return fmt.Errorf("wrong number of arguments: %d; use %s", len(args), cmd.UseLine())
		}
		return nil
	}
}

func isPositiveDuration(text string) error {
	if d, err := time.ParseDuration(text); err != nil || d <= 0 {
		return fmt.Errorf("must be greater than zero and have a unit, like 50ms or 30s, not %q", text)
	}
	return nil
}

func isShare(text string) error {
	if share, err := strconv.ParseFloat(text, 64); err != nil || !(0 <= share && share <= 1) {
		return fmt.Errorf("must be between 0 and 1, not %q", text)
	}
	return nil
}

// eachOf applies a check to each part of a list that is separated by commas.
func eachOf(accept func(string) error) func(string) error {
	return func(text string) error {
		if text == "" {
			return nil // an empty list
		}
		for part := range strings.SplitSeq(text, ",") {
			if err := accept(part); err != nil {
				return err
			}
		}
		return nil
	}
}

func isPattern(text string) error { return disk.Patterns{text}.Check() }

func isListenAddress(text string) error {
	if _, _, err := net.SplitHostPort(text); err != nil {
		return fmt.Errorf("must be host:port, like 127.0.0.1:8000 or :8000, not %q", text)
	}
	return nil
}
