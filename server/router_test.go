package server_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/server"
)

// TestRouterErrors checks what a request gets that no route answers.
func TestRouterErrors(t *testing.T) {
	h := server.New(registry.New(), server.Options{})
	for _, tt := range []struct {
		method, path        string
		status              int
		code, detail, allow string
	}{
		{http.MethodGet, "/", 404, "no_route", "no such route: /", ""},
		{http.MethodGet, "/v1/", 404, "no_route", "no such route: /v1/", ""},
		{http.MethodGet, "/v1/datasets/", 404, "no_route", "no such route: /v1/datasets/", ""},
		{http.MethodGet, "/v1/datasets//a", 404, "no_route", "no such route: /v1/datasets//a", ""},
		{http.MethodGet, "/v1/datasets/a/", 404, "no_route", "no such route: /v1/datasets/a/", ""},
		{http.MethodGet, "/v1/datasets/a/b/c", 404, "no_route", "no such route: /v1/datasets/a/b/c", ""},
		{http.MethodGet, "/v1//status", 404, "no_route", "no such route: /v1//status", ""},
		{http.MethodGet, "/v1/datasets/../status", 404, "not_found", `no neuron dataset for ("..", "status"). There are no datasets.`, ""},
		{http.MethodPost, "/-/reload", 404, "no_route", "no such route: /-/reload", ""}, // without Options.Reload
		{http.MethodPost, "/neuron_record", 404, "", "no such route: /neuron_record", ""},
		{http.MethodPost, "/model_info", 404, "", "this server has no model information", ""},
		{http.MethodPost, "/v1/status", 405, "method_not_allowed", "method not allowed: POST /v1/status; use GET, HEAD", "GET, HEAD"},
		{http.MethodDelete, "/v1/datasets/a/b", 405, "method_not_allowed", "method not allowed: DELETE /v1/datasets/a/b; use GET, HEAD", "GET, HEAD"},
		{http.MethodDelete, "/neuron_datasets_metadata", 405, "",
			"method not allowed: DELETE /neuron_datasets_metadata; use GET, HEAD, POST", "GET, HEAD, POST"},
		{http.MethodOptions, "/healthz", 405, "method_not_allowed", "method not allowed: OPTIONS /healthz; use GET, HEAD", "GET, HEAD"},
	} {
		w := ask(h, tt.method, tt.path)
		assert.Equal(t, tt.status, w.Code, tt.path)
		assert.Equal(t, tt.allow, w.Header().Get("Allow"), tt.path)
		assert.Equal(t, "no-store", w.Header().Get("Cache-Control"), tt.path)
		assert.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"), tt.path)
		assert.Empty(t, w.Header().Get("Location"), tt.path)
		want := map[string]any{"message": tt.detail}
		contentType := "application/json"
		if tt.code != "" {
			contentType = "application/problem+json"
			want = map[string]any{"type": "about:blank", "title": http.StatusText(tt.status), "status": float64(tt.status), "code": tt.code, "detail": tt.detail}
		}
		assert.Equal(t, contentType, w.Header().Get("Content-Type"), tt.path)
		var body map[string]any
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &body), tt.path)
		assert.Equal(t, want, body, tt.path)
	}
}

func TestCheckOrigin(t *testing.T) {
	for _, origin := range []string{"https://viewer.example", "http://viewer.example:8080", "http://127.0.0.1:8080", "http://[::1]:3000", "chrome-extension://abc", "https://a_b.example"} {
		assert.NoError(t, server.CheckOrigin(origin), origin)
	}
	for origin, want := range map[string]string{
		"a.example":                    `must have the form scheme://host[:port], like https://viewer.example, not "a.example"`,
		"*":                            `must have the form scheme://host[:port], like https://viewer.example, not "*"`,
		"":                             `not ""`,
		"null":                         `not "null"`,
		"a.example:8080":               `not "a.example:8080"`,
		"//a.example":                  `not "//a.example"`,
		"https://":                     `not "https://"`,
		"https://:80":                  `not "https://:80"`,
		"https://*.example":            `not "https://*.example"`,
		"https://a.example b.example":  `must have the form`,
		"https://bücher.example":       `must have the form`,
		"https://user@a.example":       `must be "https://a.example", as browsers send it, not "https://user@a.example"`,
		"https://a.example/":           `must be "https://a.example", as browsers send it, not "https://a.example/"`,
		"https://a.example/viewer?x#y": `must be "https://a.example"`,
		"HTTPS://A.example":            `must be "https://a.example"`,
		"https://a.example:443":        `must be "https://a.example"`,
		"http://a.example:80":          `must be "http://a.example"`,
		"http://[::1]:80":              `must be "http://[::1]"`,
		"http://a.example:":            `must be "http://a.example"`,
	} {
		assert.ErrorContains(t, server.CheckOrigin(origin), want)
	}
}
