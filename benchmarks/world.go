package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/neurondex/neurondex/registry"
)

// seed makes every run draw the same changes and queries.
const seed = 1

func newRand() *rand.Rand { return rand.New(rand.NewPCG(seed, seed)) }

// A dataset is what plain code would keep of one: four strings.
type dataset struct {
	ShortName         string `toml:"short_name" mapstructure:"short_name" koanf:"short_name"`
	DerivedScalarType string `toml:"derived_scalar_type" mapstructure:"derived_scalar_type" koanf:"derived_scalar_type"`
	UserVisibleName   string `toml:"user_visible_name" mapstructure:"user_visible_name" koanf:"user_visible_name"`
	NeuronDatasetPath string `toml:"neuron_dataset_path" mapstructure:"neuron_dataset_path" koanf:"neuron_dataset_path"`
}

// A document is a dataset file as plain code would decode it.
type document struct {
	Datasets []dataset `toml:"datasets" mapstructure:"datasets" koanf:"datasets"`
}

func (d *dataset) key() registry.Key {
	return registry.Key{ShortName: d.ShortName, DerivedScalarType: registry.DerivedScalarType(d.DerivedScalarType)}
}

func (d *dataset) spec() registry.Spec {
	return registry.Spec{
		ShortName:         d.ShortName,
		DerivedScalarType: registry.DerivedScalarType(d.DerivedScalarType),
		UserVisibleName:   d.UserVisibleName,
		NeuronDatasetPath: d.NeuronDatasetPath,
	}
}

func (d *dataset) appendTOML(b []byte) []byte {
	return fmt.Appendf(b, "[[datasets]]\nshort_name = %q\nderived_scalar_type = %q\nuser_visible_name = %q\nneuron_dataset_path = %q\n\n",
		d.ShortName, d.DerivedScalarType, d.UserVisibleName, d.NeuronDatasetPath)
}

func toTOML(all []dataset) []byte {
	var b []byte
	for i := range all {
		b = all[i].appendTOML(b)
	}
	return b
}

// types are those that the models of the benchmarks have.
var types = [...]registry.DerivedScalarType{
	registry.MLPPostAct, registry.ResidPostMLP, registry.AttentionAutoencoderLatent, registry.AttnWriteNorm,
}

// world returns n datasets, whose strings are all their own.
func world(n int) []dataset {
	all := make([]dataset, n)
	for i := range all {
		model, typ := i/len(types), types[i%len(types)]
		all[i] = dataset{
			ShortName:         fmt.Sprintf("model-%07d", model),
			DerivedScalarType: string([]byte(typ)),
			UserVisibleName:   fmt.Sprintf("Model %d - %s", model, typ),
			NeuronDatasetPath: pathOf(i, 0),
		}
	}
	return all
}

// pathOf returns the path of the i-th dataset after the given change, 0 being none yet.
func pathOf(i, change int) string {
	return fmt.Sprintf("https://host.example/neurons/%07d/collated-activations/v%05d", i, change)
}

// A site is a pair of directories: the one that is followed, and one beside it where files
// are made ready that are to be moved in later.
type site struct{ root, dir, staged string }

func newSite() (site, error) {
	root, err := os.MkdirTemp("", "neurondex-benchmarks-")
	if err != nil {
		return site{}, err
	}
	s := site{root, filepath.Join(root, "files"), filepath.Join(root, "staged")}
	for _, dir := range []string{s.dir, s.staged} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return site{}, err
		}
	}
	return s, nil
}

func (s site) remove() { _ = os.RemoveAll(s.root) }

// fill writes the files of a peer that hold all datasets.
func (s site) fill(p peer, all []dataset) error {
	for i := range all {
		name, data := p.file(all, i)
		if err := os.WriteFile(filepath.Join(s.dir, name), data, 0o644); err != nil {
			return err
		}
		if p.single {
			break
		}
	}
	return nil
}

// replace changes a file as careful programs do: it writes another one beside it and renames
// that over the first. It returns when the rename began. To measure from its return would
// flatter those that the kernel runs before it lets the writer go on.
func (s site) replace(name string, data []byte) (time.Time, error) {
	staged := filepath.Join(s.dir, "."+name+".tmp")
	if err := os.WriteFile(staged, data, 0o644); err != nil {
		return time.Time{}, err
	}
	at := time.Now()
	return at, os.Rename(staged, filepath.Join(s.dir, name))
}

// overwrite changes a file as [os.WriteFile] does: it empties it, and writes to it once. It
// returns when the write began.
func (s site) overwrite(name string, data []byte) (time.Time, error) {
	f, err := os.OpenFile(filepath.Join(s.dir, name), os.O_WRONLY|os.O_TRUNC, 0o644)
	if err != nil {
		return time.Time{}, err
	}
	at := time.Now()
	_, err = f.Write(data)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return at, err
}

// sleep returns early if ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
