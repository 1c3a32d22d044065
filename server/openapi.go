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

// A document describes the API, for programs and for people.
type document struct {
	routes []route
	json   func() []byte
	page   *static
}

func (h *Handler) document(d describer, routes []route) *document {
	doc := &document{routes: routes}
	doc.json = func() []byte {
		api := &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{Title: "neurondex", Version: "1",
				Description: "Which neuron datasets exist. Errors under /v1 are problems as RFC 9457 describes them. GET routes answer HEAD as well."},
			Components: &huma.Components{Schemas: d.schemas},
		}
		for i := range routes {
			op := routes[i].Operation
			api.AddOperation(&op)
		}
		b, err := json.Marshal(api)
		if err != nil {
			panic(err) // of what this package describes
		}
		return append(b, '\n')
	}
	doc.page = newStatic("text/html; charset=utf-8", func() []byte {
		var b bytes.Buffer
		if err := docsTemplate.Execute(&b, routes); err != nil {
			panic(err)
		}
		return b.Bytes()
	})
	return doc
}

//go:embed docs.html.tmpl
var docsText string

var docsTemplate = template.Must(template.New("docs").Parse(docsText))

// servePage responds with the document for people. It fetches nothing.
func (d *document) servePage(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'")
	d.page.ServeHTTP(w, r)
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
