package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/neurondex/neurondex/config"
	"github.com/spf13/cobra"
)

func newValidateCommand(s settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "validate PATH...",
		Short: "Say what is wrong with dataset files, and where",
		Long: `Read files, and all dataset files of directories, and print what is wrong with them,
a line each:

  file:line:column: severity: field: what is wrong [rule]

The exit code is 1 if one of them has an error.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			table, err := asTable(s)
			if err != nil {
				return err
			}
			var all config.Diagnostics
			files, datasets := 0, 0
			for _, path := range args {
				r, err := loadPath(path)
				if err != nil {
					return err
				}
				for _, d := range r.Documents {
					datasets += len(d.Datasets)
				}
				files += len(r.Documents) + rejected(r)
				all = append(all, r.Diagnostics...)
			}
			if table {
				for _, d := range all {
					fmt.Fprintln(cmd.OutOrStdout(), d)
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s with %s: %s, %s\n", count(files, "file"), count(datasets, "dataset"),
					count(all.Count(config.Error), "error"), count(all.Count(config.Warning), "warning"))
			} else if err := printJSON(cmd.OutOrStdout(), rows(all)); err != nil {
				return err
			}
			if all.Err() != nil {
				return errReported
			}
			return nil
		},
	}
	addOutputFlag(cmd)
	return cmd
}

// loadPath loads a file or a directory, with names that can be opened from here.
func loadPath(path string) (config.Result, error) {
	info, err := os.Stat(path)
	if err != nil {
		return config.Result{}, err
	}
	if !info.IsDir() {
		return config.LoadFile(path)
	}
	r, err := config.LoadDir(path)
	for i := range r.Diagnostics {
		d := &r.Diagnostics[i]
		d.File = filepath.Join(path, filepath.FromSlash(d.File))
	}
	return r, err
}

// rejected returns how many documents were not loaded.
func rejected(r config.Result) int {
	files := make(map[string]bool)
	for _, d := range r.Diagnostics {
		if d.Severity == config.Error {
			files[d.File] = true
		}
	}
	return len(files)
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// A diagnosticRow is a diagnostic as validate -o json prints it.
type diagnosticRow struct {
	File     string      `json:"file"`
	Line     int         `json:"line,omitempty"`
	Column   int         `json:"column,omitempty"`
	Severity string      `json:"severity"`
	Field    string      `json:"field,omitempty"`
	Message  string      `json:"message"`
	Rule     config.Rule `json:"rule"`
}

func rows(ds config.Diagnostics) []diagnosticRow {
	out := make([]diagnosticRow, len(ds))
	for i, d := range ds {
		out[i] = diagnosticRow{d.File, d.Line, d.Column, d.Severity.String(), d.Field, d.Message, d.Rule}
	}
	return out
}
