package main

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/invopop/jsonschema"
	"github.com/neurondex/neurondex/registry"
	"github.com/spf13/cobra"
)

func newSchemaCommand(s settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "schema",
		Short: "Print a JSON Schema of dataset files, for editors",
		Long: `Print a JSON Schema of dataset files. With it an editor completes and checks them
while they are written: JSON files name it under the key "$schema", TOML files in a
first line "#:schema ./neurondex.schema.json". Many editors, and most of those that
know TOML, want --draft 7.

The schema lets through whatever is loaded, old forms too. "neurondex validate"
checks more: types declared nowhere, URLs, datasets defined twice.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			name := s.GetString("draft")
			d, ok := drafts[name]
			if !ok {
				return fmt.Errorf("--draft: %q is neither 2020-12 nor 7", name)
			}
			return printJSON(cmd.OutOrStdout(), d.document())
		},
	}
	cmd.Flags().String("draft", "2020-12", "`version` of JSON Schema: 2020-12 or 7")
	return cmd
}

// A draft is what differs between the versions of JSON Schema. The rest is kept to what
// means the same in both: nothing stands beside a $ref, which draft-07 would not read.
type draft struct{ uri, definitions string }

var drafts = map[string]draft{
	"2020-12": {jsonschema.Version, "$defs"},
	"7":       {"http://json-schema.org/draft-07/schema#", "definitions"},
}

// requiredNames are the required fields, in both spellings.
var requiredNames = [][]string{
	{"short_name", "shortName"},
	{"derived_scalar_type", "derivedScalarType"},
	{"user_visible_name", "userVisibleName"},
	{"neuron_dataset_path", "neuronDatasetPath"},
}

// An envelope is what a document says about itself.
type envelope struct {
	Schema           string   `json:"$schema" jsonschema_description:"URL or path of this schema, for editors"`
	SchemaVersion    int      `json:"schema_version" jsonschema:"minimum=1" jsonschema_description:"version of the file format; 1 if it is not given"`
	ExtraScalarTypes []string `json:"extra_scalar_types" jsonschema_description:"derived scalar types that this file may use besides those that neurondex knows"`
}

// document returns the schema of a whole file. It tells the forms of a file apart in the
// way that the loader does, and not by trying each: so an editor's complaint is about the
// form that was meant.
func (d draft) document() *jsonschema.Schema {
	top := envelopeFields().Properties
	list := &jsonschema.Schema{Type: "array", Items: d.ref("dataset")}
	top.Set("datasets", &jsonschema.Schema{
		Description: "the datasets: a list of them, or an object that maps names to them",
		AnyOf:       []*jsonschema.Schema{list, d.ref("map")},
	})
	return &jsonschema.Schema{
		Version:     d.uri,
		Title:       "neurondex dataset file",
		Description: "Neuron datasets: a list of them, by itself or under the key datasets, or one dataset, or an object that maps names to datasets.",
		Properties:  top,
		Items:       d.ref("dataset"),
		If:          &jsonschema.Schema{Type: "object", Not: &jsonschema.Schema{Required: []string{"datasets"}}},
		Then: &jsonschema.Schema{
			If:   anyOfRequired(requiredNames...),
			Then: d.ref("dataset"),
			Else: d.ref("map"),
		},
		Extras: map[string]any{
			"type": []string{"object", "array"},
			d.definitions: map[string]*jsonschema.Schema{
				"dataset":     d.entry("A dataset.", requiredNames),
				"entry":       d.entry("A dataset whose short name is its key.", requiredNames[1:]),
				"typed_entry": d.entry("A dataset whose key is short_name/derived_scalar_type, or its short name.", requiredNames[2:]),
				"map":         d.namedDatasets(),
				"fields":      fields(),
			},
		},
	}
}

func (d draft) ref(definition string) *jsonschema.Schema {
	return &jsonschema.Schema{Ref: "#/" + d.definitions + "/" + definition}
}

// envelopeFields returns the schema of an [envelope], in both spellings.
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

// entry returns the schema of a dataset that must have some fields, each in one of its
// spellings.
func (d draft) entry(description string, required [][]string) *jsonschema.Schema {
	s := &jsonschema.Schema{Description: description, AllOf: []*jsonschema.Schema{d.ref("fields")}}
	for _, names := range required {
		s.AllOf = append(s.AllOf, anyOfRequired(names))
	}
	return s
}

// namedDatasets returns the schema of an object whose keys name the datasets. A key with
// a slash most often names the type, but a short name may have one, too: which it is
// depends on extra_scalar_types, so that the type is not asked for there.
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

// fields returns the schema of a dataset's fields, none of them required.
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

// asLoaded returns what the loader takes for a Go type: more than the type itself, as
// scalars are taken for strings, and null for a field that is not given.
func asLoaded(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[string]():
		return oneOfTypes("string", "number", "boolean", "null")
	case reflect.TypeFor[registry.DerivedScalarType]():
		known := &jsonschema.Schema{}
		for t := range registry.DerivedScalarTypes() {
			known.Enum = append(known.Enum, t)
		}
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{known, filledText()}}
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
		return &jsonschema.Schema{} // no field of a file
	}
	return nil
}

// refine adds the rules that a field has beyond those of its type.
func refine(goName string, s *jsonschema.Schema) {
	switch goName {
	case "ShortName", "UserVisibleName", "NeuronDatasetPath":
		filled := filledText()
		s.Extras, s.Pattern = filled.Extras, filled.Pattern
	case "ExplanationDatasetPaths":
		s.Items = filledText()
	case "RecordFormat":
		s.Extras, s.AnyOf = nil, orNothing(&jsonschema.Schema{Enum: []any{"json", "pt"}})
	case "Homepage":
		s.Extras, s.AnyOf = nil, orNothing(&jsonschema.Schema{Type: "string", Format: "uri", Pattern: "^[Hh][Tt][Tt][Pp][Ss]?://"})
	}
}

// notBlank is a pattern for what has more than white space in it.
const notBlank = `\S`

func text() *jsonschema.Schema { return oneOfTypes("string", "number", "boolean") }

func filledText() *jsonschema.Schema {
	s := text()
	s.Pattern = notBlank // of a string; the others are never blank
	return s
}

// orNothing returns the alternatives of a field that may be empty. An enum would say it
// shorter, but editors would suggest its empty string.
func orNothing(s *jsonschema.Schema) []*jsonschema.Schema {
	none := uint64(0)
	return []*jsonschema.Schema{s, {Type: "string", MaxLength: &none}, {Type: "null"}}
}

// oneOfTypes goes around a field of the library's that holds one type only.
func oneOfTypes(types ...string) *jsonschema.Schema {
	return &jsonschema.Schema{Extras: map[string]any{"type": types}}
}

func anyOfRequired(fields ...[]string) *jsonschema.Schema {
	s := &jsonschema.Schema{}
	for _, names := range fields {
		for _, name := range names {
			s.AnyOf = append(s.AnyOf, &jsonschema.Schema{Required: []string{name}})
		}
	}
	return s
}

// alias returns s for the second spelling of a field, and says what the first one is.
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
