package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/fatih/color"
	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/internal/disk"
	"github.com/neurondex/neurondex/internal/parallel"
	"github.com/neurondex/neurondex/registry"
	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

func newValidateCommand(s settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "validate PATH...",
		Short: "Say what is wrong with dataset files, and where",
		Long: `Read files, all dataset files of directories, files that a pattern matches ("**"
for any directories), or standard input ("-"), and say what is wrong with them:

  file:line:column: severity: field: what is wrong (did you mean ...?) [rule]

The exit code is 1 if one of them has an error, and 3 if one has a warning and
--strict is given.`,
		Args: func(cmd *cobra.Command, args []string) error {
			rules, err := cmd.Flags().GetBool("rules")
			if len(args) == 0 && !rules && err == nil {
				err = errors.New("name a file, a directory, a pattern, or - for standard input")
			}
			return err
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if s.GetBool("rules") {
				return printRules(cmd.OutOrStdout())
			}
			write, ok := reportWriters[s.GetString("format")]
			if !ok {
				return fmt.Errorf("--format: %q is none of text, json, github and sarif", s.GetString("format"))
			}
			sets, err := findFiles(args, cmd.InOrStdin())
			if err != nil {
				return err
			}
			reports := validate(sets, s.GetBool("viewer"), cmd.ErrOrStderr())
			var probes []probe
			if s.GetBool("check-paths") {
				probes = checkPaths(cmd.Context(), newProber(), reports, cmd.ErrOrStderr())
			}
			color.NoColor = os.Getenv("NO_COLOR") != "" || !isTerminal(cmd.OutOrStdout())
			if err := write(cmd.OutOrStdout(), reports); err != nil {
				return err
			}
			if len(probes) > 0 && s.GetString("format") == "text" {
				if err := writeProbes(cmd.OutOrStdout(), probes); err != nil {
					return err
				}
			}
			switch {
			case countSeverity(reports, config.SeverityError) > 0:
				return errReported
			case s.GetBool("strict") && countSeverity(reports, config.SeverityWarning) > 0:
				return errWarned
			}
			return nil
		},
	}
	cmd.Flags().String("format", "text", "`format` of the report: text, json, github or sarif")
	cmd.Flags().Bool("strict", false, "exit with 3 if there are warnings")
	cmd.Flags().Bool("viewer", false, "also say what the public neuron viewer cannot show")
	cmd.Flags().Bool("check-paths", false, "also probe whether there is something at each dataset's path")
	cmd.Flags().Bool("rules", false, "list the rules, and do nothing else")
	return cmd
}

func printRules(w io.Writer) error {
	rows := [][]string{{"RULE", "SEVERITY", "SAYS THAT"}}
	for _, r := range config.Rules() {
		rows = append(rows, []string{string(r.Rule), r.Severity.String(), r.Summary})
	}
	return printTable(w, rows)
}

// A fileSet is files that are loaded together: those of a directory, or those that are
// named one by one.
type fileSet struct {
	files []file
	stdin []byte // of the file called -
}

type file struct {
	path string
	err  error // why it cannot be read, if that is known already
}

// findFiles finds what the arguments name. That a directory cannot be listed, or that
// nothing is there, is an error; what is wrong with single files below is for later.
func findFiles(args []string, stdin io.Reader) ([]fileSet, error) {
	named := fileSet{}
	var sets []fileSet
	for _, arg := range args {
		info, err := os.Stat(arg)
		switch {
		case arg == "-":
			if named.stdin, err = io.ReadAll(io.LimitReader(stdin, config.DefaultMaxBytes+1)); err != nil {
				return nil, fmt.Errorf("standard input: %w", err)
			}
			named.files = append(named.files, file{path: arg})
		case err == nil && info.IsDir():
			set := fileSet{}
			err := disk.Walk(disk.Dir(arg), func(e disk.Entry) {
				if e.IsCandidate() {
					set.files = append(set.files, file{filepath.Join(arg, filepath.FromSlash(e.Name)), e.Err})
				}
			})
			if err != nil {
				return nil, err
			}
			sets = append(sets, set)
		case err == nil:
			named.files = append(named.files, file{path: arg})
		case strings.ContainsAny(arg, "*?[{"):
			matches, globErr := doublestar.FilepathGlob(arg, doublestar.WithFilesOnly())
			if globErr != nil {
				return nil, fmt.Errorf("%q: %w", arg, globErr)
			}
			if len(matches) == 0 {
				return nil, fmt.Errorf("%q matches no file", arg)
			}
			for _, m := range matches {
				named.files = append(named.files, file{path: m})
			}
		default:
			return nil, err
		}
	}
	if len(named.files) > 0 {
		sets = append(sets, named)
	}
	return sets, nil
}

// validate reads every file, on all cores, and then looks at each set as a whole.
func validate(sets []fileSet, viewer bool, progress io.Writer) []fileReport {
	total := 0
	for _, set := range sets {
		total += len(set.files)
	}
	bar := newProgress(progress, "reading files", total, manyFiles)
	var all []fileReport
	for _, set := range sets {
		reports := make([]fileReport, len(set.files))
		documents := make([]registry.Document, len(set.files))
		parallel.For(len(set.files), runtime.GOMAXPROCS(0), func(i int) {
			reports[i] = set.validate(set.files[i])
			documents[i] = reports[i].documents
			_ = bar.Add(1) // it only shows
		})
		found := config.Lint(documents)
		if viewer {
			found = append(found, config.LintViewer(documents)...)
		}
		for _, d := range found {
			i := slices.IndexFunc(reports, func(r fileReport) bool { return r.name == d.File })
			reports[i].found = append(reports[i].found, d)
			if reports[i].source == nil {
				reports[i].source = sourceOf(d.File, reports[i].found)
			}
		}
		all = append(all, reports...)
	}
	_ = bar.Finish()
	return all
}

// validate reads one file of the set.
func (set *fileSet) validate(f file) fileReport {
	report, doc := fileReport{name: f.path}, registry.Document{Name: f.path}
	if f.path == "-" {
		report.source = set.stdin
		report.name, doc.Name = "<stdin>", "<stdin>"
		doc.Datasets, report.found = config.Parse("stdin."+guessFormat(set.stdin), set.stdin)
		for i := range report.found {
			report.found[i].File = report.name
		}
	} else {
		r, err := config.Result{}, f.err
		if err == nil {
			r, err = config.LoadFile(f.path)
		}
		if err != nil {
			report.found = config.Diagnostics{config.UnreadableDiagnostic(f.path, err)}
			return report
		}
		report.found = r.Diagnostics
		if len(r.Documents) > 0 {
			doc = r.Documents[0]
		}
		report.source = sourceOf(f.path, r.Diagnostics)
	}
	report.documents = doc
	return report
}

// sourceOf reads a file again to show what its diagnostics are about. Most files have
// none, and are not kept.
func sourceOf(path string, found config.Diagnostics) []byte {
	if !slices.ContainsFunc(found, func(d config.Diagnostic) bool { return d.Line > 0 }) {
		return nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil // what is wrong can be said without showing it
	}
	return data
}

// guessFormat tells what standard input holds: JSON begins with an object, or with a list
// of objects; a TOML table header is neither.
func guessFormat(data []byte) string {
	data = bytes.TrimLeft(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), " \t\r\n")
	if list, ok := bytes.CutPrefix(data, []byte("[")); ok {
		data = bytes.TrimLeft(list, " \t\r\n")
		if bytes.HasPrefix(data, []byte("]")) {
			return "json"
		}
	}
	if bytes.HasPrefix(data, []byte("{")) {
		return "json"
	}
	return "toml"
}

// manyFiles is from how many files on a progress bar is worth its place.
const manyFiles = 200

// newProgress returns a progress bar on a terminal, and one that shows nothing elsewhere or
// where there are fewer things than least.
func newProgress(w io.Writer, what string, total, least int) *progressbar.ProgressBar {
	if total < least || !isTerminal(w) {
		return progressbar.DefaultSilent(int64(total))
	}
	return progressbar.NewOptions(total, progressbar.OptionSetWriter(w), progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(), progressbar.OptionClearOnFinish(), progressbar.OptionSetWidth(30))
}

func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
