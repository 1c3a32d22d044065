package main

import (
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/examples/datasets"
	"github.com/neurondex/neurondex/registry"
	"github.com/spf13/cobra"
)

// loadAll loads the directory of --dir, or the datasets built in. What is wrong with
// files goes to w; ok says that none has an error.
func loadAll(s settings, w io.Writer) (snapshot *registry.Snapshot, ok bool, err error) {
	var r config.Result
	if dir := s.GetString("dir"); dir == "" {
		r, err = config.LoadFS(datasets.FS)
	} else {
		r, err = config.LoadDir(dir)
	}
	if err != nil {
		return nil, false, err
	}
	for _, d := range r.Diagnostics {
		fmt.Fprintln(w, d)
	}
	reg := registry.New()
	_, err = reg.Apply(r.Change())
	return reg.Snapshot(), r.Diagnostics.Err() == nil, err
}

// addOutputFlag adds -o, and asTable tells what it says.
func addOutputFlag(cmd *cobra.Command) {
	cmd.Flags().StringP("output", "o", "table", "`format` of the output: table or json")
}

func asTable(s settings) (bool, error) {
	switch o := s.GetString("output"); o {
	case "table":
		return true, nil
	case "json":
		return false, nil
	default:
		return false, fmt.Errorf("--output: %q is neither table nor json", o)
	}
}

// printTable prints rows under a header, in columns.
func printTable(w io.Writer, rows [][]string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(t, strings.TrimRight(strings.Join(row, "\t"), "\t"))
	}
	return t.Flush()
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// cell makes a text fit in one cell of a table.
func cell(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return strconv.Quote(s)
	}
	return s
}

func newListCommand(s settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List every dataset",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			table, err := asTable(s)
			if err != nil {
				return err
			}
			snapshot, ok, err := loadAll(s, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			if table {
				rows := [][]string{{"SHORT NAME", "TYPE", "NAME", "PATH"}}
				for d := range snapshot.All() {
					rows = append(rows, []string{cell(d.ShortName()), cell(string(d.DerivedScalarType())), cell(d.UserVisibleName()), cell(d.NeuronDatasetPath())})
				}
				err = printTable(cmd.OutOrStdout(), rows)
			} else {
				err = printJSON(cmd.OutOrStdout(), append([]registry.Dataset{}, slices.Collect(snapshot.All())...))
			}
			if err == nil && !ok {
				return errReported
			}
			return err
		},
	}
	addDirFlag(cmd)
	addOutputFlag(cmd)
	return cmd
}

func newGetCommand(s settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:               "get SHORT_NAME TYPE",
		Short:             "Show one dataset, all its fields",
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: completeKey(s),
		RunE: func(cmd *cobra.Command, args []string) error {
			table, err := asTable(s)
			if err != nil {
				return err
			}
			snapshot, _, err := loadAll(s, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			d, err := snapshot.Get(args[0], registry.DerivedScalarType(args[1]))
			if err != nil {
				return err
			}
			if !table {
				return printJSON(cmd.OutOrStdout(), d)
			}
			return printTable(cmd.OutOrStdout(), fieldRows(d))
		},
	}
	addDirFlag(cmd)
	addOutputFlag(cmd)
	return cmd
}

// fieldRows returns a row for each field that a dataset has.
func fieldRows(d registry.Dataset) [][]string {
	var rows [][]string
	spec := reflect.ValueOf(d.Spec())
	for i := range spec.NumField() {
		name, value := spec.Type().Field(i).Name, spec.Field(i)
		if fieldDocs[name] == "" || value.IsZero() {
			continue
		}
		text := fmt.Sprint(value)
		if list, ok := value.Interface().([]string); ok {
			separator := ", "
			if strings.HasSuffix(name, "Paths") { // which may contain commas
				separator = " "
			}
			text = strings.Join(list, separator)
		}
		rows = append(rows, []string{snakeCase(name), cell(text)})
	}
	for name, value := range d.Extra() {
		rows = append(rows, []string{cell(name), string(value.AppendJSON(nil))})
	}
	return append(rows, []string{"(file)", cell(d.Document())})
}

func newResolveCommand(s settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "resolve DATASET TYPE",
		Short: "Print the path of a dataset",
		Long: `Print the path of the dataset that DATASET names. What starts with https:// is a
path already, and is printed as it is.`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: completeKey(s),
		RunE: func(cmd *cobra.Command, args []string) error {
			snapshot, _, err := loadAll(s, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			path, err := snapshot.Resolve(args[0], registry.DerivedScalarType(args[1]))
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), path)
			return err
		},
	}
	addDirFlag(cmd)
	return cmd
}

// completeKey completes a short name, then a type that it has.
func completeKey(s settings) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if s.load(cmd) != nil || len(args) > 1 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		snapshot, _, err := loadAll(s, io.Discard)
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		var words []string
		for key := range snapshot.Keys() {
			switch {
			case len(args) == 0 && !slices.Contains(words, key.ShortName):
				words = append(words, key.ShortName)
			case len(args) == 1 && key.ShortName == args[0]:
				words = append(words, string(key.DerivedScalarType))
			}
		}
		return words, cobra.ShellCompDirectiveNoFileComp
	}
}

func newTypesCommand(s settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "types",
		Short: "List the known derived scalar types",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			table, err := asTable(s)
			if err != nil {
				return err
			}
			if table {
				rows := [][]string{{"TYPE", "GROUP", "NODE TYPE", "RAW", "LATENT", "VIEWER", "SHAPE"}}
				mark := map[bool]string{true: "yes", false: "-"}
				for t := range registry.DerivedScalarTypes() {
					viewer := t.ViewerNodeType()
					if viewer == "" {
						viewer = "-"
					}
					rows = append(rows, []string{string(t), t.Group(), t.NodeType(), mark[t.IsRawActivation()], mark[t.IsAutoencoderLatent()],
						viewer, strings.Join(t.Shape(), " x ")})
				}
				return printTable(cmd.OutOrStdout(), rows)
			}
			type row struct {
				Value                        registry.DerivedScalarType `json:"value"`
				Constant                     string                     `json:"constant"`
				Group                        string                     `json:"group"`
				IsRawActivation              bool                       `json:"is_raw_activation"`
				IsAutoencoderLatent          bool                       `json:"is_autoencoder_latent"`
				ShapeSpec                    []string                   `json:"shape_spec"`
				NodeType                     string                     `json:"node_type"`
				LocationWithinLayer          *string                    `json:"location_within_layer"`
				UsesAttendedToSequenceTokens bool                       `json:"uses_attended_to_sequence_tokens"`
				ViewerNodeType               *string                    `json:"viewer_node_type"`
			}
			var rows []row
			for t := range registry.DerivedScalarTypes() {
				rows = append(rows, row{t, t.Constant(), t.Group(), t.IsRawActivation(), t.IsAutoencoderLatent(), t.Shape(), t.NodeType(),
					orNull(t.LocationWithinLayer()), t.UsesAttendedToSequenceTokens(), orNull(t.ViewerNodeType())})
			}
			return printJSON(cmd.OutOrStdout(), rows)
		},
	}
	addOutputFlag(cmd)
	return cmd
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
