package sourcetest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A document has a number of datasets, whose paths are its version.
type document struct{ version, datasets int }

// newDocument returns a document whose number of datasets varies with the version.
func newDocument(version int) document { return document{version, 1 + version%3} }

// content returns the document in the format of its name's extension.
func (d document) content(name string) string {
	var b strings.Builder
	isTOML := strings.HasSuffix(name, ".toml")
	for i := range d.datasets {
		const toml = "[[datasets]]\nshort_name = %q\nderived_scalar_type = \"mlp_post_act\"\nuser_visible_name = \"U\"\nneuron_dataset_path = \"%d\"\n"
		const json = "{\"shortName\": %q, \"derivedScalarType\": \"mlp_post_act\", \"userVisibleName\": \"U\", \"neuronDatasetPath\": \"%d\"}"
		switch {
		case isTOML:
			fmt.Fprintf(&b, toml, shortName(name, i), d.version)
		case i == 0:
			fmt.Fprintf(&b, json, shortName(name, i), d.version)
		default:
			fmt.Fprintf(&b, ",\n"+json, shortName(name, i), d.version)
		}
	}
	if isTOML {
		return b.String()
	}
	return "[" + b.String() + "]"
}

func shortName(document string, i int) string { return fmt.Sprintf("%s#%d", document, i) }

// state returns the datasets that a registry of the documents lists, in order, as name=path.
func state(documents map[string]document) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(documents)) {
		for i := range documents[name].datasets {
			list = append(list, fmt.Sprintf("%s=%d", shortName(name, i), documents[name].version))
		}
	}
	return strings.Join(list, " ")
}
