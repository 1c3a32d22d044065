package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
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

// A workload is a kind of document of any size: items between a start and an end. Item is
// called with the number of the item; the same item every time would be shorter, and cheaper.
type workload struct {
	name, file      string
	start, sep, end string
	item            func(i int) string

	// If first is set, its items are the first half of the document, and middle follows them.
	first  func(i int) string
	middle string
}

// document returns a document of about the given size.
func (w workload) document(size int) []byte {
	b := make([]byte, 0, size+1024)
	fill := func(size int, item func(i int) string) {
		for i := 0; len(b) < size; i++ {
			if i > 0 {
				b = append(b, w.sep...)
			}
			b = append(b, item(i)...)
		}
	}
	b = append(b, w.start...)
	if w.first != nil {
		fill(size/2, w.first)
		b = append(b, w.middle...)
	}
	fill(size, w.item)
	return append(b, w.end...)
}

const (
	goodItem  = `{"shortName": "model-%d", "derivedScalarType": "mlp_post_act", "userVisibleName": "Model", "neuronDatasetPath": "p"`
	single    = `{"shortName": "x", "derivedScalarType": "mlp_post_act", "userVisibleName": "X", "neuronDatasetPath": "p", `
	goodTable = "[[datasets]]\nshort_name = \"model-%d\"\nderived_scalar_type = \"mlp_post_act\"\nuser_visible_name = \"Model\"\nneuron_dataset_path = \"p\"\n"
)

// workloads are documents in which everything of one kind happens as often as it can.
func workloads() []workload {
	same := func(s string) func(int) string { return func(int) string { return s } }
	numbered := func(format string) func(int) string { return func(i int) string { return fmt.Sprintf(format, i) } }
	var out []workload
	// JSON, as such and with comments allowed, on one line.
	for _, w := range []workload{
		{name: "fine", start: `{"datasets": [`, sep: ",\n", item: numbered(goodItem + "}"), end: "]}"},
		{name: "one-line", start: `{"datasets": [`, sep: ",", item: numbered(goodItem + "}"), end: "]}"},
		{name: "warnings", start: `{"datasets": [`, sep: ",", item: numbered(goodItem + `, "color": 1}`), end: "]}"},
		{name: "long-unknown", start: `{"datasets": [`, sep: ",", item: numbered(goodItem + `, "` + strings.Repeat("user", 500) + `": 1}`), end: "]}"},
		{name: "empty-datasets", start: "[", sep: ",", item: same("{}"), end: "]"},
		{name: "not-datasets", start: "[", sep: ",", item: same("1"), end: "]"},
		{name: "bad-fields", start: "[", sep: ",", item: same(`{"shortName":"","derivedScalarType":"x","userVisibleName":" ","neuronDatasetPath":"://","layers":-1}`), end: "]"},
		{name: "null-fields", start: "[", sep: ",", item: same(`{"shortName":null}`), end: "]"},
		{name: "duplicate-datasets", start: "[", sep: ",", item: same(`{"shortName":"a"}`), end: "]"},
		{name: "named", start: "{", sep: ",", item: numbered(`"%x":{}`), end: "}"},
		{name: "named-types", start: "{", sep: ",", item: numbered(`"%x/logits":{"userVisibleName":"a","neuronDatasetPath":"a"}`), end: "}"},
		{name: "deep", start: "[", sep: ",", item: same(`{"a":` + strings.Repeat("[", 50) + strings.Repeat("]", 50) + "}"), end: "]"},
		{name: "too-deep", item: same("[")},
		{name: "too-deep-objects", item: same(`{"":`)},
		{name: "nested-datasets", start: single + `"a":[`, sep: ",", item: same(strings.Repeat(`[{"a":`, 20) + "1" + strings.Repeat("}]", 20)), end: "]}"},
		{name: "many-keys", start: single, sep: ",", item: numbered(`"%x":1`), end: "}"},
		{name: "many-objects", start: single + `"a":[`, sep: ",", item: same("{}"), end: "]}"},
		{name: "numbers", start: single + `"a":[`, sep: ",", item: same("1"), end: "]}"},
		{name: "duplicate-keys", start: single, sep: ",", item: same(`"a":1`), end: "}"},
		{name: "casings", start: single + `"tags":["` + strings.Repeat("x", 1<<16) + `"]`, sep: ``, item: same(`,"short_name":["x"],"shortName":["y"]`), end: "}"},
		{name: "explanations", start: single + `"explanationDatasetPaths":[`, sep: ",", item: same(`""`), end: "]}"},
		{name: "azure", start: single + `"explanationDatasetPaths":[`, sep: ",", item: same(`"az://a/b"`), end: "]}"},
		{name: "not-strings", start: single + `"tags":[`, sep: ",", item: same("1"), end: "]}"},
		{name: "declared-types", start: `{"extra_scalar_types":[`, sep: ",", item: numbered(`"t%x"`), end: `],"datasets":[]}`},
		{name: "escapes", start: single + `"a":[`, sep: ",", item: same(`"\n"`), end: "]}"},
		{name: "top-level", start: `{"datasets":[],`, sep: ",", item: numbered(`"%x":1`), end: "}"},
		{name: "unclosed", start: `["`, item: same("xxxxxxxx")},
		{name: "spaces", start: "[", item: same("        ")},
		{name: "digits", start: single + `"layers":1`, item: same("11111111"), end: "}"},
	} {
		w.file = "a.json"
		out = append(out, w)
		w.file = "a.jsonc"
		out = append(out, w)
	}
	for _, w := range []workload{
		{name: "comments", start: "[", item: same("/**/")},
		{name: "trailing-commas", start: "[", sep: ",", item: same("[1,]"), end: "]"},
		{name: "line-comments", start: "[", item: same("//\n"), end: "]"},
		{name: "unclosed-comments", start: "[", item: same("/*")},
	} {
		w.file = "a.jsonc"
		out = append(out, w)
	}
	for _, w := range []workload{
		{name: "fine", item: numbered(goodTable)},
		{name: "one-line", start: "datasets = [", sep: ",", item: numbered(`{short_name="m%d",derived_scalar_type="logits",user_visible_name="a",neuron_dataset_path="p"}`), end: "]"},
		{name: "warnings", item: numbered(goodTable + "color = 1\n")},
		{name: "empty-datasets", item: same("[[datasets]]\n")},
		{name: "empty-inline", start: "datasets=[", sep: ",", item: same("{}"), end: "]"},
		{name: "not-datasets", start: "datasets=[", sep: ",", item: same("1"), end: "]"},
		{name: "bad-fields", item: same("[[datasets]]\nshort_name=''\nderived_scalar_type='x'\nuser_visible_name=1\nneuron_dataset_path='://'\nlayers=-1\n")},
		{name: "named", item: numbered("[%x]\n")},
		{name: "deep-headers", item: numbered("[" + strings.Repeat("a.", 60) + "b%x]\n")},
		{name: "dotted-keys", item: numbered(strings.Repeat("a.", 60) + "b%x=1\n")},
		{name: "short-dotted-keys", item: numbered("a.%x=1\n")},
		{name: "tables-of-tables", item: same("[[a]]\n[[a.b]]\n")},
		{name: "deep", start: "a = [", sep: ",", item: same(strings.Repeat("[", 50) + strings.Repeat("]", 50)), end: "]"},
		{name: "too-deep", start: "a = ", item: same("[")},
		{name: "too-deep-tables", start: "a = ", item: same("{a=")},
		{name: "many-keys", start: good, item: numbered("a%x=1\n")},
		{name: "numbers", start: good + "a = [", sep: ",", item: same("1"), end: "]"},
		{name: "floats", start: good + "a = [", sep: ",", item: same("1.5"), end: "]"},
		{name: "hexadecimal", start: good + "a = [", sep: ",", item: numbered("0x%x"), end: "]"},
		{name: "negative", start: good + "a = [", sep: ",", item: numbered("-%d"), end: "]"},
		{name: "infinities", start: good + "a = [", sep: ",", item: same("inf"), end: "]"},
		{name: "times", start: good + "a = [", sep: ",", item: same("07:32:00"), end: "]"},
		{name: "explanations", start: good + "explanation_dataset_paths = [", sep: ",", item: same(`""`), end: "]"},
		{name: "declared-types", start: "datasets = []\nextra_scalar_types = [", sep: ",", item: numbered(`"%x"`), end: "]"},
		{name: "comments", item: same("#\n")},
		{name: "newlines", item: same("\n")},
		{name: "escapes", start: good + "a = [", sep: ",", item: same(`"\n"`), end: "]"},
		{name: "unclosed", start: `a = """`, item: same("xxxxxxx\n")},
		{name: "digits", start: "a = ", item: same("11111111")},
		{name: "long-key", item: same("aaaaaaaa")},
	} {
		w.file = "a.toml"
		out = append(out, w)
	}
	// As many types are declared as there are others, which are close to them.
	out = append(out, workload{name: "unknown-types", file: "a.json",
		start: `{"extra_scalar_types":[`, first: numbered(`"a_kind_of_scalar_%d"`), middle: `],"datasets":[`,
		sep: ",", item: numbered(`{"shortName":"x%[1]d","derivedScalarType":"b_kind_of_scalar_%[1]d"}`), end: `]}`})
	return out
}

// BenchmarkParseLinear parses every workload at two sizes. The throughput of the larger one is
// not much lower, as the cost of Parse is proportional to the size of the document. Both are
// too large for the pool of loaders, which makes smaller documents faster.
func BenchmarkParseLinear(b *testing.B) {
	for _, w := range workloads() {
		for _, size := range []int{1 << 20, 1 << 22} {
			data := w.document(size)
			b.Run(fmt.Sprintf("%s/%s/%dKiB", w.file[2:], w.name, size>>10), func(b *testing.B) {
				b.SetBytes(int64(len(data)))
				for b.Loop() {
					config.Parse(w.file, data)
				}
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
