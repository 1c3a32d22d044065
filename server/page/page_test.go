package page_test

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io/fs"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/internal/spectest"
	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/server"
	"github.com/neurondex/neurondex/server/page"
	"github.com/neurondex/neurondex/source"
	"github.com/neurondex/neurondex/watcher"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func spec(name string) registry.Spec {
	s := spectest.Required()
	s.ShortName = name
	return s
}

// put replaces a document.
func put(t *testing.T, r *registry.Registry, document string, specs ...registry.Spec) {
	t.Helper()
	_, err := r.Apply(registry.Change{Put: []registry.Document{{Name: document, Datasets: specs}}})
	require.NoError(t, err)
}

func newPage(t *testing.T, r registry.Reader, o page.Options) *page.Handler {
	t.Helper()
	o.Log = slog.New(slog.DiscardHandler)
	h := page.New(r, o)
	t.Cleanup(h.Close)
	return h
}

// get returns the response to a request for an address.
func get(h http.Handler, address string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, address, http.NoBody)
	r.Header.Set("Accept", "text/html")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// text returns what a page shows, without markup.
func text(w *httptest.ResponseRecorder) string {
	body := w.Body.String()
	if i := strings.Index(body, "<main"); i >= 0 {
		body = body[i:]
	}
	plain := regexp.MustCompile(`<[^>]*>`).ReplaceAllString(body, " ")
	return strings.Join(strings.Fields(html.UnescapeString(plain)), " ")
}

func TestHeaders(t *testing.T) {
	h := newPage(t, registry.New(), page.Options{})
	for _, address := range []string{"/", "/documents", "/changes", "/datasets/a/b", "/assets/page.css", "/assets/none", "/none"} {
		w := get(h, address)
		policy := w.Header().Get("Content-Security-Policy")
		assert.Contains(t, policy, "default-src 'none'", address)
		assert.NotContains(t, policy, "unsafe", address)
		assert.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"), address)
		assert.Equal(t, "no-referrer", w.Header().Get("Referrer-Policy"), address)
		assert.NotRegexp(t, `(?i)<script(?: type="module")?>|<style| style=| on[a-z]+=`, w.Body.String(), address)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", http.NoBody))
	assert.Equal(t, http.StatusMethodNotAllowed, w.Code)
	assert.Equal(t, "GET, HEAD", w.Header().Get("Allow"))
}

func TestAssets(t *testing.T) {
	h := newPage(t, registry.New(), page.Options{})
	for _, m := range regexp.MustCompile(`"\./(assets/[^"]+)"`).FindAllStringSubmatch(get(h, "/").Body.String(), -1) {
		w := get(h, "/"+m[1])
		assert.Equal(t, http.StatusOK, w.Code, m[1])
		assert.Contains(t, w.Header().Get("Cache-Control"), "immutable", m[1])
		assert.NotEmpty(t, w.Header().Get("Content-Type"), m[1])
		path, _, _ := strings.Cut(m[1], "?")
		assert.Equal(t, "no-cache", get(h, "/"+path).Header().Get("Cache-Control"), "an address without a version can change")
	}
	assert.Equal(t, http.StatusNotFound, get(h, "/assets/../page.go").Code)
}

// TestEveryField checks that the page of a dataset shows every field.
func TestEveryField(t *testing.T) {
	r := registry.New()
	full := spectest.Full()
	full.Line = 7
	put(t, r, "a.toml", full)
	h := newPage(t, r, page.Options{ViewerURL: "http://localhost:1234/"})
	shown := text(get(h, "/datasets/"+url.PathEscape(full.ShortName)+"/"+url.PathEscape(string(full.DerivedScalarType))))
	for field := range reflect.TypeFor[registry.Spec]().Fields() {
		name := strings.ToLower(regexp.MustCompile(`\B[A-Z]`).ReplaceAllString(field.Name, "_$0"))
		if name != "extra" && name != "line" {
			assert.Contains(t, shown, " "+name+" ")
		}
	}
	assert.Contains(t, shown, " extra 1 true", "a list, marked as extra")
	assert.Contains(t, shown, "a.toml , line 7")
	for _, snippet := range []string{"[[datasets]]", "curl -s 'http://example.com/v1/datasets/", "watcher.Open(ctx", "urllib.request.urlopen("} {
		assert.Contains(t, shown, snippet)
	}
}

// TestKeys checks that each dataset has a page at the address that the catalog links to, below
// any prefix.
func TestKeys(t *testing.T) {
	r := registry.New()
	var specs []registry.Spec
	names := []string{strings.Repeat("long", 1000), "a", ".", "..", "a/b", "a?b=c&d", "a#b", "%2F", "a b", "ü", "\u202e", "<b>", `"'`, "a\\b", "+", ";"}
	for _, name := range names {
		specs = append(specs, spec(name))
	}
	put(t, r, "a.toml", specs...)
	h := newPage(t, r, page.Options{})
	for _, prefix := range []string{"", "/neurons"} {
		mounted := http.StripPrefix(prefix, h)
		origin, err := url.Parse("http://example.com" + prefix + "/")
		require.NoError(t, err)
		links := regexp.MustCompile(`class="name"><a href="([^"]+)"`).FindAllStringSubmatch(get(mounted, prefix+"/").Body.String(), -1)
		require.Len(t, links, len(names))
		for i, m := range links {
			target, err := origin.Parse(html.UnescapeString(m[1]))
			require.NoError(t, err)
			w := get(mounted, target.RequestURI())
			assert.Equal(t, http.StatusOK, w.Code, "%q at %v", names[i], target)
			back := regexp.MustCompile(`class="brand" href="([^"]+)"`).FindStringSubmatch(w.Body.String())
			home, err := target.Parse(back[1])
			require.NoError(t, err)
			assert.Equal(t, origin.String(), home.String(), "the way back from %v", target)
			if i == 0 { // too long for a shell
				continue
			}
			if address := regexp.MustCompile(`curl -s &#39;(.*?)&#39;\n?</pre>`).FindStringSubmatch(w.Body.String()); assert.NotNil(t, address) && prefix == "" {
				address := strings.ReplaceAll(html.UnescapeString(address[1]), `'\''`, "'")
				response := get(server.New(r, server.Options{Log: slog.New(slog.DiscardHandler)}), address)
				assert.Equal(t, http.StatusOK, response.Code, address)
				assert.Contains(t, response.Body.String(), `"neuronDatasetPath":"path"`, address)
			}
			assert.Contains(t, html.UnescapeString(w.Body.String()), "curl -s 'http://example.com"+prefix+"/v1/dataset")
		}
	}
}

func TestOverrides(t *testing.T) {
	r := registry.New()
	other := spec("a")
	other.NeuronDatasetPath, other.Model, other.Line = "other", "m", 3
	put(t, r, "1.toml", other)
	put(t, r, "2.toml", spec("a"))
	h := newPage(t, r, page.Options{})
	w := get(h, "/datasets/a/mlp_post_act")
	assert.Contains(t, text(w), "Overrides 1.toml , line 3 differs in neuron_dataset_path , model")
	assert.Contains(t, w.Body.String(), `href="../../datasets/a/mlp_post_act?document=1.toml"`)
	hidden := text(get(h, "/datasets/a/mlp_post_act?document=1.toml"))
	assert.Contains(t, hidden, "Another document overrides this definition.")
	assert.Contains(t, hidden, "neuron_dataset_path other")
	assert.Equal(t, http.StatusNotFound, get(h, "/datasets/a/mlp_post_act?document=3.toml").Code)
}

func TestReplacedBy(t *testing.T) {
	r := registry.New()
	old, lost := spec("old"), spec("lost")
	old.ReplacedBy, old.Deprecated, lost.ReplacedBy = "new", true, "nowhere"
	put(t, r, "a.toml", old, lost, spec("new"))
	h := newPage(t, r, page.Options{})
	w := get(h, "/datasets/old/mlp_post_act")
	assert.Contains(t, text(w), "Deprecated: kept for existing users only. Replaced by new")
	assert.Contains(t, w.Body.String(), `href="../../datasets/new/mlp_post_act"`)
	assert.Contains(t, text(get(h, "/datasets/lost/mlp_post_act")), "Replaced by nowhere , which is not in this catalog")
}

func TestHistory(t *testing.T) {
	r := registry.New()
	put(t, r, "a.toml", spec("old"))
	h := newPage(t, r, page.Options{})
	assert.Contains(t, text(get(h, "/datasets/old/mlp_post_act")), "Unchanged since the server started")
	changed := spec("b")
	changed.Model = "m"
	for i, specs := range [][]registry.Spec{{spec("b")}, {changed}, {}} {
		put(t, r, "b.toml", specs...)
		wait(t, h, fmt.Sprintf("<title>%d change", i+1))
	}
	w := get(h, "/datasets/b/mlp_post_act")
	assert.Equal(t, http.StatusNotFound, w.Code)
	assert.Regexp(t, `There is no dataset b/mlp_post_act\. .* removed .* changed .* added `, text(w))
	assert.Regexp(t, `−1 removed: b/mlp_post_act .* ~1 changed: b/mlp_post_act .* \+1 added: b/mlp_post_act`, text(get(h, "/changes")))
}

// wait waits until the page of changes has a text.
func wait(t *testing.T, h http.Handler, text string) {
	t.Helper()
	for !strings.Contains(get(h, "/changes").Body.String(), text) {
		require.NoError(t, t.Context().Err())
	}
}

func TestBanners(t *testing.T) {
	diagnostics := config.Diagnostics{{File: "a.toml", Line: 2, Column: 3, Rule: config.RuleSyntax, Message: "broken"}}
	doc := func(name string, state watcher.State) watcher.DocumentStatus {
		return watcher.DocumentStatus{Name: name, State: state, Diagnostics: diagnostics}
	}
	events := source.Health{Mode: "inotify", Notified: true}
	for name, tt := range map[string]struct {
		status watcher.Status
		want   string
	}{
		"well":       {watcher.Status{Ready: true, Source: events}, ""},
		"not ready":  {watcher.Status{Source: events}, "The datasets are not loaded yet."},
		"unreadable": {watcher.Status{Ready: true, Source: events, SourceError: "gone"}, "The source cannot be read: gone. The last good datasets are served."},
		"held":       {watcher.Status{Ready: true, Source: events, Held: "too many"}, "A change is held: too many. Show documents"},
		"poll-only":  {watcher.Status{Ready: true, Source: source.Health{Mode: "poll", Problem: "network file system"}}, "Changes are found by scanning, not by events: network file system. Show documents"},
		"polling":    {watcher.Status{Ready: true, Source: source.Health{Mode: "poll"}}, "Changes are found by scanning, not by events, and are shown with a delay. Show documents"},
		"release":    {watcher.Status{Ready: true, Source: source.Health{Mode: "releases", Release: &source.Release{Number: 3}}}, ""},
		"cached": {watcher.Status{Ready: true, SourceError: "gone", Source: source.Health{Mode: "releases", Problem: "serving release 3 of the cache: gone", Release: &source.Release{Number: 3, Cached: true}}},
			"The source cannot be read: gone. The last good datasets are served."},
		"not kept": {watcher.Status{Ready: true, Source: source.Health{Mode: "releases", Problem: "cannot write the cache: full", Release: &source.Release{Number: 3}}},
			"A problem with releases: cannot write the cache: full."},
		"one": {watcher.Status{Ready: true, Source: events, Documents: []watcher.DocumentStatus{doc("a.toml", watcher.StateStale)}}, "1 document is invalid: a.toml. Its last good datasets are served. Show documents"},
		"several": {watcher.Status{Ready: true, Source: events, Documents: []watcher.DocumentStatus{
			doc("a.toml", watcher.StateStale), doc("b.toml", watcher.StateInvalid), doc("c.toml", watcher.StateInvalid), doc("d.toml", watcher.StateInvalid)}},
			"4 documents are invalid: a.toml, b.toml, c.toml and 1 more. The last good datasets of 1 are served. Show documents"},
	} {
		h := newPage(t, registry.New(), page.Options{Status: func() watcher.Status { return tt.status }})
		for _, address := range []string{"/", "/documents", "/changes", "/datasets/none/none", "/none"} {
			body := get(h, address).Body.String()
			begin, end := strings.Index(body, `<section id="banners"`), strings.Index(body, "<main")
			got := strings.Join(strings.Fields(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(body[begin:end], "")), " ")
			assert.Equal(t, tt.want, got, "%s on %s", name, address)
		}
	}
}

// TestRelease checks that every page says which release is served, and when it was published.
func TestRelease(t *testing.T) {
	r := &source.Release{Number: 1234, Time: time.Unix(1_700_000_000, 0), Message: "add <gpt2-xl>"}
	h := newPage(t, registry.New(), page.Options{Status: func() watcher.Status { return watcher.Status{Ready: true, Source: source.Health{Release: r}} }})
	for _, address := range []string{"/", "/documents", "/changes", "/none"} {
		assert.Regexp(t, `Release 1,234, published .*2023-11-14.* : add <gpt2-xl>`, text(get(h, address)), address)
	}
	r.Message, r.Cached = "", true
	assert.Contains(t, text(get(h, "/")), "Release 1,234 of the cache, published")
	r = nil
	assert.NotContains(t, text(get(h, "/")), "Release")
}

// TestProblems checks that the datasets of documents with problems can be found.
func TestProblems(t *testing.T) {
	r := registry.New()
	put(t, r, "a.toml", spec("a"))
	put(t, r, "b.toml", spec("b"))
	warning := config.Diagnostics{{File: "b.toml", Severity: config.SeverityWarning, Message: "odd"}}
	status := watcher.Status{Ready: true, Documents: []watcher.DocumentStatus{{Name: "a.toml", State: watcher.StateOK}, {Name: "b.toml", State: watcher.StateOK, Diagnostics: warning}}}
	h := newPage(t, r, page.Options{Status: func() watcher.Status { return status }})
	assert.Contains(t, text(get(h, "/")), "Document with problems 1")
	shown := text(get(h, "/?problems=1"))
	assert.Contains(t, shown, "1 of 2 datasets")
	assert.Regexp(t, `Name problems b `, shown)
}

// TestLines checks that lines of documents are shown only if they may be.
func TestLines(t *testing.T) {
	status := watcher.Status{Ready: true, Documents: []watcher.DocumentStatus{{Name: "a.toml", State: watcher.StateInvalid,
		Diagnostics: config.Diagnostics{{File: "a.toml", Line: 1, Column: 5, Rule: config.RuleSyntax, Message: "broken"}}}}}
	o := page.Options{Status: func() watcher.Status { return status }}
	assert.NotContains(t, text(get(newPage(t, registry.New(), o), "/documents")), "secret")
	assert.Contains(t, text(get(newPage(t, registry.New(), o), "/documents")), "a.toml:1:5 : error : broken [syntax]")
	o.Source = func(string) ([]byte, error) { return []byte("a = secret"), nil }
	assert.Contains(t, get(newPage(t, registry.New(), o), "/documents").Body.String(), "\n    a = <mark>s</mark>ecret<span class=\"caret\">\n        ^</span>")
	o.Source = func(string) ([]byte, error) { return nil, errors.New("gone") }
	assert.Contains(t, text(get(newPage(t, registry.New(), o), "/documents")), "a.toml:1:5 : error : broken [syntax]")
}

// TestPaths checks that no page names paths of the server's disk unless it may.
func TestPaths(t *testing.T) {
	failed := &fs.PathError{Op: "open", Path: "/srv/secret/datasets", Err: fs.ErrPermission}
	o := page.Options{
		Status:      func() watcher.Status { return watcher.Status{Ready: true, SourceError: failed.Error()} },
		CheckHealth: func() error { return failed },
	}
	assert.Contains(t, get(newPage(t, registry.New(), o), "/").Body.String(), "The source cannot be read: open datasets: permission denied.")
	o.ExposePaths = true
	assert.Contains(t, get(newPage(t, registry.New(), o), "/").Body.String(), "open /srv/secret/datasets: permission denied.")
}

func TestEmpty(t *testing.T) {
	assert.Contains(t, text(get(newPage(t, registry.New(), page.Options{Dir: "/data/sets"}), "/")), "Drop a .toml or .json file into /data/sets , and")
	assert.Contains(t, text(get(newPage(t, registry.New(), page.Options{}), "/")), "into the directory that the server follows, and")
	r := registry.New()
	put(t, r, "a.toml", spec("a"))
	h := newPage(t, r, page.Options{})
	assert.Contains(t, text(get(h, "/?q=none&page=7")), "Nothing matches")
	assert.Contains(t, text(get(h, "/?q=name&page=7&sort=nothing")), "1 dataset", "what is not known is left out")
}

// A one is a reader whose state never changes.
type one struct{ s *registry.Snapshot }

func (o one) Snapshot() *registry.Snapshot { return o.s }
func (o one) Updates(ctx context.Context) iter.Seq[registry.Update] {
	return func(yield func(registry.Update) bool) {
		if yield(registry.Update{Before: registry.New().Snapshot(), After: o.s}) {
			<-ctx.Done()
		}
	}
}

// TestPerRequest checks that a page is made of one snapshot.
func TestPerRequest(t *testing.T) {
	r := registry.New()
	put(t, r, "a.toml", spec("a"))
	h := newPage(t, one{r.Snapshot()}, page.Options{})
	put(t, r, "a.toml", spec("b"))
	assert.Contains(t, get(h, "/").Body.String(), `data-key="a/mlp_post_act"`)
}
