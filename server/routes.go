package server

import (
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/neurondex/neurondex/internal/query"
)

// maxLimit is the length of the longest page.
const maxLimit = 1000

// The parameters of the routes. They are both described and checked.
var (
	keyParameters = []*huma.Param{
		required(text("short_name", "The short name of the dataset.")),
		required(text("derived_scalar_type", "Its kind of scalar.")),
	}
	listParameters = []*huma.Param{
		text("short_name", "Only datasets of this short name."),
		text("derived_scalar_type", "Only datasets of this kind of scalar."),
		text("model", "Only datasets of this language model."),
		text("tag", "Only datasets with this tag."),
		text("q", "Only datasets whose short name or user-visible name contains these words, in any case."),
		oneOf("sort", "The order; the registry's own if not given. A minus reverses it.", query.Sorts),
		number("limit", "The largest number of datasets of a page; no limit if not given.", 1, maxLimit),
		text("cursor", "Where the page begins: next of the page before. A cursor into a state that is gone is an error, 410."),
		header("If-None-Match", "Tags of what the client has; the response is 304 if it has this."),
		header("Prefer", "wait=30: with If-None-Match, wait so many seconds for other content, at most 300."),
	}
	waitParameters = []*huma.Param{
		header("If-None-Match", "Tags of what the client has; the response is 304 if it has this."),
		header("Prefer", "wait=30: with If-None-Match, wait so many seconds for others, at most 300."),
	}
	resolveParameters = []*huma.Param{
		required(text("dataset", "A short name, or a path that begins with https://.")),
		text("derived_scalar_type", "The kind of scalar; required for a short name."),
	}
	lookupParameters = []*huma.Param{required(text("path", "The path of datasets. A slash at its end does not matter."))}
)

func text(name, doc string) *huma.Param {
	return &huma.Param{Name: name, In: "query", Description: doc, Schema: &huma.Schema{Type: huma.TypeString}}
}

func header(name, doc string) *huma.Param {
	p := text(name, doc)
	p.In = "header"
	return p
}

func path(name, doc string) *huma.Param {
	p := required(text(name, doc))
	p.In = "path"
	return p
}

func required(p *huma.Param) *huma.Param {
	p.Required = true
	return p
}

func oneOf(name, doc string, values []string) *huma.Param {
	p := text(name, doc)
	for _, v := range values {
		p.Schema.Enum = append(p.Schema.Enum, v)
	}
	return p
}

func number(name, doc string, least, most float64) *huma.Param {
	p := text(name, doc)
	p.Schema = &huma.Schema{Type: huma.TypeInteger, Minimum: &least, Maximum: &most}
	return p
}

// routes returns every route of the handler.
func (h *Handler) routes() []route {
	_, all := h.operations()
	add := func(path string, serve http.Handler) {
		all = append(all, route{Operation: huma.Operation{Method: http.MethodGet, Path: path}, serve: serve.ServeHTTP})
	}
	if h.options.Metrics != nil {
		add("/metrics", h.options.Metrics)
	}
	add("/openapi.json", newStatic("application/openapi+json", h.openAPI))
	docs := newStatic("text/html; charset=utf-8", h.docs)
	add("/docs", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'")
		docs.ServeHTTP(w, r)
	}))
	return all
}

// operations returns the routes of the API, and what describes them.
func (h *Handler) operations() (describer, []route) {
	d := newDescriber()
	all := h.viewerRoutes(d)
	add := func(method, path, id, summary string, parameters []*huma.Param, answers map[string]*huma.Response, serve http.HandlerFunc) {
		all = append(all, route{Operation: huma.Operation{Method: method, Path: path, OperationID: id, Summary: summary, Parameters: parameters, Responses: answers}, serve: serve})
	}
	shortName := path("short_name", "The short name, percent-encoded.")
	list := func() *huma.Response { return d.json("Datasets.", reflect.TypeFor[datasetList]()) }
	one := func() *huma.Response { return d.json("The dataset.", reflect.TypeFor[dataset]()) }

	add(http.MethodGet, datasetsPath, "list-datasets", "Every dataset, or a page of those that a query selects", listParameters,
		conditional(d.answers(list(), 400, 410, 503)), h.list)
	add(http.MethodGet, namedPath, "list-datasets-of-name", "Every dataset of a short name", []*huma.Param{shortName},
		conditional(d.answers(list(), 400, 404)), h.withoutParameters(h.named))
	add(http.MethodGet, datasetPath, "get-dataset", "One dataset", []*huma.Param{shortName, path("derived_scalar_type", "The kind of scalar, percent-encoded.")},
		conditional(d.answers(one(), 400, 404)), h.withoutParameters(h.dataset))
	add(http.MethodGet, "/v1/dataset", "get-dataset-by-query", "One dataset, for clients that cannot put its names into a path, such as browsers with \"..\"", keyParameters,
		conditional(d.answers(one(), 400, 404)), h.datasetByQuery)
	add(http.MethodGet, "/v1/resolve", "resolve", "The path of a dataset", resolveParameters,
		conditional(d.answers(d.json("The path.", reflect.TypeFor[resolved]()), 400, 404)), h.resolve)
	add(http.MethodGet, "/v1/lookup", "lookup", "Every dataset that has a path", lookupParameters, conditional(d.answers(list(), 400)), h.lookup)
	types := newStatic("application/json", typesJSON)
	add(http.MethodGet, "/v1/types", "list-types", "Every known kind of scalar, and its properties", nil,
		conditional(d.answers(d.json("The kinds of scalar.", reflect.TypeFor[typeList]()), 400)), h.withoutParameters(types.ServeHTTP))
	add(http.MethodGet, "/v1/status", "get-status", "The state of the registry and of every document", nil,
		d.answers(d.json("The state.", reflect.TypeFor[status]()), 400), h.withoutParameters(h.status))
	stream := d.content("A stream of events without names. The data of each is a JSON object whose type is snapshot, change, reset, documents or bye: "+
		"see the schemas SnapshotMessage, Change, ResetMessage, Documents and ByeMessage.", "text/event-stream", &huma.Schema{Type: huma.TypeString})
	add(http.MethodGet, "/v1/events", "follow-events", "The state, and then every change, as Server-Sent Events",
		[]*huma.Param{header("Last-Event-ID", "The id of the last event that the client has; the stream goes on after it if it can, and begins with a reset otherwise.")},
		d.answers(stream, 400, 503), h.withoutParameters(h.events))
	all = append(all, h.releaseRoutes(d)...)
	if h.options.Reload != nil {
		add(http.MethodPost, "/-/reload", "reload", "Reads everything again; responds once it is served, with what changed", nil,
			d.answers(d.json("What changed.", reflect.TypeFor[reloaded]()), 403, 409, 422, 503, 504), h.sameOrigin(h.reload))
	}
	health := func(description string) *huma.Response { return d.json(description, reflect.TypeFor[healthStatus]()) }
	add(http.MethodGet, "/healthz", "get-health", "Whether the process responds", nil, d.answers(health("It does.")), h.healthz)
	add(http.MethodGet, "/readyz", "get-readiness", "Whether the datasets are loaded and the server is not about to stop", nil,
		d.answers(health("They are."), 503), h.readyz)
	return d, all
}

// viewerRoutes returns the routes that the public neuron viewer asks.
func (h *Handler) viewerRoutes(d describer) []route {
	var all []route
	add := func(method, path, id, summary string, answers map[string]*huma.Response, serve http.HandlerFunc) {
		all = append(all, route{Operation: huma.Operation{Method: method, Path: path, OperationID: id, Summary: summary, Responses: answers}, serve: serve})
	}
	for _, method := range []string{http.MethodPost, http.MethodGet} {
		verb := map[string]string{http.MethodPost: "read", http.MethodGet: "get"}[method]
		metadata := d.json("Every dataset.", reflect.TypeFor[[]neuronDatasetMetadata]())
		metadata.Content["application/json"].Schema.Nullable = false
		answers := d.withMessages(metadata)
		if method == http.MethodGet {
			answers = conditional(answers)
		}
		add(method, "/neuron_datasets_metadata", verb+"-neuron_datasets_metadata", "What the public neuron viewer shows of every dataset", answers, h.metadata)
		if h.options.ModelInfo != nil || h.upstream == nil {
			info := &huma.Response{Description: "What is known of the model.", Content: map[string]*huma.MediaType{"application/json": {}}}
			add(method, "/model_info", verb+"-model_info", "Information about the model", d.withMessages(info, 404), h.modelInfo)
		}
	}
	if h.options.Records != nil {
		for _, path := range recordPaths {
			record := &huma.Response{Description: "What is stored.", Content: map[string]*huma.MediaType{"application/json": {}}}
			add(http.MethodPost, path, "read-"+path[1:], "What is stored for a neuron or an attention head", d.withMessages(record), h.options.Records.ServeHTTP)
		}
	}
	return all
}
