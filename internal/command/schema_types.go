package command

import (
	"strings"

	"github.com/invopop/jsonschema"
	"github.com/neurondex/neurondex/registry"
)

// knownTypesOnly returns the schema of a file that declares no types: the type of every
// dataset must be known. The rest of the schema accepts any type.
func (d draft) knownTypesOnly() *jsonschema.Schema {
	s := byForm(d.ref("known"), d.ref("known_datasets"))
	s.Items = d.ref("known")
	s.Properties = jsonschema.NewProperties()
	s.Properties.Set("datasets", d.ref("known_datasets"))
	return s
}

// known returns the schema of a dataset whose type, if it is given, is known.
func (d draft) known() *jsonschema.Schema {
	s := &jsonschema.Schema{Properties: jsonschema.NewProperties()}
	for _, name := range typeNames {
		s.Properties.Set(name, d.ref("known_type"))
	}
	return s
}

// knownDatasets returns the schema of a list or map of datasets. A key of a map that does not
// end in a known type is a short name, and the type must be a field.
func (d draft) knownDatasets() *jsonschema.Schema {
	var names []string
	for t := range registry.DerivedScalarTypes() {
		names = append(names, string(t))
	}
	return &jsonschema.Schema{
		Items:                d.ref("known"),
		PatternProperties:    map[string]*jsonschema.Schema{"/(" + strings.Join(names, "|") + "|" + constants() + ")$": d.ref("known")},
		AdditionalProperties: &jsonschema.Schema{AllOf: []*jsonschema.Schema{d.ref("known"), eitherRequired(typeNames)}},
	}
}

// knownType returns the schema of a known type. The names of constants are legacy forms, and
// not among the values that an editor suggests.
func knownType() *jsonschema.Schema {
	return &jsonschema.Schema{
		If:   &jsonschema.Schema{Type: "string", Pattern: "^" + constants() + "$"},
		Else: &jsonschema.Schema{Enum: knownTypes()},
	}
}

func knownTypes() (types []any) {
	for t := range registry.DerivedScalarTypes() {
		types = append(types, t)
	}
	return types
}

// constants returns a pattern for the names of the constants of the known types.
func constants() string {
	var names []string
	for t := range registry.DerivedScalarTypes() {
		names = append(names, t.Constant())
	}
	return `(DerivedScalarType\.)?(` + strings.Join(names, "|") + ")"
}
