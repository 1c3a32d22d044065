package command

import (
	"reflect"
	"strings"

	"github.com/invopop/jsonschema"
	"github.com/neurondex/neurondex/registry"
	"github.com/spf13/cobra"
)

func newSchemaCommand(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of dataset files",
		Long: `Print the JSON Schema of dataset files, with which an editor can complete and check
them. A JSON file refers to the schema by the key "$schema", and a TOML file by the
first line "#:schema ./neurondex.schema.json". Many editors, and most TOML plugins,
require --draft 7.

The schema accepts every file that can be loaded, including legacy forms, and no file
that "neurondex validate" rejects for the shape, the type or the value of a field. It
does not know which types a file declares under extra_scalar_types: such a file may
use any. Only "neurondex validate" finds duplicate datasets and unknown fields.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return printJSON(cmd.OutOrStdout(), drafts[s.GetString("draft")].document())
		},
	}
	cmd.Flags().String("draft", "2020-12", "`version` of JSON Schema: 2020-12 or 7")
	choose(cmd, "draft", "2020-12", "7")
	return cmd
}

// A draft holds what differs between the versions of JSON Schema. Everything else means the
// same in both: in particular a $ref has no siblings, which draft-07 ignores.
type draft struct{ uri, definitions string }

var drafts = map[string]draft{
	"2020-12": {jsonschema.Version, "$defs"},
	"7":       {"http://json-schema.org/draft-07/schema#", "definitions"},
}

// typeNames are the two spellings of the field of the type.
var typeNames = []string{"derived_scalar_type", "derivedScalarType"}

// requiredNames are the required fields, in both spellings.
var requiredNames = [][]string{
	{"short_name", "shortName"},
	typeNames,
	{"user_visible_name", "userVisibleName"},
	{"neuron_dataset_path", "neuronDatasetPath"},
}

// An envelope has the top-level keys that describe the document rather than a dataset.
type envelope struct {
	Schema           string   `json:"$schema" jsonschema_description:"URL or path of this schema, for editors"`
	SchemaVersion    int      `json:"schema_version" jsonschema:"minimum=1" jsonschema_description:"version of the file format; 1 by default"`
	ExtraScalarTypes []string `json:"extra_scalar_types" jsonschema_description:"derived scalar types that this file uses in addition to the known ones"`
	ExtraFields      []string `json:"extra_fields" jsonschema_description:"fields of datasets that this file uses in addition to the known ones"`
}

// document returns the schema of a file. It distinguishes the forms of a file by the same
// keys as the loader rather than by trying each: an editor that has tried all alternatives in
// vain reports the whole document, without what is wrong with it.
func (d draft) document() *jsonschema.Schema {
	top := envelopeFields().Properties
	top.Set("datasets", &jsonschema.Schema{
		Description: "list of datasets, or object that maps names to datasets",
		Extras:      map[string]any{"type": []string{"array", "object"}},
		Items:       d.ref("dataset"),
		If:          &jsonschema.Schema{Type: "object"},
		Then:        d.ref("map"),
	})
	declaresTypes := anyOfRequired([]string{"extra_scalar_types", "extraScalarTypes"})
	declaresTypes.Type = "object"
	return &jsonschema.Schema{
		Version:     d.uri,
		Title:       "neurondex dataset file",
		Description: "A list of neuron datasets, at the top level or under the key datasets; a single dataset; or an object that maps names to datasets.",
		Properties:  top,
		Items:       d.ref("dataset"),
		AllOf: []*jsonschema.Schema{
			byForm(d.ref("dataset"), d.ref("map")),
			{If: declaresTypes, Else: d.ref("known_types_only")},
		},
		Extras: map[string]any{
			"type": []string{"object", "array"},
			d.definitions: map[string]*jsonschema.Schema{
				"dataset":          d.entry("A dataset.", requiredNames),
				"entry":            d.entry("A dataset whose short name is its key.", requiredNames[1:]),
				"typed_entry":      d.entry("A dataset whose key is short_name/derived_scalar_type, or its short name.", requiredNames[2:]),
				"map":              d.namedDatasets(),
				"fields":           fields(),
				"known_types_only": d.knownTypesOnly(),
				"known":            d.known(),
				"known_datasets":   d.knownDatasets(),
				"known_type":       knownType(),
			},
		},
	}
}

// byForm returns a schema that applies one schema to an object that is a dataset, and another
// to one that maps names to datasets. A document with the key datasets is neither.
func byForm(dataset, named *jsonschema.Schema) *jsonschema.Schema {
	return &jsonschema.Schema{
		If:   &jsonschema.Schema{Type: "object", Not: &jsonschema.Schema{Required: []string{"datasets"}}},
		Then: &jsonschema.Schema{If: anyOfRequired(requiredNames...), Then: dataset, Else: named},
	}
}

func (d draft) ref(definition string) *jsonschema.Schema {
	return &jsonschema.Schema{Ref: "#/" + d.definitions + "/" + definition}
}

// envelopeFields returns the schema of an [envelope], with each key in both casings.
func envelopeFields() *jsonschema.Schema {
	r := jsonschema.Reflector{DoNotReference: true, Anonymous: true}
	both := jsonschema.NewProperties()
	for p := r.Reflect(envelope{}).Properties.Oldest(); p != nil; p = p.Next() {
		if p.Value.Type == "array" {
			p.Value.Items = text()
		}
		both.Set(p.Key, p.Value)
		if camel := camelCase(p.Key); camel != p.Key {
			both.Set(camel, alias(p.Value, p.Key))
		}
	}
	return &jsonschema.Schema{Properties: both}
}

// entry returns the schema of a dataset with the given required fields, each in either
// casing.
func (d draft) entry(description string, required [][]string) *jsonschema.Schema {
	s := &jsonschema.Schema{Description: description, AllOf: []*jsonschema.Schema{d.ref("fields")}}
	for _, names := range required {
		s.AllOf = append(s.AllOf, eitherRequired(names))
	}
	return s
}

// namedDatasets returns the schema of a map of datasets. A key with a slash usually includes
// the type, but the slash may also be part of a short name, depending on extra_scalar_types.
// So the type is not required there.
func (d draft) namedDatasets() *jsonschema.Schema {
	names := jsonschema.NewProperties()
	for p := envelopeFields().Properties.Oldest(); p != nil; p = p.Next() {
		names.Set(p.Key, jsonschema.TrueSchema)
	}
	return &jsonschema.Schema{
		Description:          "Datasets by short_name or short_name/derived_scalar_type.",
		Type:                 "object",
		Properties:           names,
		PropertyNames:        &jsonschema.Schema{Pattern: notBlank},
		PatternProperties:    map[string]*jsonschema.Schema{"/": d.ref("typed_entry")},
		AdditionalProperties: d.ref("entry"),
	}
}

// fields returns the schema of the fields of a dataset, none of them required.
func fields() *jsonschema.Schema {
	r := jsonschema.Reflector{
		DoNotReference: true,
		Anonymous:      true,
		Mapper:         asLoaded,
		LookupComment:  func(_ reflect.Type, field string) string { return fieldDocs[field] },
	}
	both := jsonschema.NewProperties()
	for p := r.Reflect(registry.Spec{}).Properties.Oldest(); p != nil; p = p.Next() {
		if fieldDocs[p.Key] == "" {
			continue
		}
		refine(p.Key, p.Value)
		snake := snakeCase(p.Key)
		both.Set(snake, p.Value)
		if camel := camelCase(snake); camel != snake {
			both.Set(camel, alias(p.Value, snake))
		}
	}
	return &jsonschema.Schema{Type: "object", Properties: both}
}

// asLoaded returns the schema of the values that the loader accepts for a Go type: besides
// the type itself, scalars in place of strings, and null for an omitted field.
func asLoaded(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[string]():
		return oneOfTypes("string", "number", "boolean", "null")
	case reflect.TypeFor[registry.DerivedScalarType]():
		// Editors suggest the known types; knownTypesOnly rejects others.
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Enum: knownTypes()}, filledText()}}
	case reflect.TypeFor[int]():
		s := oneOfTypes("integer", "null")
		s.Minimum = "0"
		return s
	case reflect.TypeFor[bool]():
		return oneOfTypes("boolean", "null")
	case reflect.TypeFor[[]string]():
		s := oneOfTypes("array", "null")
		s.Items = text()
		return s
	case reflect.TypeFor[[]registry.Field]():
		return &jsonschema.Schema{} // not a field of a file
	}
	return nil
}

// refine adds the rules of a field beyond those of its type.
func refine(goName string, s *jsonschema.Schema) {
	switch goName {
	case "ShortName", "UserVisibleName":
		filled := filledText()
		s.Extras, s.Pattern = filled.Extras, filled.Pattern
	case "NeuronDatasetPath":
		path := pathOrURL()
		s.Extras, s.Pattern, s.If, s.Then = path.Extras, path.Pattern, path.If, path.Then
	case "ExplanationDatasetPaths":
		s.Items = pathOrURL()
	case "RecordFormat":
		orNothing(s, &jsonschema.Schema{Enum: []any{"json", "pt"}})
	case "Homepage":
		orNothing(s, &jsonschema.Schema{Type: "string", Format: "uri", Pattern: "^[Hh][Tt][Tt][Pp][Ss]?://"})
	}
}

// notBlank is a pattern for strings that are not blank.
const notBlank = `\S`

// text returns the schema of a string field.
func text() *jsonschema.Schema { return oneOfTypes("string", "number", "boolean") }

// filledText returns the schema of a string field that must not be blank.
func filledText() *jsonschema.Schema {
	s := text()
	s.Pattern = notBlank // applies to strings only
	return s
}

// pathOrURL returns the schema of a path. What has a scheme is a URL, and needs a host.
func pathOrURL() *jsonschema.Schema {
	s := filledText()
	s.If = &jsonschema.Schema{Type: "string", Pattern: "://"}
	s.Then = &jsonschema.Schema{Pattern: "^([Ff][Ii][Ll][Ee]://|[A-Za-z][A-Za-z0-9+.-]*://[^/?#])"}
	return s
}

// orNothing makes s the schema of a string that may be empty, and must be as then says if it is
// not. The alternatives accept any string, and are there for the values that editors suggest:
// an enum with an empty string would be shorter, but they would suggest that as well.
func orNothing(s, then *jsonschema.Schema) {
	one := uint64(1)
	s.Extras, s.AnyOf = nil, []*jsonschema.Schema{then, {Type: "string"}, {Type: "null"}}
	s.If, s.Then = &jsonschema.Schema{Type: "string", MinLength: &one}, then
}

// oneOfTypes returns a schema of several types, for which the library's field is too narrow.
func oneOfTypes(types ...string) *jsonschema.Schema {
	return &jsonschema.Schema{Extras: map[string]any{"type": types}}
}

// anyOfRequired returns a schema that requires one of the names. It is for conditions: as a
// requirement it would not tell which name is missing.
func anyOfRequired(fields ...[]string) *jsonschema.Schema {
	s := &jsonschema.Schema{}
	for _, names := range fields {
		for _, name := range names {
			s.AnyOf = append(s.AnyOf, &jsonschema.Schema{Required: []string{name}})
		}
	}
	return s
}

// eitherRequired returns a schema that requires a field in one of its two spellings, and names
// the first if both are missing.
func eitherRequired(names []string) *jsonschema.Schema {
	return &jsonschema.Schema{
		If:   &jsonschema.Schema{Required: names[1:]},
		Else: &jsonschema.Schema{Required: names[:1]},
	}
}

// alias returns s for the camelCase name of a field, with a note about the other name.
func alias(s *jsonschema.Schema, snake string) *jsonschema.Schema {
	other := *s
	other.Description += " (" + snake + " in camelCase)"
	return &other
}

// snakeCase returns the name in files of a field of registry.Spec.
func snakeCase(goName string) string {
	return strings.ReplaceAll(jsonschema.ToSnakeCase(goName), "-", "_")
}

func camelCase(snake string) string {
	words := strings.Split(snake, "_")
	for i, w := range words[1:] {
		words[i+1] = strings.ToUpper(w[:1]) + w[1:]
	}
	return strings.Join(words, "")
}
