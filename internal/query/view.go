package query

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"github.com/neurondex/neurondex/registry"
)

// Of returns a view of a snapshot. It costs nothing before the first query.
func Of(s *registry.Snapshot) *View {
	v := &View{snapshot: s}
	v.all = sync.OnceValue(func() []registry.Dataset {
		all := make([]registry.Dataset, 0, s.Len())
		for d := range s.All() {
			all = append(all, d)
		}
		return all
	})
	v.texts = sync.OnceValue(func() []string {
		texts := make([]string, s.Len())
		for i, d := range v.all() {
			texts[i] = strings.ToLower(d.ShortName() + "\x00" + d.UserVisibleName())
		}
		return texts
	})
	v.tags = sync.OnceValue(func() [][]string {
		tags := make([][]string, s.Len())
		for i, d := range v.all() {
			tags[i] = d.Tags()
		}
		return tags
	})
	v.orders = map[string]func() []int32{
		"short_name":          orderBy(v, registry.Dataset.ShortName),
		"derived_scalar_type": orderBy(v, registry.Dataset.DerivedScalarType),
		"user_visible_name":   orderBy(v, registry.Dataset.UserVisibleName),
		"model":               orderBy(v, registry.Dataset.Model),
		"layers":              orderBy(v, registry.Dataset.Layers),
		"nodes_per_layer":     orderBy(v, registry.Dataset.NodesPerLayer),
		"record_format":       orderBy(v, registry.Dataset.RecordFormat),
		"document":            orderBy(v, registry.Dataset.Document),
	}
	v.columns = newColumns(v)
	v.everything = sync.OnceValue(func() *Selection { return v.selectAll(Filter{}) })
	return v
}

// orderBy returns a function that computes once the positions in the order of a field.
func orderBy[T cmp.Ordered](v *View, field func(registry.Dataset) T) func() []int32 {
	return sync.OnceValue(func() []int32 {
		all := v.all()
		values, order := make([]T, len(all)), make([]int32, len(all))
		for i, d := range all {
			values[i], order[i] = field(d), int32(i)
		}
		slices.SortStableFunc(order, func(a, b int32) int { return cmp.Compare(values[a], values[b]) })
		return order
	})
}

// Snapshot returns the snapshot of the view.
func (v *View) Snapshot() *registry.Snapshot { return v.snapshot }
