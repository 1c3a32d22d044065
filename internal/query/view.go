package query

import (
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
		"short_name":          v.orderBy(registry.Dataset.ShortName),
		"derived_scalar_type": v.orderBy(func(d registry.Dataset) string { return string(d.DerivedScalarType()) }),
		"user_visible_name":   v.orderBy(registry.Dataset.UserVisibleName),
		"model":               v.orderBy(registry.Dataset.Model),
	}
	return v
}

// orderBy returns a function that computes once the positions in the order of a field.
func (v *View) orderBy(field func(registry.Dataset) string) func() []int32 {
	return sync.OnceValue(func() []int32 {
		all := v.all()
		values, order := make([]string, len(all)), make([]int32, len(all))
		for i, d := range all {
			values[i], order[i] = field(d), int32(i)
		}
		slices.SortStableFunc(order, func(a, b int32) int { return strings.Compare(values[a], values[b]) })
		return order
	})
}
