package command

import (
	"errors"
	"fmt"
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
	f.DefValue = strings.Trim(f.DefValue, "[]") // of a list, which pflag does not recognise any more
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
func invalidValue(origin string, f *pflag.Flag, value string, err error) error {
	if f.Value.Type() == "bool" {
		err = fmt.Errorf("must be true or false, not %q", value)
	}
	return fmt.Errorf("%s: %w", origin, err)
}

// explainFlagError describes values of the command line in the same words as others.
func explainFlagError(_ *cobra.Command, err error) error {
	if invalid, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		f := invalid.GetFlag()
		return invalidValue("--"+f.Name, f, invalid.GetValue(), errors.Unwrap(invalid))
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

func isPositiveInt(text string) error {
	if n, err := strconv.Atoi(text); err != nil || n <= 0 {
		return fmt.Errorf("must be a whole number greater than zero, not %q", text)
	}
	return nil
}

// groupKey is the annotation of a flag that holds its heading, and that of a command that holds
// all headings, one on each line.
const groupKey = "group"

// group puts flags of cmd under a heading of its help.
func group(cmd *cobra.Command, heading string, names ...string) {
	if cmd.Annotations == nil {
		cmd.Annotations = make(map[string]string)
	}
	cmd.Annotations[groupKey] += heading + "\n"
	for _, name := range names {
		if err := cmd.Flags().SetAnnotation(name, groupKey, []string{heading}); err != nil {
			panic(err) // there is no such flag
		}
	}
}

// helpWidth is the width of the help of flags, in characters.
const helpWidth = 100

// flagUsages describes the flags of a command itself under their headings. Flags without one come
// last.
func flagUsages(cmd *cobra.Command) string {
	sets := make(map[string]*pflag.FlagSet)
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		heading := "Flags"
		if grouped := f.Annotations[groupKey]; len(grouped) > 0 {
			heading = grouped[0]
		}
		if sets[heading] == nil {
			sets[heading] = pflag.NewFlagSet("", pflag.ContinueOnError)
		}
		sets[heading].AddFlag(f)
	})
	var b strings.Builder
	for _, heading := range append(strings.Split(strings.TrimSuffix(cmd.Annotations[groupKey], "\n"), "\n"), "Flags") {
		if flags := sets[heading]; flags != nil && flags.HasAvailableFlags() {
			fmt.Fprintf(&b, "%s:\n%s\n", heading, flags.FlagUsagesWrapped(helpWidth))
		}
	}
	return strings.TrimSpace(b.String())
}

func init() { cobra.AddTemplateFunc("flagUsages", flagUsages) }

// localFlags is the part of cobra's usage that lists the flags of a command, and groupedFlags what
// stands there instead.
const (
	localFlags   = "Flags:\n{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}"
	groupedFlags = "{{flagUsages .}}"
)
