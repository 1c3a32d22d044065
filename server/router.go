package server

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// A route is an operation of the API and what serves it.
type route struct {
	huma.Operation
	serve http.HandlerFunc
}

// An endpoint is what a router keeps of a route: descriptions take a megabyte.
type endpoint struct {
	pattern string // method and path
	serve   http.HandlerFunc
}

// A router finds the route of a request. Unlike an [http.ServeMux] it never redirects: the
// names of datasets may be "..", "." and "a//b".
type router map[string]map[string]*endpoint // by path and method

func newRouter(routes []route) router {
	rt := make(router)
	for i := range routes {
		r := &routes[i]
		if rt[r.Path] == nil {
			rt[r.Path] = make(map[string]*endpoint)
		}
		rt[r.Path][r.Method] = &endpoint{r.Method + " " + r.Path, r.serve}
	}
	return rt
}

// The paths that hold names.
const (
	datasetsPath = "/v1/datasets"
	namedPath    = datasetsPath + "/{short_name}"
	datasetPath  = namedPath + "/{derived_scalar_type}"
)

// find returns the endpoints of a path, by method, and sets the names of releases that it holds.
func (rt router) find(r *http.Request) map[string]*endpoint {
	path := r.URL.EscapedPath()
	if names, ok := strings.CutPrefix(path, datasetsPath+"/"); ok {
		name, typ, both := strings.Cut(names, "/")
		if name == "" || both && typ == "" || strings.Contains(typ, "/") {
			return nil
		}
		if !both {
			return rt[namedPath]
		}
		return rt[datasetPath]
	}
	for _, pattern := range []string{releasePath, blobPath} {
		prefix, name, _ := strings.Cut(strings.TrimSuffix(pattern, "}"), "{")
		if value, ok := strings.CutPrefix(path, prefix); ok && value != "" && !strings.Contains(value, "/") {
			r.SetPathValue(name, unescape(value))
			return rt[pattern]
		}
	}
	return rt[path]
}

// datasetNames returns the names in the path of a dataset. They are not set as path values, for
// which every request would need a map.
func datasetNames(r *http.Request) (shortName, typ string) {
	shortName, typ, _ = strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), datasetsPath+"/"), "/")
	return unescape(shortName), unescape(typ)
}

// unescape returns the text of a part of an escaped path, which is valid.
func unescape(part string) string {
	text, _ := url.PathUnescape(part)
	return text
}

var (
	errNoRoute = errors.New("no such route")
	errMethod  = errors.New("method not allowed")
)

// route serves a request by its route, or by the upstream.
func (h *Handler) route(w http.ResponseWriter, r *http.Request) {
	routes := h.router.find(r)
	switch {
	case routes != nil:
	case h.options.Profiles != nil && strings.HasPrefix(r.URL.Path, "/debug/pprof/"):
		observe(w, "profiles")
		extendDeadlines(w, upstreamTimeout) // a profile takes the time that it is asked for
		h.options.Profiles.ServeHTTP(w, r)
		return
	case h.options.Page != nil && isPage(r):
		observe(w, "page")
		h.options.Page.ServeHTTP(w, r)
		return
	case h.upstream != nil && !isOwn(r.URL.Path):
		observe(w, "upstream")
		h.upstream.ServeHTTP(w, r)
		return
	}
	if !h.limitBody(w, r) {
		return
	}
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	match := routes[method]
	switch {
	case routes == nil:
		h.fail(w, r, fmt.Errorf("%w: %s", errNoRoute, r.URL.Path))
	case match == nil:
		allowed := strings.Join(methods(routes), ", ")
		w.Header().Set("Allow", allowed)
		h.fail(w, r, fmt.Errorf("%w: %s %s; use %s", errMethod, r.Method, r.URL.Path, allowed))
	default:
		observe(w, match.pattern)
		match.serve(w, r)
	}
}

// isPage reports whether a request is for a page, and not for the upstream. Only who asks for
// HTML gets it at the root.
func isPage(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	switch path := r.URL.Path; path {
	case "/", "":
		return strings.Contains(r.Header.Get("Accept"), "text/html")
	case "/datasets", "/documents", "/changes", "/favicon.ico":
		return true
	default:
		return strings.HasPrefix(path, "/datasets/") || strings.HasPrefix(path, "/assets/")
	}
}

// isOwn reports whether a path is never the upstream's.
func isOwn(path string) bool {
	return path == "/v1" || strings.HasPrefix(path, "/v1/") || strings.HasPrefix(path, "/-/")
}

// methods returns the methods that a path has, in order.
func methods(routes map[string]*endpoint) []string {
	all := slices.Collect(maps.Keys(routes))
	if routes[http.MethodGet] != nil {
		all = append(all, http.MethodHead)
	}
	slices.Sort(all)
	return all
}

// observe notes the route of a request for [Options.Observe].
func observe(w http.ResponseWriter, pattern string) {
	if w, ok := w.(*response); ok {
		w.route = pattern
	}
}
