package server_test

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/server"
)

// put replaces a document of a registry. Datasets are written as name/type=path.
func put(tb testing.TB, reg *registry.Registry, document string, datasets ...string) registry.Update {
	tb.Helper()
	doc := registry.Document{Name: document}
	for _, d := range datasets {
		at := strings.LastIndex(strings.TrimRight(d, "/"), "/")
		typ, path, _ := strings.Cut(d[at+1:], "=")
		doc.Datasets = append(doc.Datasets, registry.Spec{
			ShortName: d[:at], DerivedScalarType: registry.DerivedScalarType(typ), UserVisibleName: "N", NeuronDatasetPath: "p" + path,
		})
	}
	u, err := reg.Apply(registry.Change{Put: []registry.Document{doc}})
	require.NoError(tb, err)
	return u
}

// A list is the body of a list of datasets.
type list struct {
	Hash     string
	Datasets []map[string]any
	Next     string
}

func (l list) names() string {
	var names []string
	for _, d := range l.Datasets {
		names = append(names, d["shortName"].(string))
	}
	return strings.Join(names, " ")
}

func decode[T any](t *testing.T, w *httptest.ResponseRecorder) T {
	t.Helper()
	var v T
	d := json.NewDecoder(w.Body)
	require.NoError(t, d.Decode(&v))
	require.ErrorIs(t, d.Decode(&v), io.EOF, "one body")
	return v
}

// A problem is the body of an error.
type problem struct {
	Type, Title             string
	Status                  int
	Detail, Code, Parameter string
}

func TestList(t *testing.T) {
	reg := builtinRegistry(t)
	h := server.New(reg, server.Options{})
	w := ask(h, http.MethodGet, "/v1/datasets")
	assert.Equal(t, http.StatusOK, w.Code)
	assert.Equal(t, "application/json", w.Header().Get("Content-Type"))
	assert.Equal(t, "no-cache", w.Header().Get("Cache-Control"))
	assert.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
	assert.Equal(t, "Accept-Encoding", w.Header().Get("Vary"))
	assert.Equal(t, `"`+reg.Snapshot().Hash().String()+`"`, w.Header().Get("ETag"))
	body := w.Body.String()
	got := decode[list](t, w)
	assert.Equal(t, reg.Snapshot().Hash().String(), got.Hash)
	assert.Len(t, got.Datasets, 9)

	// Another process with the same content after other changes responds with the same.
	other := registry.New()
	put(t, other, "x", "a/b")
	_, err := other.Apply(registry.Change{Remove: []string{"x"}})
	require.NoError(t, err)
	for name, n := range reg.Snapshot().Documents() {
		doc := registry.Document{Name: name}
		for d := range reg.Snapshot().All() {
			if d.Document() == name {
				doc.Datasets = append(doc.Datasets, d.Spec())
			}
		}
		require.Len(t, doc.Datasets, n)
		_, err := other.Apply(registry.Change{Put: []registry.Document{doc}})
		require.NoError(t, err)
	}
	again := ask(server.New(other, server.Options{}), http.MethodGet, "/v1/datasets")
	assert.Equal(t, body, again.Body.String())
	assert.Equal(t, w.Header().Get("ETag"), again.Header().Get("ETag"))
}

func TestPages(t *testing.T) {
	reg := registry.New()
	put(t, reg, "a", "a/t", "b/t", "b/u", "c/t", "d/u")
	h := server.New(reg, server.Options{})
	names := func(query string) string {
		return decode[list](t, ask(h, http.MethodGet, "/v1/datasets?"+query)).names()
	}
	assert.Equal(t, "b b", names("short_name=b"))
	assert.Equal(t, "b d", names("derived_scalar_type=u"))
	assert.Equal(t, "d c b b a", names("sort=-short_name"))
	assert.Equal(t, "a b", names("limit=2"))
	assert.Equal(t, "c", names("q=C"))
	assert.Empty(t, names("model=none"))
	assert.Empty(t, names("tag=none"))
	assert.Contains(t, ask(h, http.MethodGet, "/v1/datasets?tag=none").Body.String(), `"datasets":[]}`)

	first := decode[list](t, ask(h, http.MethodGet, "/v1/datasets?limit=2"))
	require.NotEmpty(t, first.Next)
	second := decode[list](t, ask(h, http.MethodGet, "/v1/datasets?limit=2&cursor="+first.Next))
	assert.Equal(t, "b c", second.names())
	third := decode[list](t, ask(h, http.MethodGet, "/v1/datasets?limit=2&cursor="+second.Next))
	assert.Equal(t, "d", third.names())
	assert.Empty(t, third.Next)

	put(t, reg, "b", "e/t")
	w := ask(h, http.MethodGet, "/v1/datasets?limit=2&cursor="+second.Next)
	assert.Equal(t, http.StatusGone, w.Code)
	assert.Equal(t, problem{"about:blank", "Gone", 410, "cursor belongs to a state that is gone; start again without it", "cursor_gone", ""}, decode[problem](t, w))
	_, err := reg.Apply(registry.Change{Remove: []string{"b"}})
	require.NoError(t, err)
	assert.Equal(t, "d", names("limit=2&cursor="+second.Next), "the state is back")
}

func TestInvalidQueries(t *testing.T) {
	h := server.New(builtinRegistry(t), server.Options{})
	for target, want := range map[string]struct{ parameter, detail string }{
		"/v1/datasets?shortname=a":       {"shortname", "shortname: unknown query parameter (did you mean short_name?)"},
		"/v1/datasets?Limit=1":           {"Limit", "Limit: unknown query parameter (did you mean limit?)"},
		"/v1/datasets?colour=red":        {"colour", "colour: unknown query parameter; use short_name, derived_scalar_type, model, tag, q, sort, limit, cursor"},
		"/v1/datasets?Prefer=wait":       {"Prefer", "Prefer: unknown query parameter; use short_name, derived_scalar_type, model, tag, q, sort, limit, cursor"},
		"/v1/datasets?limit=0":           {"limit", `limit: must be a number between 1 and 1000, not "0"`},
		"/v1/datasets?limit=1001":        {"limit", `limit: must be a number between 1 and 1000, not "1001"`},
		"/v1/datasets?limit=x":           {"limit", `limit: must be a number between 1 and 1000, not "x"`},
		"/v1/datasets?model=":            {"model", "model: must not be empty"},
		"/v1/datasets?model=a&model=b":   {"model", "model: is given more than once"},
		"/v1/datasets?sort=path":         {"sort", `sort: must be one of short_name derived_scalar_type user_visible_name model layers nodes_per_layer record_format document -short_name -derived_scalar_type -user_visible_name -model -layers -nodes_per_layer -record_format -document, not "path"`},
		"/v1/datasets?cursor=x":          {"cursor", "cursor: cursor is malformed or belongs to another query"},
		"/v1/datasets?a;b":               {"", "invalid query: invalid semicolon separator in query"},
		"/v1/datasets/a?limit=1":         {"limit", "limit: unknown query parameter; this route has none"},
		"/v1/datasets/a/b?x=1":           {"x", "x: unknown query parameter; this route has none"},
		"/v1/status?x":                   {"x", "x: unknown query parameter; this route has none"},
		"/v1/types?x":                    {"x", "x: unknown query parameter; this route has none"},
		"/v1/events?x":                   {"x", "x: unknown query parameter; this route has none"},
		"/v1/dataset?short_name=a":       {"derived_scalar_type", "derived_scalar_type: is required"},
		"/v1/resolve":                    {"dataset", "dataset: is required"},
		"/v1/resolve?dataset=gpt2-small": {"derived_scalar_type", "derived_scalar_type: is required, unless the dataset is a path that begins with https://"},
		"/v1/lookup":                     {"path", "path: is required"},
		"/v1/lookup?pathh=x":             {"pathh", "pathh: unknown query parameter (did you mean path?)"},
	} {
		w := ask(h, http.MethodGet, target)
		assert.Equal(t, http.StatusBadRequest, w.Code, target)
		assert.Equal(t, "application/problem+json", w.Header().Get("Content-Type"), target)
		assert.Equal(t, problem{"about:blank", "Bad Request", 400, want.detail, "invalid_parameter", want.parameter}, decode[problem](t, w), target)
	}
}

// TestNames checks that a name may hold any character.
func TestNames(t *testing.T) {
	for _, name := range []string{"a", ".", "..", "a/b", "/", "//", "a/../b", "%", "%2F", "a b", "?", "#", "a+b", "ü", ";", "&=", `"`, "\\", ":", "*", "{x}", "\x00", "\xff"} {
		reg := registry.New()
		put(t, reg, "a", name+"/"+"t", "a/other")
		server := httptest.NewServer(server.New(reg, server.Options{}))
		client := server.Client()
		client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		escaped := url.PathEscape(name)
		if strings.Trim(name, ".") == "" {
			escaped = strings.ReplaceAll(name, ".", "%2E")
		}
		for _, target := range []string{
			"/v1/datasets/" + escaped + "/t",
			"/v1/dataset?short_name=" + url.QueryEscape(name) + "&derived_scalar_type=t",
		} {
			resp, err := client.Get(server.URL + target)
			require.NoError(t, err)
			var got struct{ ShortName, DerivedScalarType string }
			assert.NoError(t, json.NewDecoder(resp.Body).Decode(&got), target)
			resp.Body.Close()
			assert.Equal(t, http.StatusOK, resp.StatusCode, target)
			assert.Equal(t, []string{strings.ToValidUTF8(name, "\ufffd"), "t"}, []string{got.ShortName, got.DerivedScalarType}, target)
		}
		resp, err := client.Get(server.URL + "/v1/datasets/" + escaped)
		require.NoError(t, err)
		assert.Equal(t, http.StatusOK, resp.StatusCode, name)
		resp.Body.Close()
		server.Close()
	}
}

func TestNotFound(t *testing.T) {
	h := server.New(builtinRegistry(t), server.Options{})
	for target, want := range map[string][]string{
		"/v1/datasets/gpt2-small_undefined/mlp_autoencoder_latent":       {`("gpt2-xl", "mlp_post_act"), ("gpt2-small", "mlp_post_act")`, "mlp autoencoder name"},
		"/v1/datasets/gpt2-smal/mlp_post_act":                            {`Did you mean ("gpt2-small", "mlp_post_act")?`},
		"/v1/datasets/gpt2-smal":                                         {`no neuron dataset for "gpt2-smal". `, `Did you mean ("gpt2-small", `},
		"/v1/resolve?dataset=gpt2-smal&derived_scalar_type=mlp_post_act": {`Did you mean ("gpt2-small", "mlp_post_act")?`},
	} {
		w := ask(h, http.MethodGet, target, "If-None-Match", "*")
		assert.Equal(t, http.StatusNotFound, w.Code, target)
		got := decode[problem](t, w)
		assert.Equal(t, "not_found", got.Code)
		for _, text := range want {
			assert.Contains(t, got.Detail, text, target)
		}
	}
}

func TestResolveAndLookup(t *testing.T) {
	reg := registry.New()
	put(t, reg, "a", "a/t=1", "b/t=2/", "c/u=2")
	h := server.New(reg, server.Options{})
	assert.JSONEq(t, `{"neuronDatasetPath":"p1"}`, ask(h, http.MethodGet, "/v1/resolve?dataset=a&derived_scalar_type=t").Body.String())
	assert.JSONEq(t, `{"neuronDatasetPath":"https://x/y"}`, ask(h, http.MethodGet, "/v1/resolve?dataset=https://x/y").Body.String())
	for path, want := range map[string]string{"p1": "a", "p1/": "a", "p2": "b c", "p2/": "b c", "p": "", "p2//": ""} {
		assert.Equal(t, want, decode[list](t, ask(h, http.MethodGet, "/v1/lookup?path="+path)).names(), path)
	}
	types := decode[struct{ Types []map[string]any }](t, ask(h, http.MethodGet, "/v1/types")).Types
	assert.Len(t, types, 106)
	assert.Equal(t, "mlp_neuron", types[3]["nodeType"], types[3])
}

// TestConditional checks the tags of everything that depends on the content alone.
func TestConditional(t *testing.T) {
	reg := builtinRegistry(t)
	h := server.New(reg, server.Options{})
	for _, target := range []string{
		"/neuron_datasets_metadata", "/v1/datasets", "/v1/datasets?limit=3", "/v1/datasets/gpt2-small", "/v1/datasets/gpt2-small/mlp_post_act",
		"/v1/dataset?short_name=gpt2-small&derived_scalar_type=mlp_post_act", "/v1/resolve?dataset=gpt2-small&derived_scalar_type=mlp_post_act",
		"/v1/lookup?path=x", "/v1/types", "/openapi.json", "/docs",
	} {
		for _, accept := range []string{"", "gzip", "zstd"} {
			w := ask(h, http.MethodGet, target, "Accept-Encoding", accept)
			require.Equal(t, http.StatusOK, w.Code, target)
			tag, encoding := w.Header().Get("ETag"), w.Header().Get("Content-Encoding")
			require.Regexp(t, `^"[0-9a-f]+(-gzip|-zstd)?"$`, tag, target)
			if encoding != "" {
				assert.Equal(t, accept, encoding)
				assert.Contains(t, tag, "-"+accept)
			}
			for header, hit := range map[string]bool{
				tag: true, "W/" + tag: true, "*": true, " * ": true, `"x", W/` + tag: true, `"x,` + tag + `": "`: false, `"a,b" ,, ` + tag: true,
				`"x"`: false, "": false, tag[1:]: false, tag + "x": true, `"` + tag: false, `*, "x"`: false, "w/" + tag: false, strings.Replace(tag, `"`, `"0`, 1): false,
			} {
				for _, method := range []string{http.MethodGet, http.MethodHead} {
					again := ask(h, method, target, "Accept-Encoding", accept, "If-None-Match", header)
					if !hit {
						assert.Equal(t, http.StatusOK, again.Code, "%s %s", target, header)
						continue
					}
					assert.Equal(t, http.StatusNotModified, again.Code, "%s %s", target, header)
					assert.Empty(t, again.Body.String())
					assert.Empty(t, again.Header().Get("Content-Type"))
					assert.Equal(t, tag, again.Header().Get("ETag"))
					assert.Equal(t, w.Header().Get("Vary"), again.Header().Get("Vary"))
				}
			}
		}
	}
	tag := ask(h, http.MethodGet, "/v1/datasets").Header().Get("ETag")
	assert.Equal(t, http.StatusOK, ask(h, http.MethodGet, "/v1/datasets", "If-None-Match", tag, "Accept-Encoding", "gzip").Code, "the tag of another encoding")
	assert.Equal(t, http.StatusOK, ask(h, http.MethodPost, "/neuron_datasets_metadata", "If-None-Match", "*").Code)
	put(t, reg, "x", "a/t")
	assert.Equal(t, http.StatusOK, ask(h, http.MethodGet, "/v1/datasets", "If-None-Match", tag).Code)
}

func TestEncodings(t *testing.T) {
	h := server.New(builtinRegistry(t), server.Options{})
	want := ask(h, http.MethodGet, "/v1/datasets").Body.String()
	for accept, encoding := range map[string]string{
		"gzip": "gzip", "x-gzip": "gzip", "zstd": "zstd", "gzip, zstd": "zstd", "zstd;q=0.5, gzip": "gzip", "GZIP ; Q=0.2": "gzip", "*": "zstd",
		"gzip;q=0": "", "br": "", "identity": "", "identity, gzip;q=0.5": "", "identity;q=0.1, gzip;q=0.5": "gzip", "*;q=0, gzip": "gzip", "gzip;q=x": "", ",": "",
	} {
		w := ask(h, http.MethodGet, "/v1/datasets", "Accept-Encoding", accept)
		assert.Equal(t, encoding, w.Header().Get("Content-Encoding"), accept)
		assert.Equal(t, "Accept-Encoding", w.Header().Get("Vary"), accept)
		var r io.Reader = w.Body
		switch encoding {
		case "gzip":
			unzip, err := gzip.NewReader(w.Body)
			require.NoError(t, err)
			r = unzip
		case "zstd":
			d, err := zstd.NewReader(w.Body)
			require.NoError(t, err)
			defer d.Close()
			r = d
		}
		got, err := io.ReadAll(r)
		require.NoError(t, err)
		assert.Equal(t, want, string(got), accept)
	}
}
