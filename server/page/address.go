package page

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/neurondex/neurondex/internal/query"
)

// An address is the state of the catalog that a URL holds. Its zero value is the whole catalog
// in the order of the registry.
type address struct {
	query.Filter
	Page int    // from 0
	More string // the facet that shows more of its values
}

// parameters are the names of the values of a filter in a URL.
var parameters = [query.Facets]string{
	query.FacetType: "type", query.FacetModel: "model", query.FacetTag: "tag", query.FacetFormat: "format", query.FacetDocument: "document",
}

// parseAddress returns the state that a query holds. What it does not know it leaves out: a
// link may come from another version.
func parseAddress(values url.Values) address {
	var a address
	a.Text = strings.TrimSpace(values.Get("q"))
	for facet, name := range parameters {
		a.Values[facet] = values.Get(name)
	}
	a.Explained, a.Deprecated, a.Troubled = values.Get("explained") == "1", values.Get("deprecated") == "1", values.Get("problems") == "1"
	if sort := values.Get("sort"); slices.Contains(query.Sorts, sort) {
		a.Sort = sort
	}
	if page, err := strconv.Atoi(values.Get("page")); err == nil && page > 1 {
		a.Page = page - 1
	}
	a.More = values.Get("more")
	return a
}

// A parameter is a name and a value in a URL.
type parameter struct{ Name, Value string }

// filter returns what an address selects, without text, as parameters.
func (a address) filter() []parameter {
	var list []parameter
	for facet, name := range parameters {
		list = append(list, parameter{name, a.Values[facet]})
	}
	return append(list, parameter{"explained", flag(a.Explained)}, parameter{"deprecated", flag(a.Deprecated)}, parameter{"problems", flag(a.Troubled)},
		parameter{"sort", a.Sort})
}

// Hidden returns the parameters that a search keeps.
func (a address) Hidden() []parameter {
	return slices.DeleteFunc(append(a.filter(), parameter{"more", a.More}), func(p parameter) bool { return p.Value == "" })
}

// URL returns the URL of an address, relative to the catalog.
func (a address) URL() string {
	var b strings.Builder
	list := append([]parameter{{"q", a.Text}}, a.filter()...)
	list = append(list, parameter{"more", a.More})
	if a.Page > 0 {
		list = append(list, parameter{"page", strconv.Itoa(a.Page + 1)})
	}
	for _, p := range list {
		if p.Value == "" {
			continue
		}
		separator := "&"
		if b.Len() == 0 {
			separator = "?"
		}
		b.WriteString(separator + p.Name + "=" + url.QueryEscape(p.Value))
	}
	if b.Len() == 0 {
		return "./"
	}
	return b.String()
}

func flag(on bool) string {
	if on {
		return "1"
	}
	return ""
}

// with returns an address on its first page, after an edit.
func (a address) with(edit func(*address)) address {
	a.Page = 0
	edit(&a)
	return a
}
