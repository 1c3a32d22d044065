package server

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"html/template"
	"net/http"
	"sync"

	"github.com/danielgtaylor/huma/v2"
)

// openAPI returns the description of the API for programs. It is built when it is needed: few
// processes are asked for it.
func (h *Handler) openAPI() []byte {
	d, routes := h.operations()
	api := &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{Title: "neurondex", Version: "1",
			Description: "Which neuron datasets exist. Errors under /v1 are problems as RFC 9457 describes them. GET routes answer HEAD as well."},
		Components: &huma.Components{Schemas: d.schemas},
	}
	for i := range routes {
		api.AddOperation(&routes[i].Operation)
	}
	b, err := json.Marshal(api)
	if err != nil {
		panic(err) // of what this package describes
	}
	return append(b, '\n')
}

//go:embed docs.html.tmpl
var docsText string

var docsTemplate = template.Must(template.New("docs").Parse(docsText))

// docs returns the page that describes the API for people. It fetches nothing.
func (h *Handler) docs() []byte {
	_, routes := h.operations()
	var b bytes.Buffer
	if err := docsTemplate.Execute(&b, routes); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// A static is a body that does not depend on the registry.
type static struct {
	body *body
	tags func() *tags
}

func newStatic(contentType string, render func() []byte) *static {
	b := newBody(contentType, render)
	return &static{b, sync.OnceValue(func() *tags { return tagsOf(b.encoded[identity]()) })}
}

// ServeHTTP implements [http.Handler].
func (s *static) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	serveBody(w, r, s.tags(), s.body)
}
