package server

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/neurondex/neurondex/internal/query"
	"github.com/neurondex/neurondex/registry"
)

// list responds with every dataset, or with a page of those that the query selects. With
// Prefer: wait=30 and If-None-Match it waits until they are others than the client has.
//
//	curl 'http://127.0.0.1:8000/v1/datasets?model=gpt2-small&limit=100'
func (h *Handler) list(w http.ResponseWriter, r *http.Request) {
	values, err := parameters(r, listParameters)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	st := h.state()
	if wait, e := preferredWait(r), negotiate(r); wait > 0 && matches(r, &st.tags[e]) {
		err := h.await(w, r, wait, func() (<-chan struct{}, bool) {
			changed := h.feed.log.Changed() // before the state is read, so that no change is missed
			st = h.state()
			return changed, matches(r, &st.tags[e])
		})
		if err != nil {
			h.fail(w, r, err)
			return
		}
	}
	if len(values) == 0 {
		serveBody(w, r, st.tags, st.list)
		return
	}
	limit, _ := strconv.Atoi(values.Get("limit")) // 0 if not given
	q := query.Query{
		ShortName:         values.Get("short_name"),
		DerivedScalarType: registry.DerivedScalarType(values.Get("derived_scalar_type")),
		Model:             values.Get("model"),
		Tag:               values.Get("tag"),
		Text:              values.Get("q"),
		Sort:              values.Get("sort"),
		Limit:             limit,
		Cursor:            values.Get("cursor"),
	}
	switch err := st.view.Check(q); {
	case errors.Is(err, query.ErrCursor):
		h.fail(w, r, &parameterError{"cursor", err.Error()})
	case err != nil:
		h.fail(w, r, err)
	default:
		serveBody(w, r, st.tags, st.page(q))
	}
}

// named responds with every dataset of a short name.
//
//	curl http://127.0.0.1:8000/v1/datasets/gpt2-small
func (h *Handler) named(w http.ResponseWriter, r *http.Request) {
	st := h.state()
	name, _ := datasetNames(r)
	var all []registry.Dataset
	for d := range st.snapshot.Named(name) {
		all = append(all, d)
	}
	if len(all) == 0 {
		h.fail(w, r, &registry.NotFoundError{Key: registry.Key{ShortName: name}, Snapshot: st.snapshot})
		return
	}
	h.serveDatasets(w, r, st, all)
}

// dataset responds with one dataset, or with 404 and the available ones.
//
//	curl http://127.0.0.1:8000/v1/datasets/gpt2-small/mlp_post_act
func (h *Handler) dataset(w http.ResponseWriter, r *http.Request) {
	name, typ := datasetNames(r)
	h.serveDataset(w, r, name, typ)
}

// datasetByQuery is the route of a dataset for clients that cannot put its names into a path,
// as browsers cannot with "..".
//
//	curl 'http://127.0.0.1:8000/v1/dataset?short_name=gpt2-small&derived_scalar_type=mlp_post_act'
func (h *Handler) datasetByQuery(w http.ResponseWriter, r *http.Request) {
	values, err := parameters(r, keyParameters)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.serveDataset(w, r, values.Get("short_name"), values.Get("derived_scalar_type"))
}

func (h *Handler) serveDataset(w http.ResponseWriter, r *http.Request, name, typ string) {
	st := h.state()
	d, err := st.snapshot.Get(name, registry.DerivedScalarType(typ))
	if err != nil {
		h.fail(w, r, err)
		return
	}
	if isNotModified(w, r, &st.tags[identity]) {
		return
	}
	writeJSON(w, append(d.AppendJSON(make([]byte, 0, 512)), '\n'))
}

// resolve responds with the path of a dataset. What is a path already stays as it is.
//
//	curl 'http://127.0.0.1:8000/v1/resolve?dataset=gpt2-small&derived_scalar_type=mlp_post_act'
func (h *Handler) resolve(w http.ResponseWriter, r *http.Request) {
	values, err := parameters(r, resolveParameters)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	st, dataset, typ := h.state(), values.Get("dataset"), values.Get("derived_scalar_type")
	if typ == "" && !strings.HasPrefix(dataset, "https://") {
		h.fail(w, r, &parameterError{"derived_scalar_type", "is required, unless the dataset is a path that begins with https://"})
		return
	}
	path, err := st.snapshot.Resolve(dataset, registry.DerivedScalarType(typ))
	if err != nil {
		h.fail(w, r, err)
		return
	}
	if isNotModified(w, r, &st.tags[identity]) {
		return
	}
	b := registry.StringValue(path).AppendJSON([]byte(`{"neuronDatasetPath":`))
	writeJSON(w, append(b, "}\n"...))
}

// lookup responds with every dataset that has a path, but for a trailing slash: with an empty
// list if there is none.
//
//	curl 'http://127.0.0.1:8000/v1/lookup?path=https://store.example/gpt2-small'
func (h *Handler) lookup(w http.ResponseWriter, r *http.Request) {
	values, err := parameters(r, lookupParameters)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	st, path := h.state(), strings.TrimSuffix(values.Get("path"), "/")
	var all []registry.Dataset
	for d := range st.snapshot.All() {
		if strings.TrimSuffix(d.NeuronDatasetPath(), "/") == path {
			all = append(all, d)
		}
	}
	h.serveDatasets(w, r, st, all)
}

// serveDatasets responds with a list of datasets.
func (h *Handler) serveDatasets(w http.ResponseWriter, r *http.Request, st *state, all []registry.Dataset) {
	serveBody(w, r, st.tags, newBody("application/json", func() []byte { return appendDatasets(st.snapshot, all, "") }))
}
