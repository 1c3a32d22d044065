package query_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/neurondex/neurondex/internal/query"
	"github.com/neurondex/neurondex/registry"
)

// browsed has two documents with five datasets.
func browsed(t *testing.T) *query.View {
	t.Helper()
	b := spec("b", "gpt2", "x", "y", "x")
	b.ExplanationDatasetPaths, b.Layers = []string{"e"}, 12
	a := spec("a", "gpt2-xl", "y")
	a.RecordFormat, a.Deprecated, a.Layers = "pt", true, 48
	c := spec("c", "")
	c.DerivedScalarType, c.NeuronDatasetPath, c.RecordFormat = registry.AttnWriteNorm, "https://host.example/Deep/Path", "json"
	r := registry.New()
	_, err := r.Apply(registry.Change{Put: []registry.Document{
		{Name: "one.toml", Datasets: []registry.Spec{b, a}},
		{Name: "two.toml", Datasets: []registry.Spec{spec("b2", "gpt2"), c, spec("d", "")}},
	}})
	require.NoError(t, err)
	return query.Of(r.Snapshot())
}

func shortNames(s *query.Selection) string { return names(query.Page{Datasets: s.Datasets(0, 100)}) }

func TestSelect(t *testing.T) {
	v := browsed(t)
	values := func(facet int, value string) (f query.Filter) {
		f.Values[facet] = value
		return f
	}
	isTwo := func(name string) bool { return name == "two.toml" }
	both := values(query.FacetModel, "gpt2")
	both.Values[query.FacetTag] = "y"
	for _, tt := range []struct {
		filter query.Filter
		want   string
	}{
		{query.Filter{}, "b a b2 c d"},
		{query.Filter{Sort: "-layers"}, "a b d c b2"},
		{query.Filter{Sort: "document"}, "b a b2 c d"},
		{query.Filter{Sort: "record_format"}, "b b2 d c a"},
		{query.Filter{Text: "XL"}, "a"},
		{query.Filter{Text: "deep host.example"}, "c"},
		{query.Filter{Text: "mlp_post b"}, "b a b2 d"},
		{query.Filter{Text: "x"}, "b a c"},
		{query.Filter{Text: "x\x00y"}, "b"},
		{query.Filter{Text: "none"}, ""},
		{values(query.FacetType, string(registry.AttnWriteNorm)), "c"},
		{values(query.FacetModel, "gpt2"), "b b2"},
		{values(query.FacetTag, "y"), "b a"},
		{values(query.FacetTag, "z"), ""},
		{values(query.FacetFormat, "pt"), "a"},
		{values(query.FacetDocument, "two.toml"), "b2 c d"},
		{both, "b"},
		{query.Filter{Explained: true}, "b"},
		{query.Filter{Deprecated: true}, "a"},
		{query.Filter{Explained: true, Deprecated: true}, ""},
		{query.Filter{Troubled: true}, ""},
		{query.Filter{Troubled: true, HasProblems: isTwo}, "b2 c d"},
	} {
		s, err := v.Select(tt.filter)
		require.NoError(t, err)
		assert.Equal(t, tt.want, shortNames(s), "%+v", tt.filter)
		assert.Equal(t, len(strings.Fields(tt.want)), s.N, "%+v", tt.filter)
	}
	_, err := v.Select(query.Filter{Sort: "nothing"})
	assert.ErrorIs(t, err, query.ErrSort)
}

// TestFacets checks that a facet counts what choosing each of its values leads to.
func TestFacets(t *testing.T) {
	v := browsed(t)
	for _, base := range []query.Filter{{}, {Text: "b"}, {Explained: true}, {Values: [query.Facets]string{query.FacetModel: "gpt2"}},
		{Values: [query.Facets]string{query.FacetModel: "gpt2", query.FacetTag: "y"}}} {
		base.HasProblems = func(name string) bool { return name == "one.toml" }
		s, err := v.Select(base)
		require.NoError(t, err)
		for facet := range query.Facets {
			counts, more := s.Values(facet, 10)
			assert.Zero(t, more)
			for _, c := range counts {
				f := base
				f.Values[facet] = c.Value
				chosen, err := v.Select(f)
				require.NoError(t, err)
				assert.Equal(t, c.N, chosen.N, "%+v, facet %d, %q", base, facet, c.Value)
				assert.Equal(t, c.N, s.CountOf(facet, c.Value))
			}
		}
		for _, tt := range []struct {
			n   int
			set func(*query.Filter)
		}{
			{s.Explained, func(f *query.Filter) { f.Explained = true }},
			{s.Deprecated, func(f *query.Filter) { f.Deprecated = true }},
			{s.Troubled, func(f *query.Filter) { f.Troubled = true }},
		} {
			f := base
			tt.set(&f)
			chosen, err := v.Select(f)
			require.NoError(t, err)
			assert.Equal(t, chosen.N, tt.n, "%+v", base)
		}
	}
	s, err := v.Select(query.Filter{})
	require.NoError(t, err)
	counts, more := s.Values(query.FacetTag, 1)
	assert.Equal(t, []query.Count{{Value: "y", N: 2}}, counts, "the most common value first")
	assert.Equal(t, 1, more)
	assert.Zero(t, s.CountOf(query.FacetTag, "none"))
}

func TestSelectionDatasets(t *testing.T) {
	var specs []registry.Spec
	for i := range 200 {
		specs = append(specs, spec(fmt.Sprintf("n%03d", i), []string{"even", "odd"}[i%2]))
	}
	v := view(t, specs...)
	for _, sort := range []string{"", "short_name", "-short_name"} {
		f := query.Filter{Sort: sort}
		f.Values[query.FacetModel] = "odd"
		s, err := v.Select(f)
		require.NoError(t, err)
		var got []string
		for from := 0; from < s.N; from += 30 {
			got = append(got, strings.Fields(names(query.Page{Datasets: s.Datasets(from, 30)}))...)
		}
		var want []string
		for i := 1; i < 200; i += 2 {
			want = append(want, fmt.Sprintf("n%03d", i))
		}
		if sort == "-short_name" {
			slices.Reverse(want)
		}
		assert.Equal(t, want, got, sort)
		assert.Empty(t, s.Datasets(s.N, 30))
	}
}

// crowded is a view of 100,000 datasets.
func crowded(tb testing.TB) *query.View {
	tb.Helper()
	specs := make([]registry.Spec, 100_000)
	for i := range specs {
		specs[i] = registry.Spec{
			ShortName: fmt.Sprintf("model-%d_layer-%d", i%500, i), DerivedScalarType: registry.MLPPostAct, UserVisibleName: fmt.Sprintf("Model %d - MLP neurons %d", i%500, i),
			NeuronDatasetPath: fmt.Sprintf("https://host.example/models/%d/collated-activations/%d", i%500, i), Model: fmt.Sprintf("model-%d", i%500),
			Tags: []string{fmt.Sprint("tag", i%7), fmt.Sprint("group", i%50)}, RecordFormat: []string{"json", "pt"}[i%2],
		}
	}
	return view(tb, specs...)
}

func BenchmarkSelect(b *testing.B) {
	v := crowded(b)
	model := query.Filter{}
	model.Values[query.FacetModel] = "model-7"
	for name, f := range map[string]query.Filter{"all": {}, "value": model, "word": {Text: "mlp"}, "rare": {Text: "layer-7777"}} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				s, err := v.Select(f)
				require.NoError(b, err)
				s.Datasets(0, 50)
			}
		})
	}
	b.Run("columns", func(b *testing.B) {
		s := v.Snapshot()
		for b.Loop() {
			_, err := query.Of(s).Select(query.Filter{})
			require.NoError(b, err)
		}
	})
}
