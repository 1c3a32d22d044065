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

// TestRouterErrors checks that what the router refuses looks like every other error.
func TestRouterErrors(t *testing.T) {
	h := server.New(registry.New(), server.Options{})
	for _, tt := range []struct {
		method, path         string
		status               int
		code, message, allow string
	}{
		{http.MethodGet, "/", 404, "no_route", "no such route: /", ""},
		{http.MethodGet, "/v1/datasets/gpt2", 404, "no_route", "no such route: /v1/datasets/gpt2", ""},
		{http.MethodPost, "/-/reload", 404, "no_route", "no such route: /-/reload", ""}, // without Options.Reload
		{http.MethodPost, "/v1/status", 405, "method_not_allowed", "method not allowed: POST /v1/status; use GET, HEAD", "GET, HEAD"},
		{http.MethodDelete, "/neuron_datasets_metadata", 405, "method_not_allowed",
			"method not allowed: DELETE /neuron_datasets_metadata; use GET, HEAD, POST", "GET, HEAD, POST"},
		{http.MethodOptions, "/healthz", 405, "method_not_allowed", "method not allowed: OPTIONS /healthz; use GET, HEAD", "GET, HEAD"},
	} {
		w := ask(h, tt.method, tt.path)
		assert.Equal(t, tt.status, w.Code, tt.path)
		assert.Equal(t, tt.allow, w.Header().Get("Allow"), tt.path)
		assert.Equal(t, "application/json", w.Header().Get("Content-Type"), tt.path)
		var body map[string]string
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &body), tt.path)
		assert.Equal(t, map[string]string{"code": tt.code, "message": tt.message}, body, tt.path)
	}
	w := ask(h, http.MethodGet, "/no//where")
	assert.Equal(t, "/no/where", w.Header().Get("Location"), "a path that is not clean")
	w = ask(h, http.MethodGet, "/v1//status")
	assert.Equal(t, "/v1/status", w.Header().Get("Location"), "a path that is not clean")
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
