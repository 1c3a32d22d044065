package server_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/server"
)

// TestClosest checks the keys that a problem offers in place of a missing one.
func TestClosest(t *testing.T) {
	type offers struct{ Closest []registry.Key }
	h := server.New(builtinRegistry(t), server.Options{})
	for _, target := range []string{"/v1/datasets/gpt2-smal/mlp_post_act", "/v1/datasets/gpt2-smal", "/v1/resolve?dataset=gpt2-smal&derived_scalar_type=mlp_post_act"} {
		got := decode[offers](t, ask(h, http.MethodGet, target)).Closest
		assert.Contains(t, got, registry.Key{ShortName: "gpt2-small", DerivedScalarType: "mlp_post_act"}, target)
		assert.LessOrEqual(t, len(got), 10, target)
	}
	w := ask(h, http.MethodGet, "/nowhere")
	assert.NotContains(t, w.Body.String(), "closest")
	w = ask(server.New(registry.New(), server.Options{}), http.MethodGet, "/v1/datasets/a/b")
	assert.NotContains(t, w.Body.String(), "closest", "there are no datasets")
}
