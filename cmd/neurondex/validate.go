package main

import (
	"bytes"
	"cmp"
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
)

func newValidateCommand(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "validate PATH...",
		Short: "Report what is wrong with dataset files",
		Long: `Validate dataset files and report what is wrong with them. A PATH is a file, a
directory, a pattern such as "**/*.toml", or "-" for standard input.

Each line of the report has the form

  file:line:column: severity: field: message (did you mean ...?) [rule]

The exit code is 1 if there are errors, and 3 if there are warnings and --strict
is set. With --quiet only errors are reported, without a summary.`,
		Args: func(cmd *cobra.Command, args []string) error {
			rules, err := cmd.Flags().GetBool("rules")
			if len(args) == 0 && !rules && err == nil {
				err = errors.New("requires a file, a directory, a pattern, or - for standard input")
			}
			return err
		},
		ValidArgsFunction: completeDatasetFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			if s.GetBool("rules") {
				return printRules(cmd.OutOrStdout())
			}
			write := reportWriters[s.GetString("format")]
			sets, err := findFiles(args, s.GetStringSlice("exclude"), cmd.InOrStdin())
			if err != nil {
				return err
			}
			quiet, progress := s.GetBool("quiet"), cmd.ErrOrStderr()
			if quiet {
				progress = io.Discard
			}
			v := validation{s.GetBool("viewer"), s.parsing(), progress}
			reports := v.run(sets)
			var probes []probe
			if s.GetBool("check-paths") {
				probes = v.checkPaths(cmd.Context(), newProber(), reports)
			}
			color.NoColor = os.Getenv("NO_COLOR") != "" || !isTerminal(cmd.OutOrStdout())
			shown := reports
			if quiet {
				shown = onlyErrors(reports)
				if s.GetString("format") == "text" {
					write = writeFindings
				}
			}
			if err := write(cmd.OutOrStdout(), shown); err != nil {
				return err
			}
			if len(probes) > 0 && s.GetString("format") == "text" && !quiet {
				if err := writeProbes(cmd.OutOrStdout(), probes); err != nil {
					return err
				}
			}
			warnings := countSeverity(reports, config.SeverityWarning)
			switch {
			case countSeverity(reports, config.SeverityError) > 0:
				return errReported
			case s.GetBool("strict") && warnings > 0:
				if quiet {
					cmd.PrintErrf("neurondex: --strict: %s not shown because of --quiet\n", count(warnings, "warning"))
				}
				return errWarned
			}
			return nil
		},
	}
	cmd.Flags().String("format", "text", "output `format`: text, json, github or sarif")
	choose(cmd, "format", "text", "json", "github", "sarif")
	cmd.Flags().BoolP("quiet", "q", false, "report errors only")
	cmd.Flags().Bool("strict", false, "exit with code 3 if there are warnings")
	cmd.Flags().Bool("viewer", false, "also report datasets that the public neuron viewer cannot show")
	cmd.Flags().Bool("check-paths", false, "also check that the path of each dataset can be reached")
	cmd.Flags().Bool("rules", false, "list the rules and exit")
	addExcludeFlag(cmd)
	addExtraFieldFlag(cmd)
	return cmd
}

func printRules(w io.Writer) error {
	rows := [][]string{{"RULE", "SEVERITY", "MEANING"}}
	for _, r := range config.Rules() {
		rows = append(rows, []string{string(r.Rule), r.Severity.String(), r.Summary})
	}
	return printTable(w, rows)
}

// A fileSet is a set of files that are used together: those of one directory, or those
// that the arguments name individually.
type fileSet struct {
	files   []file
	ignored config.Diagnostics // of files that look like dataset files
	stdin   []byte             // content of the file "-"
}

// A file is a file to read.
type file struct {
	path  string
	isDir bool
	err   error // why it cannot be read or listed, if already known
}

// findFiles returns the files that the arguments name. It fails if a directory cannot be
// listed or an argument names nothing. A file that cannot be read is not an error here. The
// patterns of exclude apply to what is found below directories.
func findFiles(args, exclude []string, stdin io.Reader) ([]fileSet, error) {
	if err := disk.Patterns(exclude).Check(); err != nil {
		return nil, fmt.Errorf("--exclude: %w", err)
	}
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
			walker := disk.Walker{FS: disk.Dir(arg), Exclude: exclude}
			err := walker.Walk(func(e disk.Entry) {
				path := filepath.Join(arg, filepath.FromSlash(e.Name))
				switch {
				case e.Ignored != "":
					set.ignored = append(set.ignored, config.IgnoredDiagnostic(path, e.Ignored))
				case e.IsCandidate():
					set.files = append(set.files, file{path, e.IsDir(), e.Err})
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
				return nil, fmt.Errorf("no file matches %q", arg)
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

// A validation says how files are validated.
type validation struct {
	viewer   bool // whether to report what the viewer cannot show
	parsing  []config.Option
	progress io.Writer
}

// run parses all files, using all cores, and then checks each set as a whole.
func (v validation) run(sets []fileSet) []fileReport {
	total := 0
	for _, set := range sets {
		total += len(set.files)
	}
	bar := newProgress(v.progress, "reading files", total, manyFiles)
	var all []fileReport
	for _, set := range sets {
		reports := make([]fileReport, len(set.files))
		documents := make([]registry.Document, len(set.files))
		parallel.For(len(set.files), runtime.GOMAXPROCS(0), func(i int) {
			reports[i] = set.validate(set.files[i], v.parsing)
			documents[i] = reports[i].document
			_ = bar.Add(1) // only fails to print
		})
		found := config.Lint(documents)
		if v.viewer {
			found = append(found, config.LintViewer(documents)...)
		}
		attach(reports, found, v.parsing)
		for i := range reports {
			reports[i].readSource()
		}
		all = append(all, reports...)
		for _, d := range set.ignored {
			all = append(all, fileReport{name: d.File, ignored: true, found: config.Diagnostics{d}})
		}
	}
	_ = bar.Finish()
	return all
}

// attach adds diagnostics about datasets to the reports of their files, in the order of their
// positions.
func attach(reports []fileReport, found config.Diagnostics, parsing []config.Option) {
	byName := make(map[string]*fileReport, len(reports))
	for i := range reports {
		if r := &reports[i]; byName[r.name] == nil { // an argument may name a file again
			byName[r.name] = r
		}
	}
	changed := make(map[*fileReport]config.Diagnostics)
	for _, d := range found {
		r := byName[d.File]
		changed[r] = append(changed[r], d)
	}
	for r, added := range changed {
		r.found = append(r.found, added...)
		r.readSource()
		config.Locate(cmp.Or(r.format, r.name), r.source, r.found, parsing...)
		slices.SortStableFunc(r.found, func(a, b config.Diagnostic) int {
			return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
		})
		r.found = r.found.Limit()
	}
}

// validate parses one file of the set.
func (set *fileSet) validate(f file, parsing []config.Option) fileReport {
	report, doc := fileReport{name: f.path}, registry.Document{Name: f.path}
	if f.path == "-" {
		report.source = set.stdin
		report.name, report.format, doc.Name = "<stdin>", "stdin."+guessFormat(set.stdin), "<stdin>"
		doc.Datasets, report.found = config.Parse(report.format, set.stdin, parsing...)
		for i := range report.found {
			report.found[i].File = report.name
		}
	} else {
		r, err := config.Result{}, f.err
		if err == nil {
			r, err = config.LoadFile(f.path, parsing...)
		}
		switch {
		case err != nil && f.isDir:
			report.found = config.Diagnostics{config.UnlistedDiagnostic(f.path, err)}
			return report
		case err != nil:
			report.found = config.Diagnostics{config.UnreadableDiagnostic(f.path, err)}
			return report
		}
		report.found = r.Diagnostics
		if len(r.Documents) > 0 {
			doc = r.Documents[0]
		}
	}
	report.document = doc
	return report
}

// readSource reads the file again, to show the lines that its diagnostics refer to. Most files
// have none, so their content is not kept.
func (r *fileReport) readSource() {
	if r.source != nil || !slices.ContainsFunc(r.found, func(d config.Diagnostic) bool { return d.Line > 0 }) {
		return
	}
	f, err := disk.Open(r.name)
	if err != nil {
		return // the report does without excerpts
	}
	defer f.Close()
	if data, err := io.ReadAll(f); err == nil {
		r.source = data
	}
}

// guessFormat returns the format of standard input. JSON starts with an object or a list of
// objects, which a TOML table header is not.
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

// manyFiles is the number of files at which a progress bar is shown.
const manyFiles = 200

// newProgress returns a progress bar for w. It shows nothing if w is not a terminal or total
// is less than threshold.
func newProgress(w io.Writer, what string, total, threshold int) *progressbar.ProgressBar {
	if total < threshold || !isTerminal(w) {
		return progressbar.DefaultSilent(int64(total))
	}
	return progressbar.NewOptions(total, progressbar.OptionSetWriter(w), progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(), progressbar.OptionClearOnFinish(), progressbar.OptionSetWidth(30))
}
