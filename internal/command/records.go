package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"sync"

	"github.com/neurondex/neurondex/internal/parallel"
	"github.com/neurondex/neurondex/records"
	"github.com/neurondex/neurondex/registry"
	"github.com/spf13/cobra"
)

func newRecordsCommand(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "records",
		Short: "Check what the path of a dataset holds",
		Args:  noArguments,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newRecordsCheckCommand(s))
	return cmd
}

// maxLayers is the number of layers that are looked for where a dataset does not say it.
const maxLayers = 1000

func newRecordsCheckCommand(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check DATASET TYPE",
		Short: "Check that the records of a dataset are there and well-formed",
		Long: `Check that the records of a dataset are there and well-formed. A sample of each layer
is read: spread over the units if the dataset says how many there are (nodes_per_layer),
and the first ones otherwise. Without "layers" in the dataset, layers are read until one
has no record.

The exit code is 1 if a record is missing or invalid.`,
		Args:              arguments(2, 2),
		ValidArgsFunction: completeKey(s),
		RunE: func(cmd *cobra.Command, args []string) error {
			layer, sample := must(cmd.Flags().GetInt("layer")), must(cmd.Flags().GetInt("sample"))
			if layer < -1 || sample < 1 {
				return errors.New("--layer must be 0 or greater, --sample 1 or greater")
			}
			d, err := findDataset(s, cmd.ErrOrStderr(), args)
			if err != nil {
				return err
			}
			c := recordCheck{store: newStore(s), dataset: d, progress: cmd.ErrOrStderr()}
			reports, err := c.run(cmd.Context(), layer, sample)
			if err != nil {
				return err
			}
			return writeLayers(cmd.OutOrStdout(), cmd.ErrOrStderr(), reports)
		},
	}
	addDirFlags(cmd)
	addRecordCacheFlag(cmd)
	cmd.Flags().Int("layer", -1, "check only this `layer`")
	cmd.Flags().Int("sample", 10, "`number` of records to read in each layer")
	return cmd
}

// findDataset returns the dataset that two arguments name.
func findDataset(s *settings, diagnostics io.Writer, args []string) (registry.Dataset, error) {
	snapshot, _, err := loadAll(s, diagnostics)
	if err != nil {
		return registry.Dataset{}, err
	}
	return snapshot.Get(args[0], registry.DerivedScalarType(args[1]))
}

// A recordCheck reads records of a dataset.
type recordCheck struct {
	store    *records.Store
	dataset  registry.Dataset
	progress io.Writer
}

// A layerReport says what was found in a layer.
type layerReport struct {
	layer                   int
	found, missing, invalid int
	least, most             int // sizes
	problem                 string
}

func (c recordCheck) run(ctx context.Context, only, sample int) ([]layerReport, error) {
	first, end, isKnown := 0, c.dataset.Layers(), c.dataset.Layers() > 0
	switch {
	case only >= 0:
		first, end, isKnown = only, only+1, true
	case !isKnown:
		end = maxLayers
	}
	units := sampleOf(c.dataset.NodesPerLayer(), sample)
	total := (end - first) * len(units)
	if !isKnown {
		total = -1 // a spinner
	}
	bar := newProgress(c.progress, "checking records", total, -1)
	var reports []layerReport
	for layer := first; layer < end && ctx.Err() == nil; layer++ {
		r := c.layer(ctx, layer, units, func() { _ = bar.Add(1) }) // only fails to print
		if !isKnown && r.found+r.invalid == 0 && r.problem == "" && layer > 0 {
			break
		}
		reports = append(reports, r)
	}
	_ = bar.Finish()
	return reports, ctx.Err()
}

// sampleOf returns n units of all, spread evenly, or the first ones if all is unknown.
func sampleOf(all, n int) []int {
	if all > 0 {
		n = min(n, all)
	}
	units := make([]int, n)
	for i := range units {
		if units[i] = i; all > 0 {
			units[i] = i * all / n
		}
	}
	return units
}

func (c recordCheck) layer(ctx context.Context, layer int, units []int, done func()) layerReport {
	r := layerReport{layer: layer}
	var mu sync.Mutex
	parallel.For(len(units), probesAtOnce, func(i int) {
		data, err := c.store.Read(ctx, c.dataset.NeuronDatasetPath(), layer, units[i], records.RecordExt)
		if err == nil {
			_, err = answerOf(c.dataset, data)
		}
		mu.Lock()
		defer mu.Unlock()
		switch {
		case err == nil:
			if r.found++; r.found == 1 {
				r.least = len(data)
			}
			r.least, r.most = min(r.least, len(data)), max(r.most, len(data))
		case errors.Is(err, fs.ErrNotExist):
			if r.missing++; errors.Is(err, records.ErrPyTorch) {
				r.problem = cmp.Or(r.problem, fmt.Sprintf("%d/%d%s: %v", layer, units[i], records.RecordExt, records.ErrPyTorch))
			}
		default:
			r.invalid++
			r.problem = cmp.Or(r.problem, fmt.Sprintf("%d/%d%s: %v", layer, units[i], records.RecordExt, err))
		}
		done()
	})
	return r
}

// answerOf returns what the viewer is answered for a record.
func answerOf(d registry.Dataset, data []byte) (io.WriterTo, error) {
	r, err := records.Parse(data)
	if err != nil {
		return nil, err
	}
	if records.KindOf(d.DerivedScalarType()) == records.TokenPairs {
		return r.AttentionHead(d.NeuronDatasetPath())
	}
	return r.Neuron(d.NeuronDatasetPath())
}

// writeLayers writes a table of layers, and the first problem of each to stderr.
func writeLayers(w, stderr io.Writer, reports []layerReport) error {
	rows := [][]string{{"LAYER", "FOUND", "MISSING", "INVALID", "SMALLEST", "LARGEST"}}
	for _, r := range reports {
		rows = append(rows, []string{strconv.Itoa(r.layer), strconv.Itoa(r.found), strconv.Itoa(r.missing), strconv.Itoa(r.invalid), byteCount(r.least), byteCount(r.most)})
	}
	if err := printTable(w, rows); err != nil {
		return err
	}
	for _, r := range reports {
		if r.problem != "" {
			fmt.Fprintln(stderr, cell(r.problem))
		}
	}
	if slices.ContainsFunc(reports, func(r layerReport) bool { return r.missing+r.invalid > 0 }) {
		return errReported
	}
	return nil
}

func byteCount(n int) string {
	switch {
	case n == 0:
		return "-"
	case n < 10<<10:
		return fmt.Sprintf("%d B", n)
	case n < 10<<20:
		return fmt.Sprintf("%d KiB", n>>10)
	default:
		return fmt.Sprintf("%d MiB", n>>20)
	}
}
