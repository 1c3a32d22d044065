package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/neurondex/neurondex/config"
	"github.com/spf13/cobra"
)

func newConvertCommand(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "convert PATH...",
		Short: "Convert dataset files to the current form",
		Long: `Convert dataset files of any form to the current one: a list of datasets under the
key datasets. No data is lost, and comments stay with the table or key that they are
before or behind of. A file with a value that the format cannot represent is not
converted, and one with a comment that cannot be kept only with --force.

Without --write there must be exactly one file, and the result goes to standard
output. The PATH "-" is standard input.

With --write the file that a link leads to is replaced, in one step. It keeps its mode
and, on Linux and macOS, its owner and extended attributes. A file for which that is
not possible, or that has other hard links, is not written, and the exit code is 2.`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: completeDatasetFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			c := conversion{to: s.GetString("to"), write: s.GetBool("write"), force: s.GetBool("force"), parsing: s.parsing(), out: cmd.OutOrStdout(), messages: cmd.ErrOrStderr()}
			sets, err := findFiles(args, nil, cmd.InOrStdin())
			if err != nil {
				return err
			}
			return c.run(sets)
		},
	}
	cmd.Flags().String("to", "", "target `format`: toml, json or jsonc (default: the format of the file)")
	choose(cmd, "to", "toml", "json", "jsonc")
	cmd.Flags().Bool("write", false, "replace the files, and rename those whose format changes")
	cmd.Flags().Bool("force", false, "drop comments that cannot be kept, and replace existing files")
	addExtraFieldFlag(cmd)
	return cmd
}

// A conversion holds the values of the flags and the outputs.
type conversion struct {
	to           string
	write, force bool
	parsing      []config.Option
	out          io.Writer
	messages     io.Writer
}

// errNotConverted is the error for a file that is left unchanged.
var errNotConverted = errors.New("not converted")

// run converts the files of the sets. It continues after a file that fails.
func (c conversion) run(sets []fileSet) error {
	var files []file
	var stdin []byte
	for _, set := range sets {
		files = append(files, set.files...)
		if set.stdin != nil {
			stdin = set.stdin
		}
	}
	if !c.write && len(files) != 1 {
		return fmt.Errorf("found %d files; without --write there must be exactly one", len(files))
	}
	failed := false
	var failures []error // of files that cannot be read or written
	for _, f := range files {
		err := f.err
		if err == nil {
			err = c.convert(f.path, stdin)
		}
		switch {
		case err == nil:
		case errors.Is(err, config.ErrInvalid), errors.Is(err, config.ErrNotRepresentable), errors.Is(err, errNotConverted):
			failed = true
			fmt.Fprintln(c.messages, err)
		default:
			failures = append(failures, err)
		}
	}
	switch {
	case len(failures) > 0:
		return errors.Join(failures...)
	case failed:
		return errReported
	}
	return nil
}

// convert converts one file.
func (c conversion) convert(path string, stdin []byte) error {
	name, data := path, stdin
	if path == "-" {
		if c.write {
			return errors.New("--write: cannot replace standard input")
		}
		name = "stdin." + guessFormat(stdin)
	} else {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		switch {
		case !info.Mode().IsRegular():
			return fmt.Errorf("%s: %w: not a regular file", path, errNotConverted)
		case info.Size() > config.DefaultMaxBytes:
			return fmt.Errorf("%s: %w: exceeds the limit of %d bytes", path, errNotConverted, config.DefaultMaxBytes)
		}
		if data, err = os.ReadFile(path); err != nil {
			return err
		}
	}
	to := c.to
	if to == "" {
		to = config.Format(name)
	}
	opts := c.parsing
	if c.force {
		opts = append(slices.Clip(opts), config.WithCommentsLost())
	}
	result, found, err := config.Convert(name, data, to, opts...)
	for _, d := range found {
		if d.Severity == config.SeverityWarning {
			fmt.Fprintln(c.messages, d)
		}
	}
	switch {
	case errors.Is(err, config.ErrCommentLost) && !errors.Is(err, config.ErrNotRepresentable):
		return fmt.Errorf("%w\n%s: %w; use --force to drop the comments that cannot be kept", err, name, errNotConverted)
	case err != nil:
		return err
	}
	if !c.write {
		_, err = c.out.Write(result)
		return err
	}
	sameFormat := config.Format(name) == to
	if sameFormat && bytes.Equal(result, data) {
		_, err = fmt.Fprintf(c.out, "%s: already in the current form\n", path)
		return err
	}
	from, err := linkTarget(path)
	if err != nil {
		return err
	}
	target, written := from, path+": written"
	switch {
	case sameFormat && from != path:
		written = fmt.Sprintf("%s: %s written", path, from)
	case sameFormat:
	case from != path:
		return fmt.Errorf("%s: %w: it is a symbolic link to %s; convert that file, and link to the result", path, errNotWritten, from)
	default:
		target = strings.TrimSuffix(path, filepath.Ext(path)) + "." + to
		if _, err := os.Lstat(target); !errors.Is(err, fs.ErrNotExist) && !c.force {
			return fmt.Errorf("%s: %w: %s already exists; use --force to replace it", path, errNotConverted, target)
		}
		written = target + ": written"
	}
	if err := replaceFile(from, target, result); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	_, err = fmt.Fprintln(c.out, written)
	return err
}
