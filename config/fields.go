package config

import "github.com/neurondex/neurondex/registry"

// A field is a field that datasets have: its two spellings, and where its value
// goes. One of the functions is set.
type field struct {
	place        int // in fields
	snake, camel string
	goName       string // in registry.Spec
	text         func(*registry.Spec) *string
	number       func(*registry.Spec) *int
	flag         func(*registry.Spec) *bool
	list         func(*registry.Spec) *[]string
}

// fields are all of them, the required ones first. They, and the maps, are only read
// after init.
var fields = [...]field{
	{snake: "short_name", camel: "shortName", goName: "ShortName", text: func(s *registry.Spec) *string { return &s.ShortName }},
	{snake: "derived_scalar_type", camel: "derivedScalarType", goName: "DerivedScalarType", text: func(s *registry.Spec) *string { return (*string)(&s.DerivedScalarType) }},
	{snake: "user_visible_name", camel: "userVisibleName", goName: "UserVisibleName", text: func(s *registry.Spec) *string { return &s.UserVisibleName }},
	{snake: "neuron_dataset_path", camel: "neuronDatasetPath", goName: "NeuronDatasetPath", text: func(s *registry.Spec) *string { return &s.NeuronDatasetPath }},
	{snake: "description", camel: "description", goName: "Description", text: func(s *registry.Spec) *string { return &s.Description }},
	{snake: "model", camel: "model", goName: "Model", text: func(s *registry.Spec) *string { return &s.Model }},
	{snake: "layers", camel: "layers", goName: "Layers", number: func(s *registry.Spec) *int { return &s.Layers }},
	{snake: "nodes_per_layer", camel: "nodesPerLayer", goName: "NodesPerLayer", number: func(s *registry.Spec) *int { return &s.NodesPerLayer }},
	{snake: "record_format", camel: "recordFormat", goName: "RecordFormat", text: func(s *registry.Spec) *string { return &s.RecordFormat }},
	{snake: "explanation_dataset_paths", camel: "explanationDatasetPaths", goName: "ExplanationDatasetPaths", list: func(s *registry.Spec) *[]string { return &s.ExplanationDatasetPaths }},
	{snake: "version", camel: "version", goName: "Version", text: func(s *registry.Spec) *string { return &s.Version }},
	{snake: "license", camel: "license", goName: "License", text: func(s *registry.Spec) *string { return &s.License }},
	{snake: "homepage", camel: "homepage", goName: "Homepage", text: func(s *registry.Spec) *string { return &s.Homepage }},
	{snake: "tags", camel: "tags", goName: "Tags", list: func(s *registry.Spec) *[]string { return &s.Tags }},
	{snake: "deprecated", camel: "deprecated", goName: "Deprecated", flag: func(s *registry.Spec) *bool { return &s.Deprecated }},
	{snake: "replaced_by", camel: "replacedBy", goName: "ReplacedBy", text: func(s *registry.Spec) *string { return &s.ReplacedBy }},
}

// fieldNamed returns what a node has whose key is the given one: one more than the place
// of the field that it names, 0 if it names none. Last is that of the key before it: most
// datasets have their fields in the order of the table.
func fieldNamed(key []byte, last uint8) uint8 {
	if int(last) < len(fields) && (string(key) == fields[last].snake || string(key) == fields[last].camel) {
		return last + 1
	}
	if f, ok := fieldByName[string(key)]; ok {
		return uint8(f.place) + 1
	}
	return 0
}

// fieldOf returns the field that a node's key names, nil for none.
func fieldOf(n *node) *field {
	if n.field == 0 {
		return nil
	}
	return &fields[n.field-1]
}

// typeTexts are the texts of the known types, to be shared rather than made anew.
var typeTexts = make(map[string]string)

func init() {
	for t := range registry.DerivedScalarTypes() {
		typeTexts[string(t)] = string(t)
	}
}

// typeText returns the text of a derived scalar type, shared where the type is known.
func typeText(raw []byte) (text string, known bool) {
	if text, known = typeTexts[string(raw)]; !known {
		text = string(raw)
	}
	return text, known
}

const requiredFields = 4

// Places of fields that have more to them than their value.
const (
	typePlace         = 1
	pathPlace         = 3
	explanationsPlace = 9
)

var (
	fieldByName   = make(map[string]*field, 2*len(fields))
	fieldByGoName = make(map[string]*field, len(fields))
)

func init() {
	for i := range fields {
		f := &fields[i]
		f.place = i
		fieldByName[f.snake], fieldByName[f.camel], fieldByGoName[f.goName] = f, f, f
	}
}
