package page

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/registry/viewer"
)

// A detail is what the page of a dataset shows.
type detail struct {
	registry.Dataset
	Fields      []field
	Place       registry.Place
	Definitions []definition // the others of its key
	Hidden      bool         // by Place of the first of the others
	ReplacedBy  []link       // where replaced_by leads to
	Viewer      string       // URL of the dataset in the viewer
	NoViewer    string       // why the viewer cannot show it
	API         string       // URL of its JSON, relative to the root
	Snippets    []snippet
	History     []event
	Started     any
	Record      *unit // nil if no page shows records
}

// A field is a field of a dataset as files spell it.
type field struct {
	Name   string
	Extra  bool
	List   bool
	Values []string
}

// A definition is where else a dataset is defined.
type definition struct {
	registry.Place
	URL     string
	Differs []string // names of the fields that differ
}

// A snippet is a text to copy.
type snippet struct{ Name, ID, Text string }

// dataset responds with the page of a dataset, whose names are in the path or in the query.
func (h *Handler) dataset(w http.ResponseWriter, r *http.Request, below string) {
	values := r.URL.Query()
	k := registry.Key{ShortName: values.Get("short_name"), DerivedScalarType: registry.DerivedScalarType(values.Get("derived_scalar_type"))}
	if below != "" {
		name, typ, _ := strings.Cut(below, "/")
		typ, errType := url.PathUnescape(typ)
		name, errName := url.PathUnescape(name)
		if errName != nil || errType != nil {
			h.missing(w, r, "There is no page at this address", "")
			return
		}
		k = registry.Key{ShortName: name, DerivedScalarType: registry.DerivedScalarType(typ)}
	}
	snapshot := h.reader.Snapshot()
	if hash := values.Get("key"); hash != "" {
		k = longKey(snapshot, hash)
	}
	d, ok := find(snapshot, k, values.Get("document"))
	if !ok {
		h.missingDataset(w, r, snapshot, k)
		return
	}
	f := h.frame(snapshot, h.status(snapshot))
	f.Title = short(d.UserVisibleName()) + " (" + short(k.String()) + ")"
	d.Fields = fieldsOf(d.Dataset)
	d.API = apiURL(k)
	d.Snippets = snippets(r, d.Dataset)
	d.History, d.Started = h.history(k), h.started
	d.Record = h.unitOf(r, d.Dataset, values.Get("document"))
	for other := range snapshot.Named(d.Dataset.ReplacedBy()) {
		d.ReplacedBy = append(d.ReplacedBy, link{other.UserVisibleName(), datasetURL(other.Key())})
		if other.DerivedScalarType() == k.DerivedScalarType {
			d.ReplacedBy = d.ReplacedBy[len(d.ReplacedBy)-1:]
			break
		}
	}
	if h.options.ViewerURL != "" {
		if _, reason := viewer.Fault(k); reason != "" {
			d.NoViewer = reason
		} else {
			d.Viewer = h.options.ViewerURL + "/" + url.PathEscape(k.ShortName) + "/" + k.DerivedScalarType.ViewerNodeType() + "/"
			if d.Record != nil {
				d.Viewer += d.Record.Layer + "/" + d.Record.Index
			} else {
				d.Viewer += "0/0"
			}
		}
	}
	status := http.StatusOK
	if d.Record != nil {
		status = d.Record.Status
	}
	f.Content = d
	h.render(w, r, status, "dataset.html", f)
}

// find returns the definition of a key in a document, or the one that readers get if no
// document is given.
func find(s *registry.Snapshot, k registry.Key, document string) (*detail, bool) {
	var d *detail
	var others []definition
	var datasets []registry.Dataset
	first := true
	for place, dataset := range s.Definitions(k) {
		if document == place.Document || document == "" && first {
			d = &detail{Dataset: dataset, Place: place, Hidden: !first}
		} else {
			others = append(others, definition{Place: place, URL: definitionURL(k, place.Document, first)})
			datasets = append(datasets, dataset)
		}
		first = false
	}
	if d == nil {
		return nil, false
	}
	mine := fieldsOf(d.Dataset)
	for i := range others {
		others[i].Differs = differing(mine, fieldsOf(datasets[i]))
	}
	d.Definitions = others
	return d, true
}

// definitionURL returns the address of a definition. The one that readers get needs no document.
func definitionURL(k registry.Key, document string, visible bool) string {
	address := datasetURL(k)
	if visible {
		return address
	}
	separator := "?"
	if strings.Contains(address, "?") {
		separator = "&"
	}
	return address + separator + "document=" + url.QueryEscape(document)
}

// differing returns the names of the fields that differ.
func differing(a, b []field) []string {
	var names []string
	has := func(list []field, f field) bool {
		return slices.ContainsFunc(list, func(g field) bool { return f.Name == g.Name && f.List == g.List && slices.Equal(f.Values, g.Values) })
	}
	for _, pair := range [][2][]field{{a, b}, {b, a}} {
		for _, f := range pair[0] {
			if !has(pair[1], f) && !slices.Contains(names, f.Name) {
				names = append(names, f.Name)
			}
		}
	}
	return names
}

// fieldsOf returns the fields that a dataset has, in order.
func fieldsOf(d registry.Dataset) []field {
	var fields []field
	extra := 0
	for range d.Extra() {
		extra++
	}
	decoder := json.NewDecoder(bytes.NewReader(d.AppendJSON(nil)))
	_, _ = decoder.Token() // the reading of what the registry writes cannot fail
	for decoder.More() {
		name, _ := decoder.Token()
		var raw json.RawMessage
		if decoder.Decode(&raw) != nil {
			break
		}
		fields = append(fields, newField(fmt.Sprint(name), raw))
	}
	for i := range fields {
		if fields[i].Extra = i >= len(fields)-extra; !fields[i].Extra {
			fields[i].Name = snake(fields[i].Name)
		}
	}
	return fields
}

func newField(name string, raw json.RawMessage) field {
	f := field{Name: name}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) == nil && list != nil {
		f.List = true
		for _, item := range list {
			f.Values = append(f.Values, plain(item))
		}
		return f
	}
	f.Values = []string{plain(raw)}
	return f
}

// plain returns a string without quotes, and the JSON of any other value.
func plain(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil && raw[0] == '"' {
		return s
	}
	return string(raw)
}

// snake returns the name that TOML files have for a field.
func snake(camel string) string {
	var b strings.Builder
	for _, r := range camel {
		if unicode.IsUpper(r) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// apiURL returns the address of the JSON of a dataset, relative to the root. The API has another
// one for names that a path cannot hold.
func apiURL(k registry.Key) string {
	address := datasetURL(k)
	if query, ok := strings.CutPrefix(address, "datasets?"); ok {
		address = "dataset?" + query
	}
	if isLong(k) {
		address = "datasets"
	}
	return "v1/" + address
}

// maxSnippet is the length of the longest entry that is shown.
const maxSnippet = 64 << 10

// snippets returns what people copy to use a dataset elsewhere.
func snippets(r *http.Request, d registry.Dataset) []snippet {
	k := d.Key()
	list := []snippet{{"Path", "path", d.NeuronDatasetPath()}}
	if entry, err := tomlEntry(d); err == nil && len(entry) <= maxSnippet {
		list = append(list, snippet{"TOML", "toml", entry})
	}
	if len(d.NeuronDatasetPath()) > maxSnippet {
		list = list[1:] // nothing that a person would copy
	}
	if isLong(k) {
		return list
	}
	address := base(r) + apiURL(k)
	return append(list,
		snippet{"curl", "curl", "curl -s " + quoteShell(address)},
		snippet{"Go", "go", fmt.Sprintf(`w, err := watcher.Open(ctx, "datasets") // the directory of the files
if err != nil {
	return err
}
defer w.Close()
dataset, err := w.Snapshot().Get(%s, %s)
if err != nil {
	return err
}
fmt.Println(dataset.NeuronDatasetPath())`, strconv.Quote(k.ShortName), strconv.Quote(string(k.DerivedScalarType)))},
		snippet{"Python", "python", fmt.Sprintf(`import json, urllib.request

with urllib.request.urlopen(%s) as response:
    dataset = json.load(response)
print(dataset["neuronDatasetPath"])`, strconv.Quote(address))})
}

// tomlEntry returns a dataset as a TOML document.
func tomlEntry(d registry.Dataset) (string, error) {
	b := []byte(`{`)
	if !d.DerivedScalarType().IsKnown() {
		b = append(registry.ListValue(registry.StringValue(string(d.DerivedScalarType()))).AppendJSON(append(b, `"extraScalarTypes":`...)), ',')
	}
	b = append(d.AppendJSON(append(b, `"datasets":[`...)), `]}`...)
	out, _, err := config.Convert("dataset.json", b, "toml")
	return strings.TrimRight(string(out), "\n"), err
}

// quoteShell returns a word for a shell.
func quoteShell(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// base returns the absolute URL of the catalog, as the client of a request sees it.
func base(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	// The prefix that a larger server has removed is still in what the client has sent.
	sent, _, _ := strings.Cut(r.RequestURI, "?")
	prefix, ok := strings.CutSuffix(sent, r.URL.EscapedPath())
	if !ok {
		prefix = ""
	}
	return scheme + "://" + r.Host + prefix + "/"
}

func (h *Handler) missingDataset(w http.ResponseWriter, r *http.Request, s *registry.Snapshot, k registry.Key) {
	f := h.frame(s, h.status(s))
	f.Title = "No dataset " + short(k.String())
	m := missing{Message: "There is no dataset " + k.String(), Search: k.ShortName, History: h.history(k)}
	const most = 10
	for d := range s.Named(k.ShortName) {
		if len(m.Datasets) == most {
			break
		}
		m.Datasets = append(m.Datasets, link{d.UserVisibleName(), datasetURL(d.Key())})
	}
	f.Content = m
	h.render(w, r, http.StatusNotFound, "missing.html", f)
}
