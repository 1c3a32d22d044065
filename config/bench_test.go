package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/neurondex/neurondex/config"
	"github.com/pelletier/go-toml/v2"
	"github.com/spf13/viper"
)

type plainFile struct {
	Datasets []struct {
		ShortName         string `toml:"short_name" json:"shortName"`
		DerivedScalarType string `toml:"derived_scalar_type" json:"derivedScalarType" mapstructure:"derived_scalar_type"`
		UserVisibleName   string `toml:"user_visible_name" json:"userVisibleName" mapstructure:"user_visible_name"`
		NeuronDatasetPath string `toml:"neuron_dataset_path" json:"neuronDatasetPath" mapstructure:"neuron_dataset_path"`
	}
}

// document returns a document of n datasets.
func document(format string, n int) []byte {
	var b bytes.Buffer
	if format == "json" {
		b.WriteString(`{"datasets": [`)
	}
	for i := range n {
		if format == "toml" {
			fmt.Fprintf(&b, "[[datasets]]\nshort_name = \"model-%d\"\nderived_scalar_type = \"mlp_post_act\"\nuser_visible_name = \"Model %d - MLP neurons\"\nneuron_dataset_path = \"https://host.example/neurons/model-%d/collated-activations\"\n\n", i, i, i)
			continue
		}
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "\n  {\"shortName\": \"model-%d\", \"derivedScalarType\": \"mlp_post_act\", \"userVisibleName\": \"Model %d - MLP neurons\", \"neuronDatasetPath\": \"https://host.example/neurons/model-%d/collated-activations\"}", i, i, i)
	}
	if format == "json" {
		b.WriteString("\n]}\n")
	}
	return b.Bytes()
}

// BenchmarkParse parses 10,000 datasets in one document and in 10,000 documents. For
// comparison it decodes the same documents into structs, directly and through Viper.
// CONTRIBUTING.md describes how to compare the results.
func BenchmarkParse(b *testing.B) {
	for _, format := range []string{"toml", "json"} {
		for _, shape := range []struct {
			name       string
			docs, each int
		}{{"one", 1, 10_000}, {"many", 10_000, 1}} {
			data := document(format, shape.each)
			run := func(name string, parse func() int) {
				b.Run(format+"/"+shape.name+"/"+name, func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						for range shape.docs {
							if n := parse(); n != shape.each {
								b.Fatal(n)
							}
						}
					}
					b.ReportMetric(float64(b.N)*10_000/b.Elapsed().Seconds(), "datasets/s")
				})
			}
			run("neurondex", func() int {
				specs, _ := config.Parse("a."+format, data)
				return len(specs)
			})
			run("plain", func() int {
				var f plainFile
				decode := json.Unmarshal
				if format == "toml" {
					decode = toml.Unmarshal
				}
				if err := decode(data, &f); err != nil {
					b.Fatal(err)
				}
				return len(f.Datasets)
			})
			run("viper", func() int {
				v := viper.New()
				v.SetConfigType(format)
				var f plainFile
				if err := v.ReadConfig(bytes.NewReader(data)); err != nil {
					b.Fatal(err)
				}
				if err := v.Unmarshal(&f); err != nil {
					b.Fatal(err)
				}
				return len(f.Datasets)
			})
		}
	}
}

// BenchmarkLoadDir loads a directory of 10,000 files with one dataset each. Run it with
// -cpu 1,2 to see the effect of a second core.
func BenchmarkLoadDir(b *testing.B) {
	dir := b.TempDir()
	for i := range 10_000 {
		data := bytes.ReplaceAll(document("toml", 1), []byte("model-0"), fmt.Appendf(nil, "model-%d", i))
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%05d.toml", i)), data, 0o644); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		r, err := config.LoadDir(dir)
		if err != nil || len(r.Documents) != 10_000 {
			b.Fatal(err, len(r.Documents))
		}
	}
	b.ReportMetric(float64(b.N)*10_000/b.Elapsed().Seconds(), "datasets/s")
}
