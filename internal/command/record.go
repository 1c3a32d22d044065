package command

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/neurondex/neurondex/records"
	"github.com/spf13/cobra"
)

func newRecordCommand(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "record DATASET TYPE LAYER INDEX",
		Short: "Show what activates one unit of a dataset",
		Long: `Show the texts that activate one unit of a dataset most, and a random sample. On a
terminal, tokens are shaded by activation: the stronger, the darker. Without colors, a token
that is active is written [token|N], where N is its activation from 1 to 9. For an attention
head it is the strongest attention that the token pays to any other.`,
		Args:              arguments(4, 4),
		ValidArgsFunction: completeKey(s),
		RunE: func(cmd *cobra.Command, args []string) error {
			var unit [2]int
			for i, name := range []string{"LAYER", "INDEX"} {
				n, err := strconv.Atoi(args[2+i])
				if err != nil || n < 0 {
					return fmt.Errorf("%s must be a number, 0 or greater, not %q", name, args[2+i])
				}
				unit[i] = n
			}
			d, err := findDataset(s, cmd.ErrOrStderr(), args)
			if err != nil {
				return err
			}
			data, err := newStore(s).Read(cmd.Context(), d.NeuronDatasetPath(), unit[0], unit[1], records.RecordExt)
			if errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("%w%s", err, records.NoteOnFormat(d))
			}
			if err != nil {
				return err
			}
			unusable := func(err error) error {
				return fmt.Errorf("%w: %d/%d%s: %w", records.ErrFile, unit[0], unit[1], records.RecordExt, err)
			}
			if s.GetString("output") == "json" {
				answer, err := answerOf(d, data)
				if err != nil {
					return unusable(err)
				}
				var compact, out bytes.Buffer
				_, _ = answer.WriteTo(&compact) // a buffer takes everything
				if err := json.Indent(&out, compact.Bytes(), "", "  "); err != nil {
					return err
				}
				_, err = fmt.Fprintln(cmd.OutOrStdout(), out.String())
				return err
			}
			record, err := records.Parse(data)
			if err != nil {
				return unusable(err)
			}
			texts, err := record.Texts(records.KindOf(d.DerivedScalarType()))
			if err != nil {
				return unusable(err)
			}
			title := fmt.Sprintf("%s, layer %d, index %d", cell(d.UserVisibleName()), unit[0], unit[1])
			return writeRecord(cmd.OutOrStdout(), title, texts, shadeOf(cmd.OutOrStdout()))
		},
	}
	addDirFlags(cmd)
	addRecordCacheFlag(cmd)
	cmd.Flags().StringP("output", "o", "text", "output `format`: text or json")
	choose(cmd, "output", "text", "json")
	return cmd
}

// writeRecord writes the texts of a record, their tokens shaded.
func writeRecord(w io.Writer, title string, texts *records.Texts, shade func(text string, level int) string) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "%s\nmaximum activation %.4g\n", title, texts.Largest)
	for _, part := range []struct {
		name  string
		texts []records.Text
	}{{"most positive", texts.MostPositive}, {"random sample", texts.RandomSample}} {
		fmt.Fprintf(out, "\n%s:\n", part.name)
		for i, text := range part.texts {
			fmt.Fprintf(out, "%3d  ", i+1)
			for _, t := range text {
				_, _ = out.WriteString(shade(visible(t.Text), t.Activation.Level()))
			}
			_ = out.WriteByte('\n')
		}
	}
	return out.Flush() // returns the first error
}

// visible returns a token without characters that a terminal acts on.
func visible(token string) string {
	var b strings.Builder
	for _, r := range token {
		switch {
		case r == '\n':
			b.WriteRune('⏎')
		case r == '\t':
			b.WriteRune('→')
		case strconv.IsPrint(r) || r == '\u00a0':
			b.WriteRune(r)
		default:
			q := strconv.QuoteRune(r)
			b.WriteString(q[1 : len(q)-1])
		}
	}
	return b.String()
}

// ramp holds background colors of a palette of 256, from pale to dark green. The text on them
// is black or white, so that it is legible on any background of the terminal.
var ramp = [records.MaxLevel + 1]string{"", "16;48;5;194", "16;48;5;157", "16;48;5;120", "16;48;5;83", "16;48;5;77", "16;48;5;71", "16;48;5;34", "231;48;5;28", "231;48;5;22"}

// shadeOf returns how a token of a level is written to w.
func shadeOf(w io.Writer) func(string, int) string {
	terminal := os.Getenv("TERM")
	switch {
	case os.Getenv("NO_COLOR") != "" || terminal == "dumb" || !isTerminal(w):
		return func(text string, level int) string {
			if level == 0 {
				return text
			}
			return fmt.Sprintf("[%s|%d]", text, level)
		}
	case strings.Contains(terminal, "256color") || os.Getenv("COLORTERM") != "":
		return func(text string, level int) string {
			if level == 0 {
				return text
			}
			return "\x1b[38;5;" + ramp[level] + "m" + text + "\x1b[0m"
		}
	default:
		return func(text string, level int) string {
			switch {
			case level == 0:
				return text
			case level <= 3:
				return "\x1b[4m" + text + "\x1b[0m" // underlined
			case level <= 6:
				return "\x1b[30;46m" + text + "\x1b[0m" // black on cyan
			default:
				return "\x1b[30;42m" + text + "\x1b[0m" // black on green
			}
		}
	}
}
