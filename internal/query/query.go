// Package query selects datasets of a snapshot: filters, order and pages.
package query

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/neurondex/neurondex/registry"
)

// A Query selects datasets. Empty fields select all.
type Query struct {
	ShortName         string
	DerivedScalarType registry.DerivedScalarType
	Model             string
	Tag               string
	// Text holds words that the short name or the user-visible name must contain, in any case.
	Text string
	// Sort is one of [Sorts], or empty for the order of the registry.
	Sort string
	// Limit is the largest number of datasets of a page; 0 means no limit.
	Limit int
	// Cursor is where the page begins: empty, or what the page before returned.
	Cursor string
}

// Sorts are the orders of a query. Datasets that are equal in one have the order of the
// registry; in a descending order, which begins with a minus, the reverse of it.
var Sorts = []string{
	"short_name", "derived_scalar_type", "user_visible_name", "model", "layers", "nodes_per_layer", "record_format", "document",
	"-short_name", "-derived_scalar_type", "-user_visible_name", "-model", "-layers", "-nodes_per_layer", "-record_format", "-document",
}

// Errors of [View.Page], to branch on with [errors.Is].
var (
	// ErrGone means that a cursor belongs to a state that is not served any more.
	ErrGone = errors.New("cursor belongs to a state that is gone; start again without it")
	// ErrCursor means that a cursor is malformed, or belongs to another query.
	ErrCursor = errors.New("cursor is malformed or belongs to another query")
	// ErrSort means that an order is not known.
	ErrSort = errors.New("unknown order")
)

// A Page is a part of what a query selects.
type Page struct {
	Datasets []registry.Dataset
	Next     string // the cursor of the next page; empty if this is the last one
}

// A View answers queries about one snapshot. What they need beyond the snapshot, such as the
// orders, is computed once and kept. A View is safe for concurrent use.
type View struct {
	snapshot *registry.Snapshot
	all      func() []registry.Dataset
	texts    func() []string // short name and user-visible name of each dataset, in lower case
	tags     func() [][]string
	orders   map[string]func() []int32 // positions, by the name of the order

	columns    func() *columns
	everything func() *Selection // of the empty filter
}

// Check reports whether [View.Page] can answer a query.
func (v *View) Check(q Query) error {
	_, err := v.position(q)
	return err
}

// position returns where in its order the page of a query begins.
func (v *View) position(q Query) (int, error) {
	if q.Sort != "" && !slices.Contains(Sorts, q.Sort) {
		return 0, fmt.Errorf("%w %q", ErrSort, q.Sort)
	}
	if q.Cursor == "" {
		return 0, nil
	}
	return v.parseCursor(q)
}

// Page returns a page of the datasets that a query selects. Its cost depends on how many
// datasets it passes over, and what it allocates on the length of the page.
func (v *View) Page(q Query) (Page, error) {
	from, err := v.position(q)
	if err != nil {
		return Page{}, err
	}
	order, descending := v.order(q.Sort)
	var page Page
	all, selects := v.all(), v.filter(q)
	for i := from; i < len(all); i++ {
		at := i
		if descending {
			at = len(all) - 1 - i
		}
		if order != nil {
			at = int(order[at])
		}
		if !selects(at) {
			continue
		}
		if q.Limit > 0 && len(page.Datasets) == q.Limit {
			page.Next = v.cursor(q, i)
			break
		}
		page.Datasets = append(page.Datasets, all[at])
	}
	return page, nil
}

// order returns the positions in an order, nil for that of the registry.
func (v *View) order(sort string) (order []int32, descending bool) {
	if sort == "" {
		return nil, false
	}
	name, descending := strings.CutPrefix(sort, "-")
	return v.orders[name](), descending
}

// filter returns a function that reports whether a query selects the dataset at a position.
func (v *View) filter(q Query) func(at int) bool {
	var tests []func(at int) bool
	all := v.all()
	if q.ShortName != "" {
		tests = append(tests, func(at int) bool { return all[at].ShortName() == q.ShortName })
	}
	if q.DerivedScalarType != "" {
		tests = append(tests, func(at int) bool { return all[at].DerivedScalarType() == q.DerivedScalarType })
	}
	if q.Model != "" {
		tests = append(tests, func(at int) bool { return all[at].Model() == q.Model })
	}
	if q.Tag != "" {
		tags := v.tags()
		tests = append(tests, func(at int) bool { return slices.Contains(tags[at], q.Tag) })
	}
	if words := strings.Fields(strings.ToLower(q.Text)); len(words) > 0 {
		texts := v.texts()
		tests = append(tests, func(at int) bool {
			for _, word := range words {
				if !strings.Contains(texts[at], word) {
					return false
				}
			}
			return true
		})
	}
	return func(at int) bool {
		for _, test := range tests {
			if !test(at) {
				return false
			}
		}
		return true
	}
}
