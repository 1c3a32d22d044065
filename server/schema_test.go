package server_test

import (
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/server"
)

// An operation is one of the OpenAPI document.
type operation struct {
	Parameters []struct {
		Name, In string
		Required bool
	}
	Responses map[string]struct {
		Headers map[string]any
		Content map[string]struct{ Schema map[string]any }
	}
}

// TestDescriptions checks what the document says that no response contradicts: a document that
// says less describes every response, too.
func TestDescriptions(t *testing.T) {
	var api struct {
		Paths      map[string]map[string]operation
		Components struct {
			Schemas map[string]struct {
				AdditionalProperties any
				Properties           map[string]map[string]any
				Required             []string
			}
		}
	}
	require.NoError(t, json.Unmarshal(ask(everything(t), http.MethodGet, "/openapi.json").Body.Bytes(), &api))

	for name, s := range api.Components.Schemas {
		assert.NotEqual(t, false, s.AdditionalProperties, "%s: a client must allow for more fields", name)
	}
	for path, operations := range api.Paths {
		for method, op := range operations {
			for _, p := range op.Parameters {
				if strings.Contains(path, "{"+p.Name+"}") {
					assert.Equal(t, "path", p.In, path)
					assert.True(t, p.Required, path)
				}
			}
			_, conditional := op.Responses["304"]
			_, tagged := op.Responses["200"].Headers["ETag"]
			wants := method == "get" && (strings.HasPrefix(path, "/v1/") || path == "/neuron_datasets_metadata") && path != "/v1/status" && path != "/v1/events"
			assert.Equal(t, wants, conditional, "%s %s: 304", method, path)
			assert.Equal(t, wants, tagged, "%s %s: ETag", method, path)
		}
	}
	for _, method := range []string{"get", "post"} {
		metadata := api.Paths["/neuron_datasets_metadata"][method].Responses["200"].Content["application/json"].Schema
		assert.Equal(t, "array", metadata["type"])
		missing := api.Paths["/model_info"][method].Responses["404"].Content["application/json"].Schema
		assert.Equal(t, map[string]any{"$ref": "#/components/schemas/Message"}, missing)
	}

	dataset := api.Components.Schemas["Dataset"]
	assert.Equal(t, true, dataset.AdditionalProperties)
	assert.Equal(t, []string{"shortName", "derivedScalarType", "userVisibleName", "neuronDatasetPath"}, dataset.Required)
	fields := reflect.VisibleFields(reflect.TypeFor[registry.Spec]())
	assert.Len(t, dataset.Properties, len(fields)-2)
	for _, f := range fields {
		name := strings.ToLower(f.Name[:1]) + f.Name[1:]
		p, ok := dataset.Properties[name]
		assert.Equal(t, !slices.Contains([]string{"Extra", "Line"}, f.Name), ok, name)
		if ok {
			assert.IsType(t, "", p["type"], "%s has one type, and is never null", name)
		}
	}
	var few struct {
		Paths map[string]map[string]operation
	}
	require.NoError(t, json.Unmarshal(ask(server.New(registry.New(), server.Options{}), http.MethodGet, "/openapi.json").Body.Bytes(), &few))
	assert.NotContains(t, few.Paths, "/-/reload")
	assert.NotContains(t, few.Paths, "/metrics")
}
