package page

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/neurondex/neurondex/internal/query"
	"github.com/neurondex/neurondex/registry"
)

const (
	rowsPerPage    = 50
	valuesPerFacet = 8
	valuesOfMore   = 200 // of the facet that shows more
)

// A catalog is what the first page shows.
type catalog struct {
	Address address
	Total   int // datasets in the registry
	N       int // those that the filter selects
	Dir     string
	Chips   []chip
	Facets  []facet
	Flags   []choice
	Columns []column
	Rows    []row
	Pager   pager
}

// A chip is a condition of the filter, and the address without it.
type chip struct{ Name, Value, URL string }

// A facet is a field by whose values the datasets are counted.
type facet struct {
	Name    string
	Choices []choice
	More    int    // number of values that are not shown
	MoreURL string // shows more, or fewer
}

// A choice is a value of a facet. Its address selects it, or nothing if it is selected.
type choice struct {
	Text   string
	N      int
	URL    string
	Chosen bool
}

// A column is a column of the table. Its address sorts by it.
type column struct {
	Name, Class, URL string
	Order            string // "ascending", "descending" or empty
}

// Shows reports whether the table has a column.
func (c *catalog) Shows(class string) bool {
	return slices.ContainsFunc(c.Columns, func(column column) bool { return column.Class == class })
}

// A row is a dataset in the table.
type row struct {
	registry.Dataset
	Key, URL  string
	Explained bool
	Problem   bool // of its document
}

// A pager leads to other pages.
type pager struct{ First, Last, N, Page, Pages, Previous, Next, Begin, End any }

// facetNames are the headings of the facets that are shown.
var facetNames = []struct {
	facet int
	name  string
}{
	{query.FacetType, "Type"}, {query.FacetModel, "Model"}, {query.FacetTag, "Tag"}, {query.FacetFormat, "Record format"},
}

var columns = []column{
	{Name: "Dataset", Class: "name", URL: "user_visible_name"},
	{Name: "Type", Class: "type", URL: "derived_scalar_type"},
	{Name: "Model", Class: "model", URL: "model"},
	{Name: "Layers", Class: "layers", URL: "layers"},
	{Name: "Units", Class: "units", URL: "nodes_per_layer"},
	{Name: "Format", Class: "format", URL: "record_format"},
	{Name: "Document", Class: "document", URL: "document"},
}

// catalog responds with the table of datasets.
func (h *Handler) catalog(w http.ResponseWriter, r *http.Request) {
	snapshot := h.reader.Snapshot()
	state := h.status(snapshot)
	a := parseAddress(r.URL.Query())
	if len(state.problems) > 0 {
		a.HasProblems = func(document string) bool { return state.problems[document] }
	}
	view := h.viewOf(snapshot)
	selection, err := view.Select(a.Filter)
	if err != nil { // parseAddress knows the orders
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	pages := max(1, (selection.N+rowsPerPage-1)/rowsPerPage)
	a.Page = min(a.Page, pages-1)
	c := catalog{Address: a, Total: snapshot.Len(), N: selection.N, Dir: h.options.Dir, Chips: a.chips(), Columns: a.columns(view), Pager: a.pager(selection.N, pages)}
	for _, f := range facetNames {
		if shown := a.facet(selection, f.facet, f.name); len(shown.Choices) > 0 {
			c.Facets = append(c.Facets, shown)
		}
	}
	c.Flags = a.flags(selection)
	for _, d := range selection.Datasets(a.Page*rowsPerPage, rowsPerPage) {
		c.Rows = append(c.Rows, row{
			Dataset: d, Key: rowKey(d.Key()), URL: datasetURL(d.Key()),
			Explained: len(d.ExplanationDatasetPaths()) > 0, Problem: state.problems[d.Document()],
		})
	}
	f := h.frame(snapshot, state)
	f.Title, f.Here, f.Content = c.title(), "datasets", &c
	h.render(w, r, http.StatusOK, "catalog.html", f)
}

// rowKey returns what tells the row of a dataset from others.
func rowKey(k registry.Key) string {
	if isLong(k) {
		return keyHash(k)
	}
	return k.String()
}

// title says what is shown.
func (c *catalog) title() string {
	title := plural(c.N, "dataset")
	if c.N != c.Total {
		title = number(c.N) + " of " + plural(c.Total, "dataset")
	}
	if c.Address.Text != "" {
		title += fmt.Sprintf(" with “%s”", short(c.Address.Text))
	}
	for _, chip := range c.Chips {
		title += ", " + chip.Name
		if chip.Value != "" {
			title += " " + short(chip.Value)
		}
	}
	return title
}

// short returns the beginning of a text.
func short(s string) string {
	if runes := []rune(s); len(runes) > 60 {
		return string(runes[:60]) + "…"
	}
	return s
}

// chips returns the conditions of the filter.
func (a address) chips() []chip {
	var chips []chip
	add := func(is bool, name, value string, without func(*address)) {
		if is {
			chips = append(chips, chip{name, value, a.with(without).URL()})
		}
	}
	for _, f := range facetNames {
		value := a.Values[f.facet]
		add(value != "", f.name, value, func(a *address) { a.Values[f.facet] = "" })
	}
	document := a.Values[query.FacetDocument]
	add(document != "", "Document", document, func(a *address) { a.Values[query.FacetDocument] = "" })
	add(a.Explained, "Has explanations", "", func(a *address) { a.Explained = false })
	add(a.Deprecated, "Deprecated", "", func(a *address) { a.Deprecated = false })
	add(a.Troubled, "Document with problems", "", func(a *address) { a.Troubled = false })
	return chips
}

// Clear returns the address without a filter.
func (a address) Clear() string { return address{Filter: query.Filter{Sort: a.Sort}}.URL() }

// facet returns a facet, with the chosen value first.
func (a address) facet(s *query.Selection, facetAt int, name string) facet {
	parameter := parameters[facetAt]
	limit := valuesPerFacet
	if a.More == parameter {
		limit = valuesOfMore
	}
	f := facet{Name: name}
	counts, more := s.Values(facetAt, limit)
	chosen := a.Values[facetAt]
	choose := func(value string) string { return a.with(func(a *address) { a.Values[facetAt] = value }).URL() }
	if chosen != "" {
		f.Choices = append(f.Choices, choice{chosen, s.CountOf(facetAt, chosen), choose(""), true})
	}
	for _, c := range counts {
		if c.Value != chosen {
			f.Choices = append(f.Choices, choice{c.Value, c.N, choose(c.Value), false})
		}
	}
	f.More = more
	switch {
	case a.More == parameter:
		f.MoreURL = a.with(func(a *address) { a.More = "" }).URL()
	case more > 0:
		f.MoreURL = a.with(func(a *address) { a.More = parameter }).URL()
	}
	return f
}

// flags returns the facets that a dataset has or has not.
func (a address) flags(s *query.Selection) []choice {
	var flags []choice
	add := func(name string, n int, get func(*address) *bool) {
		on := *get(&a)
		if n > 0 || on {
			flags = append(flags, choice{name, n, a.with(func(a *address) { *get(a) = !on }).URL(), on})
		}
	}
	add("Has explanations", s.Explained, func(a *address) *bool { return &a.Explained })
	add("Deprecated", s.Deprecated, func(a *address) *bool { return &a.Deprecated })
	add("Document with problems", s.Troubled, func(a *address) *bool { return &a.Troubled })
	return flags
}

// columns returns the columns in which any dataset has a value. The address of one sorts by it:
// first ascending, then descending, then not.
func (a address) columns(view *query.View) []column {
	var out []column
	for _, c := range columns {
		if !view.Has(c.URL) {
			continue
		}
		next := c.URL
		switch a.Sort {
		case c.URL:
			c.Order, next = "ascending", "-"+c.URL
		case "-" + c.URL:
			c.Order, next = "descending", ""
		}
		c.URL = a.with(func(a *address) { a.Sort = next }).URL()
		out = append(out, c)
	}
	return out
}

func (a address) pager(n, pages int) pager {
	at := func(page int) string {
		if page < 0 || page >= pages || page == a.Page {
			return ""
		}
		other := a
		other.Page = page
		return other.URL()
	}
	return pager{
		First: at(0), Last: at(pages - 1), Previous: at(a.Page - 1), Next: at(a.Page + 1), N: n, Page: a.Page + 1, Pages: pages,
		Begin: min(n, a.Page*rowsPerPage+1), End: min(n, (a.Page+1)*rowsPerPage),
	}
}
