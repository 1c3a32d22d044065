package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/server"
	"github.com/neurondex/neurondex/source"
	"github.com/neurondex/neurondex/watcher"
)

// everything returns a handler with every route, and datasets with every field.
func everything(t *testing.T) http.Handler {
	t.Helper()
	reg := builtinRegistry(t)
	full := registry.Spec{
		ShortName: "full", DerivedScalarType: "t", UserVisibleName: "n", NeuronDatasetPath: "p", Description: "d", Model: "m", Layers: 1, NodesPerLayer: 2,
		RecordFormat: "json", ExplanationDatasetPaths: []string{"e"}, Version: "1", License: "MIT", Homepage: "https://x", Tags: []string{"t"}, Deprecated: true,
		ReplacedBy: "r", Extra: []registry.Field{{Name: "more", Value: registry.IntegerValue(1)}},
	}
	_, err := reg.Apply(registry.Change{Put: []registry.Document{{Name: "full", Datasets: []registry.Spec{full}}}})
	require.NoError(t, err)
	now := time.Now()
	p := publish(t)
	p.push("1")
	return server.New(reg, server.Options{
		Relay:     p.relay,
		Chain:     func() []string { return []string{"origin"} },
		Reload:    func(context.Context) error { put(t, reg, "new", "new/t"); return nil },
		ModelInfo: func() ([]byte, error) { return []byte(`{"name":"m"}`), nil },
		Records: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, "{}")
		}),
		CheckHealth: func() error { return nil },
		Status: func() watcher.Status {
			place := registry.Place{Document: "a", Line: 1}
			return watcher.Status{
				Ready: true, SourceError: "e", Held: "h", LastLoad: now, LoadSeconds: 1,
				Source:    source.Health{Mode: "m", Problem: "p", LastScan: now, Ignored: []source.Ignored{{Name: "n", Why: "w"}}},
				Overrides: []registry.Override{{Key: full.Key(), Hidden: place, By: place}},
				Documents: []watcher.DocumentStatus{{Name: "a", State: watcher.StateStale, Since: now, Diagnostics: config.Diagnostics{
					{File: "a", Line: 1, Column: 2, Severity: config.SeverityError, Field: "f", Value: "v", Message: "m", Suggestion: "s", Datasets: 2, Rule: config.RuleSyntax, More: 1}}}},
			}
		},
	})
}

// strict returns the document of the API with objects that have no other properties than those
// it describes, so that a property that it forgets is an error.
func strict(t *testing.T, document []byte) []byte {
	t.Helper()
	var api map[string]any
	require.NoError(t, json.Unmarshal(document, &api))
	for _, s := range api["components"].(map[string]any)["schemas"].(map[string]any) {
		if schema := s.(map[string]any); schema["additionalProperties"] == nil {
			schema["additionalProperties"] = false
		}
	}
	b, err := json.Marshal(api)
	require.NoError(t, err)
	return b
}

// TestOpenAPI validates the document with a library that did not make it, and holds responses
// against it.
func TestOpenAPI(t *testing.T) {
	h := everything(t)
	w := ask(h, http.MethodGet, "/openapi.json")
	assert.Equal(t, "application/openapi+json", w.Header().Get("Content-Type"))
	text := w.Body.Bytes()
	assert.Contains(t, string(text), `"openapi":"3.1.0"`)
	assert.Contains(t, string(text), `"operationId":"read-neuron_datasets_metadata"`)
	assert.Contains(t, string(text), `"NeuronDatasetMetadata":{`)
	assert.Contains(t, string(text), `"Neurondex-Chain":{`)

	doc, err := libopenapi.NewDocument(text)
	require.NoError(t, err)
	check, errs := validator.NewValidator(doc)
	require.Empty(t, errs)
	valid, problems := check.ValidateDocument()
	assert.True(t, valid, "%+v", problems)

	doc, err = libopenapi.NewDocument(strict(t, text))
	require.NoError(t, err)
	check, errs = validator.NewValidator(doc)
	require.Empty(t, errs)
	for _, tt := range []struct {
		method, target string
		status         int
	}{
		{http.MethodPost, "/neuron_datasets_metadata", 200},
		{http.MethodGet, "/neuron_datasets_metadata", 200},
		{http.MethodPost, "/model_info", 200},
		{http.MethodPost, "/neuron_record", 200},
		{http.MethodGet, "/v1/datasets", 200},
		{http.MethodGet, "/v1/datasets?limit=2&sort=-model", 200},
		{http.MethodGet, "/v1/datasets?limit=2&q=", 400},
		{http.MethodGet, "/v1/datasets/full", 200},
		{http.MethodGet, "/v1/datasets/none", 404},
		{http.MethodGet, "/v1/datasets/full/t", 200},
		{http.MethodGet, "/v1/datasets/gpt2-small/mlp_post_act", 200},
		{http.MethodGet, "/v1/datasets/full/none", 404},
		{http.MethodGet, "/v1/dataset?short_name=full&derived_scalar_type=t", 200},
		{http.MethodGet, "/v1/dataset?short_name=full&derived_scalar_type=u", 404},
		{http.MethodGet, "/v1/resolve?dataset=full&derived_scalar_type=t", 200},
		{http.MethodGet, "/v1/resolve?dataset=x&derived_scalar_type=t", 404},
		{http.MethodGet, "/v1/lookup?path=p", 200},
		{http.MethodGet, "/v1/lookup?path=q", 200},
		{http.MethodGet, "/v1/types", 200},
		{http.MethodGet, "/v1/status", 200},
		{http.MethodGet, "/v1/releases", 200},
		{http.MethodGet, "/v1/releases/1", 200},
		{http.MethodGet, "/v1/releases/2", 404},
		{http.MethodGet, "/v1/blobs/" + manifestOf(t, ask(h, http.MethodGet, "/v1/releases/1").Body.Bytes()), 200},
		{http.MethodGet, "/v1/blobs/x", 404},
		{http.MethodPost, "/-/reload", 200},
		{http.MethodGet, "/healthz", 200},
		{http.MethodGet, "/readyz", 200},
	} {
		r := httptest.NewRequest(tt.method, tt.target, nil)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		assert.Equal(t, tt.status, w.Code, tt.target)
		body := w.Body.String()
		valid, problems := check.ValidateHttpResponse(r, w.Result())
		assert.True(t, valid, "%s: %s", tt.target, body)
		for _, p := range problems {
			t.Log(p.Message, p.Reason, p.SchemaValidationErrors)
		}
	}
	// What holds responses against the document notices a wrong one.
	r := httptest.NewRequest(http.MethodGet, "/v1/datasets/full/t", nil)
	for _, body := range []string{`{}`, `{"shortName":1}`} {
		valid, _ := check.ValidateHttpResponse(r, &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body))})
		assert.False(t, valid, body)
	}
}

// TestOpenAPIRoutes checks that the routes of the document are those of the handler.
func TestOpenAPIRoutes(t *testing.T) {
	paths := func(h http.Handler) []string {
		var api struct {
			Paths map[string]map[string]struct{ OperationID string }
		}
		require.NoError(t, json.Unmarshal(ask(h, http.MethodGet, "/openapi.json").Body.Bytes(), &api))
		var all []string
		ids := map[string]bool{}
		for path, operations := range api.Paths {
			for method, op := range operations {
				all = append(all, strings.ToUpper(method)+" "+path)
				assert.False(t, ids[op.OperationID], "operation id %s is given twice", op.OperationID)
				ids[op.OperationID] = true
			}
		}
		return all
	}
	few := []string{
		"GET /healthz", "GET /model_info", "GET /neuron_datasets_metadata", "GET /readyz", "GET /v1/dataset", "GET /v1/datasets", "GET /v1/datasets/{short_name}",
		"GET /v1/datasets/{short_name}/{derived_scalar_type}", "GET /v1/events", "GET /v1/lookup", "GET /v1/releases", "GET /v1/releases/{number}", "GET /v1/blobs/{hash}", "GET /v1/resolve", "GET /v1/status", "GET /v1/types",
		"POST /model_info", "POST /neuron_datasets_metadata",
	}
	assert.ElementsMatch(t, few, paths(server.New(registry.New(), server.Options{})))
	assert.ElementsMatch(t, append(few, "POST /-/reload", "POST /neuron_record", "POST /attention_head_record", "POST /existing_explanations"), paths(everything(t)))
}

// TestDocs checks that the page for people fetches nothing.
func TestDocs(t *testing.T) {
	h := everything(t)
	w := ask(h, http.MethodGet, "/docs")
	assert.Equal(t, http.StatusOK, w.Code)
	assert.Equal(t, "text/html; charset=utf-8", w.Header().Get("Content-Type"))
	assert.Contains(t, w.Header().Get("Content-Security-Policy"), "default-src 'none'")
	page := w.Body.Bytes()
	assert.Contains(t, string(page), "GET /v1/datasets/{short_name}/{derived_scalar_type}")
	for _, fetched := range []string{"src=", "<link", "<script", "url(", "@import"} {
		assert.False(t, bytes.Contains(page, []byte(fetched)), fetched)
	}
}
