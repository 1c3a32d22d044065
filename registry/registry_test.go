package registry_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/neurondex/neurondex/registry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var _ registry.Reader = (*registry.Registry)(nil)

func spec(name string, path string) registry.Spec {
	return registry.Spec{ShortName: name, DerivedScalarType: registry.MLPPostAct, UserVisibleName: strings.ToUpper(name), NeuronDatasetPath: path}
}

func put(docs ...registry.Document) registry.Change { return registry.Change{Put: docs} }

func doc(name string, specs ...registry.Spec) registry.Document {
	return registry.Document{Name: name, Datasets: specs}
}

func apply(t *testing.T, reg *registry.Registry, c registry.Change) registry.Update {
	t.Helper()
	u, err := reg.Apply(c)
	require.NoError(t, err)
	return u
}

// lines renders the datasets that readers get as short name=path, in order.
func lines(s *registry.Snapshot) []string {
	var out []string
	for d := range s.All() {
		out = append(out, d.ShortName()+"="+d.NeuronDatasetPath())
	}
	return out
}

func TestImportsTheStandardLibraryOnly(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".").Output()
	require.NoError(t, err)
	assert.Equal(t, "github.com/neurondex/neurondex/registry", strings.TrimSpace(string(out)))
}

func TestTypesMatchTheData(t *testing.T) {
	data, err := os.ReadFile("derived_scalar_types.json")
	require.NoError(t, err)
	var want []map[string]any
	require.NoError(t, json.Unmarshal(data, &want))
	require.Len(t, want, 106)

	i := 0
	for typ := range registry.DerivedScalarTypes() {
		var location, viewer, shape any
		if typ.LocationWithinLayer() != "" {
			location = typ.LocationWithinLayer()
		}
		if typ.ViewerNodeType() != "" {
			viewer = typ.ViewerNodeType()
		}
		var dims []any
		for _, d := range typ.Shape() {
			dims = append(dims, d)
		}
		shape = dims
		assert.True(t, typ.IsKnown())
		got := map[string]any{
			"value": string(typ), "constant": typ.Constant(), "group": typ.Group(),
			"is_raw_activation": typ.IsRawActivation(), "is_autoencoder_latent": typ.IsAutoencoderLatent(),
			"shape_spec": shape, "node_type": typ.NodeType(), "location_within_layer": location,
			"uses_attended_to_sequence_tokens": typ.UsesAttendedToSequenceTokens(), "viewer_node_type": viewer,
		}
		assert.Equal(t, want[i], got)
		byName, ok := registry.DerivedScalarTypeOfConstant(typ.Constant())
		assert.True(t, ok)
		assert.Equal(t, typ, byName)
		i++
	}
	assert.Equal(t, 106, i)

	unknown := registry.DerivedScalarType("my_type")
	assert.False(t, unknown.IsKnown())
	assert.Empty(t, unknown.NodeType())
	assert.Empty(t, unknown.Shape())
}

func TestEmpty(t *testing.T) {
	s := registry.New().Snapshot()
	assert.Zero(t, s.Len())
	assert.Zero(t, s.Generation())
	assert.Empty(t, lines(s))
	_, ok := s.Lookup("a", registry.MLPPostAct)
	assert.False(t, ok)
	_, ok = s.DocumentLen("a")
	assert.False(t, ok)
	_, err := s.Get("a", registry.MLPPostAct)
	assert.EqualError(t, err, `no neuron dataset for ("a", "mlp_post_act"). There are no datasets.`)

	var none registry.Dataset
	assert.True(t, none.IsZero())
	assert.Empty(t, none.ShortName())
	assert.Empty(t, none.Description())
	assert.Empty(t, none.Document())
}

func TestZeroRegistryIsReadyToUse(t *testing.T) {
	var reg registry.Registry
	assert.Zero(t, reg.Snapshot().Len())
	empty := reg.Snapshot()
	assert.Same(t, empty, reg.Snapshot())
	for u := range reg.Updates(t.Context()) {
		assert.Same(t, empty, u.After)
		break
	}
	var other registry.Registry // without a call of Snapshot first
	u := apply(t, &other, put(doc("a", spec("x", "p"))))
	assert.Equal(t, uint64(1), u.After.Generation())
	assert.Equal(t, []string{"x=p"}, lines(other.Snapshot()))
}

func TestOrderIsByDocumentThenAsDefined(t *testing.T) {
	reg := registry.New()
	apply(t, reg, put(doc("b", spec("3", "p"), spec("1", "p")), doc("c", spec("0", "p"))))
	apply(t, reg, put(doc("a", spec("2", "p"))))
	assert.Equal(t, []string{"2=p", "3=p", "1=p", "0=p"}, lines(reg.Snapshot()))
	assert.Equal(t, map[string]int{"a": 1, "b": 2, "c": 1}, maps.Collect(reg.Snapshot().Documents()))
	n, ok := reg.Snapshot().DocumentLen("b")
	assert.True(t, ok)
	assert.Equal(t, 2, n)
}

func TestNamed(t *testing.T) {
	typed := func(name string, typ registry.DerivedScalarType, path string) registry.Spec {
		s := spec(name, path)
		s.DerivedScalarType = typ
		return s
	}
	var reg registry.Registry
	named := func() (out []string) {
		for d := range reg.Snapshot().Named("x") {
			out = append(out, string(d.DerivedScalarType())+"="+d.NeuronDatasetPath())
		}
		return out
	}
	assert.Empty(t, named())
	apply(t, &reg, put(doc("b", typed("x", "t1", "b"), spec("y", "p"), typed("x", "t3", "b"), typed("x", "t2", "b"))))
	assert.Equal(t, []string{"t1=b", "t3=b", "t2=b"}, named())
	apply(t, &reg, put(doc("b", typed("x", "t2", "b"), typed("x", "t1", "b"), typed("x", "t3", "b"))))
	assert.Equal(t, []string{"t2=b", "t1=b", "t3=b"}, named(), "after a change of the order alone")
	apply(t, &reg, put(doc("a", typed("x", "t4", "a"), typed("x", "t1", "a")), doc("c", typed("x", "t2", "c"))))
	assert.Equal(t, []string{"t4=a", "t1=b", "t3=b", "t2=c"}, named(), "hidden definitions are left out")
	for d := range reg.Snapshot().Named("x") {
		assert.Equal(t, registry.DerivedScalarType("t4"), d.DerivedScalarType())
		break
	}
}

func TestNotFound(t *testing.T) {
	reg := registry.New()
	s := spec("gpt2", "p")
	s2 := s
	s2.DerivedScalarType = registry.AttnWriteNorm
	apply(t, reg, put(doc("a", s, s2)))
	available := `. Available datasets: ("gpt2", "mlp_post_act"), ("gpt2", "attn_write_norm")`
	for _, tt := range []struct {
		name string
		typ  registry.DerivedScalarType
		want string
	}{
		{"gpt3", "mlp_post_act", `no neuron dataset for ("gpt3", "mlp_post_act")` + available + "\nDid you mean (\"gpt2\", \"mlp_post_act\")?"},
		{"x_undefined", "mlp_autoencoder_latent", `no neuron dataset for ("x_undefined", "mlp_autoencoder_latent")` + available + "\nThe mlp autoencoder name may need to be given in the URL."},
		{"x_undefined", "attention_autoencoder_latent", `no neuron dataset for ("x_undefined", "attention_autoencoder_latent")` + available + "\nThe attention autoencoder name may need to be given in the URL."},
		{"x_undefined", "flattened_attn_write_to_latent_summed_over_heads", `no neuron dataset for ("x_undefined", "flattened_attn_write_to_latent_summed_over_heads")` + available + "\nThe attention autoencoder name may need to be given in the URL."},
		{"x_undefined", "mlp_post_act", `no neuron dataset for ("x_undefined", "mlp_post_act")` + available + "\nThe autoencoder name may need to be given in the URL."},
	} {
		_, err := reg.Snapshot().Get(tt.name, tt.typ)
		require.EqualError(t, err, tt.want)
		require.ErrorIs(t, err, registry.ErrNotFound)
		notFound, ok := errors.AsType[*registry.NotFoundError](err)
		require.True(t, ok)
		assert.Equal(t, registry.Key{ShortName: tt.name, DerivedScalarType: tt.typ}, notFound.Key)
	}
}

func TestResolveAndReverse(t *testing.T) {
	reg := registry.New()
	apply(t, reg, put(doc("a", spec("x", "https://host/x/"), spec("y", "/data/y"), spec("z", "/data/y/"))))
	s := reg.Snapshot()
	for _, tt := range []struct{ in, want string }{
		{"x", "https://host/x/"},
		{"y", "/data/y"},
		{"https://anything/at/all", "https://anything/at/all"},
	} {
		got, err := s.Resolve(tt.in, registry.MLPPostAct)
		require.NoError(t, err)
		assert.Equal(t, tt.want, got)
	}
	for _, in := range []string{"http://host/x/", "/data/y", "HTTPS://host"} {
		_, err := s.Resolve(in, registry.MLPPostAct)
		assert.ErrorIs(t, err, registry.ErrNotFound, in)
	}
	for _, tt := range []struct{ path, want string }{
		{"https://host/x", "x"}, {"https://host/x/", "x"}, {"/data/y/", "y"}, {"/data/y", "y"}, {"/data", ""}, {"", ""},
	} {
		got, ok := s.ShortNameOf(tt.path)
		assert.Equal(t, tt.want, got, tt.path)
		assert.Equal(t, tt.want != "", ok, tt.path)
	}
}

func TestLaterDocumentOverridesEarlierOne(t *testing.T) {
	reg := registry.New()
	apply(t, reg, put(doc("10", spec("x", "ten"), spec("other", "p"))))
	u := apply(t, reg, put(doc("50", registry.Spec{ShortName: "x", DerivedScalarType: registry.MLPPostAct, UserVisibleName: "X", NeuronDatasetPath: "fifty", Line: 7})))
	assert.Equal(t, "0 added, 1 updated, 0 removed", u.Diff().String())
	apply(t, reg, put(doc("30", spec("x", "thirty"))))

	s := reg.Snapshot()
	assert.Equal(t, []string{"other=p", "x=fifty"}, lines(s))
	assert.Equal(t, 2, s.Len())
	key := registry.Key{ShortName: "x", DerivedScalarType: registry.MLPPostAct}
	by := registry.Place{Document: "50", Line: 7}
	assert.Equal(t, []registry.Override{
		{Key: key, Hidden: registry.Place{Document: "10"}, By: by},
		{Key: key, Hidden: registry.Place{Document: "30"}, By: by},
	}, slices.Collect(s.Overrides()))

	apply(t, reg, registry.Change{Remove: []string{"30"}})
	assert.Equal(t, []string{"other=p", "x=fifty"}, lines(reg.Snapshot()))
	u = apply(t, reg, registry.Change{Remove: []string{"50"}})
	assert.Equal(t, []string{"x=ten", "other=p"}, lines(reg.Snapshot()))
	assert.Equal(t, "0 added, 1 updated, 0 removed", u.Diff().String())
	assert.Empty(t, slices.Collect(reg.Snapshot().Overrides()))
	assert.Equal(t, []string{"other=p", "x=fifty"}, lines(s), "snapshots are immutable")
}

func TestApplyIsAtomic(t *testing.T) {
	reg := registry.New()
	apply(t, reg, put(doc("a", spec("x", "p"))))
	before := reg.Snapshot()
	for name, tt := range map[string]struct {
		change  registry.Change
		want    error
		message string
	}{
		"dataset twice": {
			put(doc("b", spec("y", "p")), doc("c", spec("z", "p"), spec("z", "q"))),
			registry.ErrDuplicate, `document "c": dataset 1 (z/mlp_post_act): defined twice`,
		},
		"document twice":   {put(doc("b"), doc("b")), registry.ErrDuplicate, `document "b": defined twice`},
		"put and removed":  {registry.Change{Put: []registry.Document{doc("a")}, Remove: []string{"a"}}, registry.ErrDuplicate, `document "a": defined twice`},
		"blank short name": {put(doc("b", spec(" ", "p"))), registry.ErrMissingField, `document "b": dataset 0 ( /mlp_post_act): short_name: required field is empty`},
		"no path":          {put(doc("b", spec("y", ""))), registry.ErrMissingField, `document "b": dataset 0 (y/mlp_post_act): neuron_dataset_path: required field is empty`},
	} {
		_, err := reg.Apply(tt.change)
		require.ErrorIs(t, err, tt.want, name)
		require.EqualError(t, err, tt.message, name)
		_, ok := errors.AsType[*registry.DocumentError](err)
		assert.True(t, ok, name)
		assert.Same(t, before, reg.Snapshot(), name)
	}
	rejected := errors.New("rejected")
	_, err := reg.ApplyIf(put(doc("b", spec("y", "p"))), func(u registry.Update) error {
		assert.Same(t, before, u.Before)
		assert.Equal(t, 2, u.After.Len())
		return rejected
	})
	require.ErrorIs(t, err, rejected)
	assert.Same(t, before, reg.Snapshot())
}

func TestSameContentKeepsGeneration(t *testing.T) {
	reg := registry.New()
	first := apply(t, reg, put(doc("a", spec("x", "p"))))
	again := spec("x", "p")
	again.Line = 12 // a line was inserted above it
	u := apply(t, reg, put(doc("a", again)))
	assert.Equal(t, first.After.Generation(), u.After.Generation())
	assert.Same(t, u.Before, u.After)
	assert.True(t, u.Diff().IsEmpty())
	u = apply(t, reg, registry.Change{Remove: []string{"nothing"}})
	assert.Same(t, u.Before, u.After)
	apply(t, reg, put(doc("b", spec("x", "q"))))
	for o := range reg.Snapshot().Overrides() {
		assert.Equal(t, 12, o.Hidden.Line, "lines are updated without a new generation")
	}
}

func TestHashDependsOnContentOnly(t *testing.T) {
	a, b := registry.New(), registry.New()
	apply(t, a, put(doc("1", spec("x", "p")), doc("2", spec("y", "p"))))
	apply(t, b, put(doc("2", spec("y", "q"), spec("z", "q"))))
	assert.NotEqual(t, a.Snapshot().Hash(), b.Snapshot().Hash())
	apply(t, b, put(doc("1", spec("x", "p"))))
	apply(t, b, put(doc("2", spec("y", "p"))))
	assert.Equal(t, a.Snapshot().Hash(), b.Snapshot().Hash())
	assert.NotEqual(t, a.Snapshot().Generation(), b.Snapshot().Generation())
	apply(t, b, registry.Change{Remove: []string{"1", "2"}})
	assert.Equal(t, registry.New().Snapshot().Hash(), b.Snapshot().Hash())

	// Values of different kinds with the same text have different hashes: see also
	// TestEveryField.
	withExtra := func(v registry.Value) registry.Hash {
		s := spec("x", "p")
		s.Extra = []registry.Field{{Name: "d", Value: v}}
		var reg registry.Registry
		return apply(t, &reg, put(doc("1", s))).After.Hash()
	}
	assert.NotEqual(t, withExtra(registry.IntegerValue(1)), withExtra(registry.StringValue("1")))
}

func TestDatasetsAreImmutable(t *testing.T) {
	reg := registry.New()
	s := spec("x", "p")
	s.Tags = []string{"one"}
	s.Extra = []registry.Field{{Name: "n", Value: registry.BoolValue(true)}}
	apply(t, reg, put(doc("a", s)))
	s.Tags[0], s.Extra[0].Name = "changed", "changed"
	d, _ := reg.Snapshot().Lookup("x", registry.MLPPostAct)
	d.Tags()[0] = "changed"
	d.Spec().Tags[0] = "changed"
	d.Spec().Extra[0].Name = "changed"
	registry.MLPPostAct.Shape()[0] = "changed"
	assert.Equal(t, []string{"one"}, d.Tags())
	assert.Equal(t, "n", d.Spec().Extra[0].Name)
	assert.Equal(t, map[string]registry.Value{"n": registry.BoolValue(true)}, maps.Collect(d.Extra()))
	assert.Equal(t, "x/mlp_post_act", d.String())
	assert.Equal(t, "sequence_tokens", registry.MLPPostAct.Shape()[0])
}

func TestJSON(t *testing.T) {
	reg := registry.New()
	full := registry.Spec{
		ShortName: "x\"\n\x01<é", DerivedScalarType: "t", UserVisibleName: "n", NeuronDatasetPath: "p",
		Description: "d", Model: "m", Layers: 12, NodesPerLayer: 3072, RecordFormat: "json",
		ExplanationDatasetPaths: []string{"e", "f"}, Version: "1", License: "MIT", Homepage: "https://h",
		Tags: []string{"a", "b"}, Deprecated: true, ReplacedBy: "y",
		Extra: []registry.Field{
			{Name: "MyKey", Value: registry.ObjectValue(
				registry.Field{Name: "big", Value: registry.IntegerValue(9223372036854775807)},
				registry.Field{Name: "list", Value: registry.ListValue(registry.FloatValue(1.5e300), registry.FloatValue(math.Inf(-1)), registry.Value{}, parsed(registry.ParseTime("1979-05-27")))})},
		},
	}
	apply(t, reg, put(doc("a", full, spec("plain", "p"))))
	got, err := json.Marshal(slices.Collect(reg.Snapshot().All()))
	require.NoError(t, err)
	assert.JSONEq(t, `[{"shortName":"x\"\n\u0001<é","derivedScalarType":"t","userVisibleName":"n","neuronDatasetPath":"p",
		"description":"d","model":"m","layers":12,"nodesPerLayer":3072,"recordFormat":"json","explanationDatasetPaths":["e","f"],
		"version":"1","license":"MIT","homepage":"https://h","tags":["a","b"],"deprecated":true,"replacedBy":"y",
		"MyKey":{"big":9223372036854775807,"list":[1.5e300,"-inf",null,"1979-05-27"]}},
		{"shortName":"plain","derivedScalarType":"mlp_post_act","userVisibleName":"PLAIN","neuronDatasetPath":"p"}]`,
		string(got))
}

func TestUpdates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := registry.New()
		apply(t, reg, put(doc("a", spec("x", "p"))))
		ctx, cancel := context.WithCancel(t.Context())
		var got []string
		resume := make(chan struct{})
		done := make(chan struct{})
		go func() {
			defer close(done)
			for u := range reg.Updates(ctx) {
				got = append(got, fmt.Sprintf("%d-%d: %v", u.Before.Generation(), u.After.Generation(), u.Diff()))
				<-resume
			}
		}()
		synctest.Wait()
		assert.Equal(t, []string{"0-1: 1 added, 0 updated, 0 removed"}, got, "the first update leads to the current state")
		// Changes while the consumer is busy are combined into one update.
		apply(t, reg, put(doc("a", spec("x", "q")), doc("b", spec("y", "p"), spec("z", "p"))))
		apply(t, reg, registry.Change{Remove: []string{"b"}})
		resume <- struct{}{}
		synctest.Wait()
		assert.Equal(t, "1-3: 0 added, 1 updated, 0 removed", got[1])
		resume <- struct{}{}
		apply(t, reg, registry.Change{Remove: []string{"a"}})
		synctest.Wait()
		assert.Equal(t, "3-4: 0 added, 0 updated, 1 removed", got[2])
		resume <- struct{}{}
		cancel()
		<-done
		assert.Len(t, got, 3)
	})
}

// TestUpdatesHaveNoGap follows a registry that changes continuously, at several speeds.
func TestUpdatesHaveNoGap(t *testing.T) {
	reg := registry.New()
	const changes = 2000
	done := make(chan struct{})
	for speed := range 3 {
		go func() {
			defer func() { done <- struct{}{} }()
			var last *registry.Snapshot
			datasets := 0
			for u := range reg.Updates(t.Context()) {
				if last == nil {
					assert.Zero(t, u.Before.Len())
				} else {
					assert.Same(t, last, u.Before)
					assert.Greater(t, u.After.Generation(), last.Generation())
				}
				last = u.After
				diff := u.Diff()
				datasets += len(diff.Added) - len(diff.Removed)
				assert.Equal(t, u.After.Len(), datasets, "sum of all differences")
				if last.Generation() == changes {
					return
				}
				for range speed * 1000 {
					runtime.Gosched()
				}
			}
		}()
	}
	for i := range changes {
		c := put(doc(fmt.Sprint(i%7), spec(fmt.Sprint(i%5), fmt.Sprint(i)), spec("other", "p")))
		if i%3 == 0 {
			c.Remove = []string{fmt.Sprint((i + 1) % 7)}
		}
		apply(t, reg, c)
	}
	for range 3 {
		<-done
	}
}

// TestUpdatesDoNotLeak ends loops in every possible way. The bubble would wait for any
// goroutine that they leave behind.
func TestUpdatesDoNotLeak(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := registry.New()
		for range reg.Updates(t.Context()) {
			break
		}
		assert.PanicsWithValue(t, "consumer", func() {
			for range reg.Updates(t.Context()) {
				panic("consumer")
			}
		})
		next, stop := iter.Pull(reg.Updates(t.Context()))
		_, ok := next()
		assert.True(t, ok)
		stop()
		ended, end := context.WithCancel(t.Context())
		end()
		for range reg.Updates(ended) {
			assert.Fail(t, "update after the context ended")
		}
		first := apply(t, reg, put(doc("a", spec("x", "p")))).After

		// A change of lines alone yields no update, and leaves no gap.
		var steps []registry.Update
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			for u := range reg.Updates(ctx) {
				steps = append(steps, u)
			}
		}()
		synctest.Wait()
		moved := spec("x", "p")
		moved.Line = 3
		apply(t, reg, put(doc("a", moved)))
		synctest.Wait()
		assert.Len(t, steps, 1)
		apply(t, reg, put(doc("a", spec("x", "q"))))
		synctest.Wait()
		assert.Len(t, steps, 2)
		assert.Same(t, first, steps[1].Before)
		cancel()
		<-done
	})
}

func TestReadersSeeConsistentStates(t *testing.T) {
	reg := registry.New()
	state := func(path string) registry.Change {
		return put(doc("a", spec("x", path)), doc("b", spec("y", path), spec("z", path)))
	}
	apply(t, reg, state("0"))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{}, 2)
	for range 2 {
		go func() {
			defer func() { done <- struct{}{} }()
			for ctx.Err() == nil {
				s := reg.Snapshot()
				paths := map[string]bool{}
				for d := range s.All() {
					paths[d.NeuronDatasetPath()] = true
				}
				assert.Len(t, paths, 1)
			}
		}()
	}
	for i := range 2000 {
		apply(t, reg, state(fmt.Sprint(i)))
	}
	cancel()
	<-done
	<-done
}

func TestLookupDoesNotAllocate(t *testing.T) {
	reg := registry.New()
	apply(t, reg, put(doc("a", spec("x", "p"))))
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		if d, ok := reg.Snapshot().Lookup("x", registry.MLPPostAct); !ok || d.NeuronDatasetPath() != "p" {
			t.Fail()
		}
	}))
}
