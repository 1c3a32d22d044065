package command

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/fatih/color"
	"github.com/neurondex/neurondex/registry"
	"github.com/spf13/cobra"
)

func newWatchCommand(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "watch --dir DIR | --store URL | --from URL",
		Short: "Print changes of the datasets of a directory or of releases",
		Long: `Print each change of the datasets of a directory, a store or another neurondex as it happens:
first the existing ones, then what is added (+), updated (~) and removed (-). With -o json each change is one line.
Problems of files go to standard error. SIGHUP reads every file again; SIGINT and SIGTERM
end it.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			show := map[string]func(io.Writer, registry.Update){"text": showText, "json": showJSON}[s.GetString("output")]
			if len(s.GetStringSlice("dir")) == 0 && s.releasesFlag() == "" {
				return errors.New("--dir: name the directory to watch, or releases by --store or --from; the built-in datasets do not change")
			}
			log := s.newLogger(slog.LevelWarn, cmd.ErrOrStderr())
			ctx, stop := untilStopped(cmd.Context())
			defer stop()
			return endWithin(ctx, closeTimeout, log, func() error { return watch(ctx, s, log, cmd.OutOrStdout(), show) })
		},
	}
	addDirFlags(cmd)
	addWatchFlags(cmd)
	cmd.Flags().StringP("output", "o", "text", "`format` of the output: text or json")
	choose(cmd, "output", "text", "json")
	return cmd
}

// watch shows each change of what the settings name until ctx is done.
func watch(ctx context.Context, s *settings, log *slog.Logger, to io.Writer, show func(io.Writer, registry.Update)) error {
	src, err := newSource(s, &following{log: log})
	if err != nil {
		return err
	}
	w, err := follow(ctx, s, src, log)
	if err != nil {
		return err
	}
	defer w.Close()
	defer reloadOnHangup(ctx, w.Reload, log)()
	out := bufio.NewWriter(to)
	for u := range w.Updates(ctx) {
		show(out, u)
		if err := out.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// showText prints a change for a person: a line for each dataset, and one for each field
// that changed.
func showText(w io.Writer, u registry.Update) {
	diff := u.Diff()
	fmt.Fprintf(w, "generation %d: %v; %d in all\n", u.After.Generation(), diff, u.After.Len())
	showDiff(w, diff)
}

// showDiff prints a line for each dataset that differs, and one for each field.
func showDiff(w io.Writer, diff registry.Diff) {
	for _, d := range diff.Added {
		color.New(color.FgGreen).Fprintf(w, "+ %s", cell(d.String()))
		fmt.Fprintf(w, "  %s  %s\n", cell(d.UserVisibleName()), cell(d.NeuronDatasetPath()))
	}
	for _, c := range diff.Updated {
		color.New(color.FgYellow).Fprintf(w, "~ %s\n", cell(c.After.String()))
		showFields(w, c)
	}
	for _, d := range diff.Removed {
		color.New(color.FgRed).Fprintf(w, "- %s\n", cell(d.String()))
	}
}

// showFields prints the difference between two states of a dataset.
func showFields(w io.Writer, c registry.Changed) {
	before, after := fieldRows(c.Before), fieldRows(c.After)
	was := make(map[string]string, len(before))
	for _, row := range before {
		was[row[0]] = row[1]
	}
	for _, row := range after {
		if old, ok := was[row[0]]; !ok {
			fmt.Fprintf(w, "    %s: now %s\n", row[0], row[1])
		} else if old != row[1] {
			fmt.Fprintf(w, "    %s: %s, was %s\n", row[0], row[1], old)
		}
		delete(was, row[0])
	}
	for _, row := range before {
		if old, ok := was[row[0]]; ok {
			fmt.Fprintf(w, "    %s: not given, was %s\n", row[0], old)
		}
	}
}

// showJSON prints a change for a program, on one line.
func showJSON(w io.Writer, u registry.Update) {
	diff := u.Diff()
	b := fmt.Appendf(nil, `{"time":%q,"generation":%d,"hash":"%v","datasets":%d,"added":`,
		time.Now().UTC().Format(time.RFC3339Nano), u.After.Generation(), u.After.Hash(), u.After.Len())
	b = appendJSONList(b, diff.Added, registry.Dataset.AppendJSON)
	b = appendJSONList(append(b, `,"updated":`...), diff.Updated, func(c registry.Changed, b []byte) []byte {
		b = c.Before.AppendJSON(append(b, `{"before":`...))
		return append(c.After.AppendJSON(append(b, `,"after":`...)), '}')
	})
	b = appendJSONList(append(b, `,"removed":`...), diff.Removed, registry.Dataset.AppendJSON)
	_, _ = w.Write(append(b, "}\n"...)) // Flush returns its error
}

func appendJSONList[T any](b []byte, items []T, appendItem func(T, []byte) []byte) []byte {
	b = append(b, '[')
	for i, item := range items {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendItem(item, b)
	}
	return append(b, ']')
}
