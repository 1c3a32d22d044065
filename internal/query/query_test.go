package query_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/neurondex/neurondex/internal/query"
	"github.com/neurondex/neurondex/registry"
)

// view returns a view of datasets whose short names are given.
func view(tb testing.TB, specs ...registry.Spec) *query.View {
	tb.Helper()
	r := registry.New()
	_, err := r.Apply(registry.Change{Put: []registry.Document{{Name: "a.toml", Datasets: specs}}})
	require.NoError(tb, err)
	return query.Of(r.Snapshot())
}

func spec(name, model string, tags ...string) registry.Spec {
	return registry.Spec{ShortName: name, DerivedScalarType: registry.MLPPostAct, UserVisibleName: "Über " + name, NeuronDatasetPath: "p", Model: model, Tags: tags}
}

func names(p query.Page) string {
	var out []string
	for _, d := range p.Datasets {
		out = append(out, d.ShortName())
	}
	return strings.Join(out, " ")
}

func TestFilters(t *testing.T) {
	other := spec("c", "")
	other.DerivedScalarType = registry.AttnWriteNorm
	v := view(t, spec("b", "gpt2", "x", "y"), spec("a", "gpt2-xl", "y"), spec("B2", "gpt2"), other, spec("c", ""))
	for _, tt := range []struct {
		query query.Query
		want  string
	}{
		{query.Query{}, "b a B2 c c"},
		{query.Query{ShortName: "c"}, "c c"},
		{query.Query{ShortName: "C"}, ""},
		{query.Query{ShortName: "c", DerivedScalarType: registry.MLPPostAct}, "c"},
		{query.Query{DerivedScalarType: registry.AttnWriteNorm}, "c"},
		{query.Query{Model: "gpt2"}, "b B2"},
		{query.Query{Tag: "y"}, "b a"},
		{query.Query{Tag: "y", Model: "gpt2"}, "b"},
		{query.Query{Text: "b"}, "b a B2 c c"}, // Über
		{query.Query{Text: "ÜBER b2"}, "B2"},
		{query.Query{Text: "r b"}, "b a B2 c c"},
		{query.Query{Text: "zz"}, ""},
		{query.Query{Sort: "short_name"}, "B2 a b c c"},
		{query.Query{Sort: "-short_name"}, "c c b a B2"},
		{query.Query{Sort: "model"}, "c c b B2 a"},
		{query.Query{Sort: "-model"}, "a B2 b c c"},
		{query.Query{Sort: "derived_scalar_type", ShortName: "c"}, "c c"},
		{query.Query{Sort: "user_visible_name", Limit: 2}, "B2 a"},
	} {
		p, err := v.Page(tt.query)
		require.NoError(t, err, "%+v", tt.query)
		assert.Equal(t, tt.want, names(p), "%+v", tt.query)
	}
	_, err := v.Page(query.Query{Sort: "path"})
	assert.ErrorIs(t, err, query.ErrSort)
	_, err = v.Page(query.Query{Sort: "--model"})
	assert.ErrorIs(t, err, query.ErrSort)
}

// TestPages checks that the pages of any length are together what one page without a limit is.
func TestPages(t *testing.T) {
	var specs []registry.Spec
	for i := range 20 {
		specs = append(specs, spec(fmt.Sprintf("n%d", i), []string{"even", "odd"}[i%2]))
	}
	v := view(t, specs...)
	for _, q := range []query.Query{{}, {Model: "odd"}, {Sort: "-short_name"}, {Sort: "model", Text: "1"}, {Model: "none"}} {
		whole, err := v.Page(q)
		require.NoError(t, err)
		assert.Empty(t, whole.Next)
		for limit := 1; limit <= len(whole.Datasets)+1; limit++ {
			var all query.Page
			part := q
			part.Limit = limit
			for {
				p, err := v.Page(part)
				require.NoError(t, err)
				all.Datasets = append(all.Datasets, p.Datasets...)
				if p.Next == "" {
					break
				}
				require.Len(t, p.Datasets, limit, "a page that is not the last is full")
				part.Cursor = p.Next
			}
			assert.Equal(t, names(whole), names(all), "%+v limit %d", q, limit)
		}
	}
}

func TestCursor(t *testing.T) {
	v := view(t, spec("a", "m"), spec("b", "m"), spec("c", "m"))
	first, err := v.Page(query.Query{Model: "m", Limit: 1})
	require.NoError(t, err)
	require.NotEmpty(t, first.Next)

	same := view(t, spec("a", "m"), spec("b", "m"), spec("c", "m"))
	p, err := same.Page(query.Query{Model: "m", Limit: 5, Cursor: first.Next})
	require.NoError(t, err, "another process with the same content, and another limit")
	assert.Equal(t, "b c", names(p))

	_, err = view(t, spec("a", "m"), spec("b", "m")).Page(query.Query{Model: "m", Limit: 1, Cursor: first.Next})
	assert.ErrorIs(t, err, query.ErrGone)
	for _, q := range []query.Query{{}, {Model: "n"}, {Model: "m", Sort: "model"}, {Model: "m", Text: "a"}, {Model: "m", ShortName: "a"}, {Model: "m", Tag: "a"}, {Model: "m", DerivedScalarType: "a"}} {
		q.Cursor = first.Next
		_, err = v.Page(q)
		assert.ErrorIs(t, err, query.ErrCursor, "%+v", q)
	}
	for _, cursor := range []string{"x", "%", first.Next + "A", first.Next[:len(first.Next)-2], strings.Repeat("A", 100), first.Next[:32] + "_____w8"} {
		_, err = v.Page(query.Query{Model: "m", Cursor: cursor})
		assert.ErrorIs(t, err, query.ErrCursor, cursor)
	}
}

// large returns a view of 100,000 datasets.
func large(tb testing.TB) *query.View {
	tb.Helper()
	specs := make([]registry.Spec, 100_000)
	for i := range specs {
		specs[i] = spec(fmt.Sprintf("model-%05d_autoencoder-resid-delta-mlp", i), fmt.Sprintf("model-%d", i%100), "tag", fmt.Sprint("t", i%1000))
	}
	return view(tb, specs...)
}

var filtered = []query.Query{
	{Model: "model-7", Limit: 50},
	{Tag: "t77", Limit: 50},
	{Text: "99999", Limit: 50},
	{ShortName: "none", Limit: 50},
	{Text: "model 77", Sort: "-user_visible_name", Limit: 50},
}

// TestAllocations checks that a page allocates nothing in proportion to the registry.
func TestAllocations(t *testing.T) {
	v := large(t)
	for _, q := range filtered {
		_, err := v.Page(q)
		require.NoError(t, err)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range 10 {
			_, _ = v.Page(q)
		}
		runtime.ReadMemStats(&after)
		assert.Less(t, (after.TotalAlloc-before.TotalAlloc)/10, uint64(20_000), "%+v", q)
	}
}

func BenchmarkPage(b *testing.B) {
	v := large(b)
	for _, q := range filtered {
		b.Run(fmt.Sprintf("%+v", q), func(b *testing.B) {
			b.ReportAllocs()
			_, _ = v.Page(q)
			for b.Loop() {
				_, _ = v.Page(q)
			}
		})
	}
}
