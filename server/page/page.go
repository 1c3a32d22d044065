package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/neurondex/neurondex/internal/changes"
	"github.com/neurondex/neurondex/internal/query"
	"github.com/neurondex/neurondex/records"
	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/source"
	"github.com/neurondex/neurondex/watcher"
	"golang.org/x/sync/semaphore"
)

// Options configure [New]. The zero value is ready to use.
type Options struct {
	// Log receives the failures of pages. If nil, [slog.Default] does.
	Log *slog.Logger
	// Status describes what keeps the registry up to date: see [watcher.Watcher.Status]. If
	// nil, the pages only describe the registry.
	Status func() watcher.Status
	// CheckHealth says whether the registry is up to date: see [watcher.Watcher.CheckHealth]. If
	// it and Status are given, the page of changes lists documents that become invalid or valid.
	CheckHealth func() error
	// ViewerURL is where the public neuron viewer runs, like "http://localhost:1234". If
	// empty, datasets have no link to it.
	ViewerURL string
	// ExposePaths lets pages name files and directories of the server's disk by their absolute
	// paths, as the errors of the operating system do.
	ExposePaths bool
	// Dir is the directory that an empty page tells people to put files into. If empty, it is
	// not named.
	Dir string
	// Source returns the content of a document, to show the lines that diagnostics are about.
	// If nil, they are not shown.
	Source func(document string) ([]byte, error)
	// Records reads the records of datasets. If nil, no page shows records.
	Records *records.Store
}

// A Handler serves the pages: see [New].
type Handler struct {
	reader  registry.Reader
	options Options
	log     *changes.Log
	started time.Time
	stop    chan struct{} // closed by Close
	done    sync.WaitGroup
	view    atomic.Pointer[query.View] // of the last snapshot
	files   *semaphore.Weighted        // for stored files that are read or in memory
	turns   *semaphore.Weighted        // for records in memory
}

// New returns a handler that answers each request from the reader's current snapshot. It is
// safe for concurrent use. The caller must close it.
func New(reader registry.Reader, o Options) *Handler {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	o.ViewerURL = strings.TrimRight(o.ViewerURL, "/")
	h := &Handler{reader: reader, options: o, log: changes.Follow(reader), started: time.Now().UTC(),
		stop: make(chan struct{}), files: semaphore.NewWeighted(filesAtOnce), turns: semaphore.NewWeighted(recordsAtOnce)}
	if o.Status != nil && o.CheckHealth != nil {
		h.done.Go(func() { h.log.FollowDocuments(h.stop, o.Status, o.CheckHealth) })
	}
	return h
}

// Close ends what the handler has started, once. The handler still answers.
func (h *Handler) Close() {
	close(h.stop)
	h.done.Wait()
	h.log.Close()
}

// ServeHTTP implements [http.Handler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for name, value := range headers {
		w.Header().Set(name, value)
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	path := r.URL.EscapedPath()
	switch name, below, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/"); {
	case path == "/" || path == "":
		h.catalog(w, r)
	case name == "datasets":
		h.dataset(w, r, below)
	case path == "/documents":
		h.documents(w, r)
	case path == "/changes":
		h.changes(w, r)
	case name == "assets":
		serveAsset(w, r, below)
	case path == "/favicon.ico":
		serveAsset(w, r, "icon.svg")
	default:
		h.missing(w, r, "There is no page at this address", "")
	}
}

// headers are those of every response. Nothing may be loaded from elsewhere, no script or style
// may be inline, and no other site may show the page in a frame.
var headers = map[string]string{
	"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
	"X-Content-Type-Options":       "nosniff",
	"X-Frame-Options":              "DENY",
	"Referrer-Policy":              "no-referrer",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Permissions-Policy":           "camera=(), geolocation=(), microphone=()",
	"Cache-Control":                "no-cache",
	"Vary":                         "Accept",
}

//go:embed templates
var templateFiles embed.FS

var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"show": show, "words": words, "number": number, "moment": moment, "plural": plural, "version": assetVersion, "isURL": isURL,
}).ParseFS(templateFiles, "templates/*.html"))

// A frame is what every page has around its content.
type frame struct {
	Title    string
	Root     string // the relative URL of the catalog
	Here     string // which page of the navigation it is
	Hash     string // of the state that is shown
	Now      time.Time
	Banners  []banner
	Problems int             // number of documents with problems
	Release  *source.Release // nil if the datasets come from no release
	Content  any
}

// render responds with a page.
func (h *Handler) render(w http.ResponseWriter, r *http.Request, status int, name string, f frame) {
	f.Root = root(r)
	f.Now = time.Now().UTC()
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, name, f); err != nil {
		h.options.Log.ErrorContext(r.Context(), "cannot render a page", "path", r.URL.Path, "err", err)
		http.Error(w, "cannot render the page; see the log of the server", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // a client that has left needs no response
}

// root returns the relative URL of the catalog, as seen from the page of a request.
func root(r *http.Request) string {
	if depth := strings.Count(r.URL.EscapedPath(), "/") - 1; depth > 0 {
		return strings.Repeat("../", depth)
	}
	return "./"
}

// viewOf returns the view of a snapshot, and keeps it for the next request.
func (h *Handler) viewOf(s *registry.Snapshot) *query.View {
	if v := h.view.Load(); v != nil && v.Snapshot() == s {
		return v
	}
	v := query.Of(s)
	h.view.Store(v)
	return v
}

// A missing page is the response for an address without a page. It offers a search, or links.
type missing struct {
	Message  string
	Search   string // what to look for instead; may be empty
	Datasets []link
	History  []event
}

func (h *Handler) missing(w http.ResponseWriter, r *http.Request, message, search string) {
	s := h.reader.Snapshot()
	f := h.frame(s, h.status(s))
	f.Title = "Not found"
	m := missing{Message: message, Search: search}
	f.Content = m
	h.render(w, r, http.StatusNotFound, "missing.html", f)
}

// A link is a text that leads to an address, relative to the root.
type link struct{ Text, URL string }

// datasetURL returns the address of a dataset, relative to the root. Browsers would remove the
// names "." and ".." from a path.
func datasetURL(k registry.Key) string {
	name, typ := k.ShortName, string(k.DerivedScalarType)
	if isLong(k) {
		return "datasets?key=" + keyHash(k)
	}
	if isDots(name) || isDots(typ) {
		return "datasets?" + url.Values{"short_name": {name}, "derived_scalar_type": {typ}}.Encode()
	}
	return "datasets/" + url.PathEscape(name) + "/" + url.PathEscape(typ)
}

func isDots(s string) bool { return s == "" || s == "." || s == ".." }

// maxKey is the length of the longest key that addresses hold. Browsers and servers limit them.
const maxKey = 1500

func isLong(k registry.Key) bool { return len(k.ShortName)+len(k.DerivedScalarType) > maxKey }

// keyHash returns what stands for a long key.
func keyHash(k registry.Key) string { return hashOf(k.String()) }

func hashOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// longKey returns the long key that a hash stands for, or an empty one.
func longKey(s *registry.Snapshot, hash string) registry.Key {
	for k := range s.Keys() {
		if isLong(k) && keyHash(k) == hash {
			return k
		}
	}
	return registry.Key{}
}
