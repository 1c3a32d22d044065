package main

import (
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"github.com/neurondex/neurondex/registry"
	"github.com/spf13/cobra"
)

// loadAll loads the directory of --dir, or the built-in datasets, and writes diagnostics to
// w. It reports in ok whether all files are valid.
func loadAll(s *settings, w io.Writer) (snapshot *registry.Snapshot, ok bool, err error) {
	reg := registry.New()
	ok = true
	var change registry.Change
	for _, l := range s.layers() {
		r, err := l.load(s.GetStringSlice("exclude"), s.parsing())
		if err != nil {
			return nil, false, err
		}
		for _, d := range r.Diagnostics {
			d.File = l.prefix + d.File
			fmt.Fprintln(w, d)
		}
		for _, doc := range r.Documents {
			doc.Name = l.prefix + doc.Name
			change.Put = append(change.Put, doc)
		}
		ok = ok && r.Diagnostics.Err() == nil
	}
	_, err = reg.Apply(change)
	return reg.Snapshot(), ok, err
}

// addOutputFlag adds the flag --output.
func addOutputFlag(cmd *cobra.Command) {
	cmd.Flags().StringP("output", "o", "table", "output `format`: table or json")
	choose(cmd, "output", "table", "json")
}

// printJSON prints v as indented JSON.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

func newListCommand(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the datasets",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			snapshot, ok, err := loadAll(s, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			if s.GetString("output") == "table" {
				rows := [][]string{{"SHORT NAME", "TYPE", "NAME", "PATH"}}
				for d := range snapshot.All() {
					rows = append(rows, []string{cell(d.ShortName()), cell(string(d.DerivedScalarType())), cell(d.UserVisibleName()), cell(d.NeuronDatasetPath())})
				}
				err = printFitted(cmd.OutOrStdout(), rows)
			} else {
				err = printJSON(cmd.OutOrStdout(), append([]registry.Dataset{}, slices.Collect(snapshot.All())...))
			}
			if err == nil && !ok {
				return errReported
			}
			return err
		},
	}
	addDirFlags(cmd)
	addOutputFlag(cmd)
	return cmd
}

func newGetCommand(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "get SHORT_NAME [TYPE]",
		Short: "Show all fields of a dataset",
		Long: `Show all fields of a dataset. Without a TYPE, list the datasets that have the short name,
one for each type.`,
		Args:              arguments(1, 2),
		ValidArgsFunction: completeKey(s),
		RunE: func(cmd *cobra.Command, args []string) error {
			snapshot, _, err := loadAll(s, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			if len(args) == 1 {
				return printNamed(cmd.OutOrStdout(), s, snapshot, args[0])
			}
			d, err := snapshot.Get(args[0], registry.DerivedScalarType(args[1]))
			if err != nil {
				return err
			}
			if s.GetString("output") == "json" {
				return printJSON(cmd.OutOrStdout(), d)
			}
			return printTable(cmd.OutOrStdout(), fieldRows(d))
		},
	}
	addDirFlags(cmd)
	addOutputFlag(cmd)
	return cmd
}

// printNamed prints the datasets that have a short name.
func printNamed(w io.Writer, s *settings, snapshot *registry.Snapshot, name string) error {
	found := slices.Collect(snapshot.Named(name))
	if len(found) == 0 {
		return &registry.NotFoundError{Key: registry.Key{ShortName: name}, Snapshot: snapshot}
	}
	if s.GetString("output") == "json" {
		return printJSON(w, found)
	}
	rows := [][]string{{"TYPE", "NAME", "PATH"}}
	for _, d := range found {
		rows = append(rows, []string{cell(string(d.DerivedScalarType())), cell(d.UserVisibleName()), cell(d.NeuronDatasetPath())})
	}
	return printFitted(w, rows)
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

func newResolveCommand(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "resolve DATASET TYPE",
		Short: "Print the path of a dataset",
		Long: `Print the path of the dataset with the short name DATASET. A DATASET that starts with
https:// is already a path and is printed unchanged.`,
		Args:              arguments(1, 2),
		ValidArgsFunction: completeKey(s),
		RunE: func(cmd *cobra.Command, args []string) error {
			snapshot, _, err := loadAll(s, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			var t registry.DerivedScalarType
			if len(args) == 2 {
				t = registry.DerivedScalarType(args[1])
			}
			path, err := snapshot.Resolve(args[0], t)
			if err != nil {
				if types := typesOf(snapshot, args[0]); len(args) == 1 && len(types) > 0 {
					return fmt.Errorf("resolve needs a type: %s has %s", args[0], strings.Join(types, ", "))
				}
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), path)
			return err
		},
	}
	addDirFlags(cmd)
	return cmd
}

// typesOf returns the types that a short name has.
func typesOf(snapshot *registry.Snapshot, name string) []string {
	var types []string
	for d := range snapshot.Named(name) {
		types = append(types, string(d.DerivedScalarType()))
	}
	return types
}

func newTypesCommand(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "types",
		Short: "List the known derived scalar types",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if s.GetString("output") == "table" {
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
				return printFitted(cmd.OutOrStdout(), rows)
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

// orNull returns nil for an empty string, which JSON encodes as null.
func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
