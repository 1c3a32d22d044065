package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/neurondex/neurondex/config"
	"github.com/spf13/cobra"
)

func newConvertCommand(s settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "convert PATH...",
		Short: "Bring dataset files into today's form",
		Long: `Read dataset files in any form that neurondex takes and write them in today's: a list
of datasets under the key datasets. Nothing that they say is lost; comments are only
dropped where --force is given.

Without --write the result of one file goes to standard output. "-" is standard input.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c := conversion{to: s.GetString("to"), write: s.GetBool("write"), force: s.GetBool("force"), out: cmd.OutOrStdout(), messages: cmd.ErrOrStderr()}
			if c.to != "" && c.to != "toml" && c.to != "json" {
				return fmt.Errorf("--to: %q is neither toml nor json", c.to)
			}
			sets, err := findFiles(args, cmd.InOrStdin())
			if err != nil {
				return err
			}
			return c.run(sets)
		},
	}
	cmd.Flags().String("to", "", "`format` to convert to: toml or json (default: the one that the file has)")
	cmd.Flags().Bool("write", false, "replace the files; one of another format takes the place of the old one")
	cmd.Flags().Bool("force", false, "drop comments, and replace files that are in the way")
	return cmd
}

// A conversion is what the flags ask for.
type conversion struct {
	to           string
	write, force bool
	out          io.Writer
	messages     io.Writer
}

// errKept says that a file was left as it is.
var errKept = errors.New("left as it is")

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
		return fmt.Errorf("there are %d files; more than one are converted by --write", len(files))
	}
	bad := false
	for _, f := range files {
		err := f.err
		if err == nil {
			err = c.convert(f.path, stdin)
		}
		switch {
		case err == nil:
		case errors.Is(err, config.ErrInvalid), errors.Is(err, config.ErrNotRepresentable), errors.Is(err, errKept):
			bad = true
			fmt.Fprintln(c.messages, err)
		default:
			return err
		}
	}
	if bad {
		return errReported
	}
	return nil
}

// convert converts one file.
func (c conversion) convert(path string, stdin []byte) error {
	name, data := path, stdin
	if path == "-" {
		if c.write {
			return errors.New("standard input cannot be written to")
		}
		name = "stdin." + guessFormat(stdin)
	} else {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() || info.Size() > config.DefaultMaxBytes {
			return fmt.Errorf("%s: is no regular file, or larger than %d bytes: %w", path, config.DefaultMaxBytes, errKept)
		}
		if data, err = os.ReadFile(path); err != nil {
			return err
		}
	}
	to := c.to
	if to == "" {
		to = strings.TrimSuffix(config.Format(name), "c")
	}
	result, found, err := config.Convert(name, data, to)
	for _, d := range found {
		if d.Severity == config.SeverityWarning {
			fmt.Fprintln(c.messages, d)
		}
	}
	if err != nil {
		return err
	}
	sameFormat := config.Format(name) == to
	if n, line := config.CountComments(name, data); n > 0 && !c.force {
		if sameFormat && sameButForComments(data, result) {
			result = data
		} else {
			return fmt.Errorf("%s: %s would be dropped, the first in line %d; --force drops them: %w", name, count(n, "comment"), line, errKept)
		}
	}
	if !c.write {
		_, err = c.out.Write(result)
		return err
	}
	if sameFormat && bytes.Equal(result, data) {
		_, err = fmt.Fprintf(c.out, "%s: is in today's form already\n", path)
		return err
	}
	target := path
	if !sameFormat {
		target = strings.TrimSuffix(path, filepath.Ext(path)) + "." + to
		if _, err := os.Lstat(target); !errors.Is(err, fs.ErrNotExist) && !c.force {
			return fmt.Errorf("%s: %s is there already; --force replaces it: %w", path, target, errKept)
		}
	}
	if err := replaceFile(target, path, result); err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, "%s: written\n", target)
	return err
}

// sameButForComments reports whether a document is the result but for lines that are
// blank or hold a comment alone. The result has no string of several lines, in which such
// a line could be something else.
func sameButForComments(data, result []byte) bool {
	content := func(text []byte) []byte {
		var out []byte
		for line := range bytes.Lines(text) {
			if line = bytes.TrimRight(line, "\r\n"); len(line) > 0 && line[0] != '#' {
				out = append(append(out, line...), '\n')
			}
		}
		return out
	}
	return bytes.Equal(content(data), content(result))
}

// replaceFile puts a file in place whole, with the permissions of the file that it comes
// from, and takes that one away if it has another name. Whoever watches the directory
// never sees a part of it.
func replaceFile(target, from string, data []byte) (err error) {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(target), "."+filepath.Base(target)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(info.Mode().Perm()), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	if err = os.Rename(f.Name(), target); err != nil {
		return err
	}
	if target != from {
		if err := os.Remove(from); err != nil {
			return fmt.Errorf("%s is in place, but the old file is too: %w", target, err)
		}
	}
	return nil
}
