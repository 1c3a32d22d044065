package server

import (
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"unicode"

	"github.com/danielgtaylor/huma/v2"

	"github.com/neurondex/neurondex/internal/changes"
	"github.com/neurondex/neurondex/registry"
)

// The types below exist for the schemas of the document. What they describe is encoded
// without them.

type neuronDatasetMetadata struct {
	ShortName         string `json:"shortName" doc:"The short name, like gpt2-small."`
	DerivedScalarType string `json:"derivedScalarType" doc:"The kind of scalar, like mlp_post_act."`
	UserVisibleName   string `json:"userVisibleName" doc:"The display name."`
	NeuronDatasetPath string `json:"neuronDatasetPath" doc:"URL or path of the collated activations."`
}

// A dataset is described by the fields of [registry.Spec].
type dataset struct{}

type datasetList struct {
	Hash     registry.Hash `json:"hash" doc:"The hash of the content of the whole registry, which is equal on every machine."`
	Datasets []dataset     `json:"datasets" nullable:"false"`
	Next     string        `json:"next,omitempty" doc:"The cursor of the next page, unless this is the last one."`
}

type resolved struct {
	NeuronDatasetPath string `json:"neuronDatasetPath"`
}

type healthStatus struct {
	Status string `json:"status" enum:"ok,ready"`
}

type resetMessage struct {
	Type   string `json:"type" enum:"reset"`
	Reason string `json:"reason"`
}

type byeMessage struct {
	Type   string `json:"type" enum:"bye"`
	Reason string `json:"reason"`
}

// A describer makes the descriptions of operations, and collects the schemas that they use.
type describer struct{ schemas huma.Registry }

func newDescriber() describer {
	d := describer{huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)}
	for _, message := range []reflect.Type{
		reflect.TypeFor[snapshotMessage](), reflect.TypeFor[changes.Change](), reflect.TypeFor[resetMessage](),
		reflect.TypeFor[changes.Documents](), reflect.TypeFor[byeMessage](), reflect.TypeFor[datasetList](),
	} {
		d.schemas.Schema(message, true, "")
	}
	*d.schemas.Map()["Dataset"] = *d.dataset()
	return d
}

// dataset returns the schema of a dataset: a property for each field of [registry.Spec].
func (d describer) dataset() *huma.Schema {
	s := &huma.Schema{Type: huma.TypeObject, Properties: make(map[string]*huma.Schema), AdditionalProperties: true,
		Description: "A dataset. Fields that are not given are left out, and those that neurondex does not know are kept."}
	for f := range reflect.TypeFor[registry.Spec]().Fields() {
		if f.Name == "Extra" || f.Name == "Line" {
			continue
		}
		name := string(unicode.ToLower(rune(f.Name[0]))) + f.Name[1:]
		s.Properties[name] = huma.SchemaFromType(d.schemas, f.Type)
		s.Properties[name].Nullable = false
		if strings.Contains(f.Tag.Get("neurondex"), "required") {
			s.Required = append(s.Required, name)
		}
	}
	return s
}

// answers returns the responses of an operation: its own, and those of its errors.
func (d describer) answers(own *huma.Response, errors ...int) map[string]*huma.Response {
	all := map[string]*huma.Response{"200": own}
	for _, status := range errors {
		all[strconv.Itoa(status)] = d.content(http.StatusText(status), "application/problem+json", d.schema(reflect.TypeFor[problem]()))
	}
	return all
}

// withMessages replaces the errors of an operation of the public neuron viewer.
func (d describer) withMessages(own *huma.Response, errors ...int) map[string]*huma.Response {
	all := map[string]*huma.Response{"200": own}
	for _, status := range errors {
		all[strconv.Itoa(status)] = d.json(http.StatusText(status), reflect.TypeFor[message]())
	}
	return all
}

// conditional adds the response to a conditional request.
func conditional(answers map[string]*huma.Response) map[string]*huma.Response {
	tag := &huma.Param{Description: "A strong tag: the hash of the content and the encoding.", Schema: &huma.Schema{Type: huma.TypeString}}
	answers["200"].Headers = map[string]*huma.Param{"ETag": tag}
	answers["304"] = &huma.Response{Description: "The client has this already: see If-None-Match."}
	return answers
}

func (d describer) schema(t reflect.Type) *huma.Schema {
	s := d.schemas.Schema(t, true, "")
	for name, component := range d.schemas.Map() {
		if name != "Dataset" {
			component.AdditionalProperties = nil // a client must allow for more fields
		}
	}
	return s
}

func (d describer) json(description string, t reflect.Type) *huma.Response {
	return d.content(description, "application/json", d.schema(t))
}

func (d describer) content(description, contentType string, s *huma.Schema) *huma.Response {
	return &huma.Response{Description: description, Content: map[string]*huma.MediaType{contentType: {Schema: s}}}
}
