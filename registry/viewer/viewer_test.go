package viewer_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/registry/viewer"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The names that the viewer can show with each of its types. With any other type it shows none.
// The columns follow from the names of the pages: /NAME/NODE_TYPE/LAYER/INDEX.
var shown = map[string]string{ // name: types, by their letters below
	"gpt2-small":                         "ma",
	"GPT2.small~v1":                      "ma",
	"a:b@c&d=e+f,g;h!i*j(k)'$":           "ma",
	"%":                                  "",
	"a%20b":                              "",
	"a b":                                "",
	" a":                                 "",
	"é":                                  "",
	"a\"b":                               "",
	"a<b>":                               "",
	"a`b":                                "",
	"{a}":                                "",
	"a^b":                                "",
	"a\tb":                               "",
	"a\x7f":                              "",
	"org/gpt2":                           "",
	`org\gpt2`:                           "",
	"a?b":                                "",
	"a#b":                                "",
	".":                                  "",
	"..":                                 "",
	"...":                                "ma",
	"%2e":                                "",
	"gpt2_small":                         "l",
	"gpt2_":                              "l",
	"gpt2_small_v1":                      "",
	"gpt2_ae-resid-delta-mlp-v4":         "lp",
	"gpt2_ae-mlp-post-act-v1":            "lp",
	"gpt2_ae-resid-delta-attn-v4":        "ltn",
	"gpt2_resid-delta-mlp/x":             "",
	"gpt2_resid-delta-mlp x":             "",
	"ae-resid-delta-mlp-v4":              "ma",
	"_mlp-post-act":                      "lp",
	"gpt2_resid-delta-attn_mlp":          "",
	"gpt2_mlp-post-act_resid-delta-attn": "",
	"gpt2_mlp-post-act+resid-delta-attn": "lptn",
	"gpt2_Resid-Delta-MLP":               "l",
	"gpt2_undefined":                     "lptn", // the name that is asked for where no part fits
}

var letters = map[registry.DerivedScalarType]string{
	registry.MLPPostAct:                                "m",
	registry.AttnWriteNorm:                             "a",
	registry.AutoencoderLatent:                         "l",
	registry.MLPAutoencoderLatent:                      "p",
	registry.AttentionAutoencoderLatent:                "t",
	registry.FlattenedAttnWriteToLatentSummedOverHeads: "n",
}

func TestFault(t *testing.T) {
	types := slices.Collect(registry.DerivedScalarTypes())
	require.Len(t, types, 106)
	for name, can := range shown {
		for _, typ := range append(types, "my_type") {
			letter := letters[typ]
			field, reason := viewer.Fault(registry.Key{ShortName: name, DerivedScalarType: typ})
			want := "short_name"
			switch {
			case letter == "":
				want = "derived_scalar_type"
			case strings.Contains(can, letter):
				want = ""
			}
			assert.Equal(t, want, field, "%q/%s", name, typ)
			assert.Equal(t, field == "", reason == "", "%q/%s", name, typ)
		}
	}
}

func TestFaultNamesWhatIsAskedFor(t *testing.T) {
	for key, want := range map[registry.Key]string{
		{ShortName: "a_b", DerivedScalarType: registry.MLPPostAct}:              `asks for "a"`,
		{ShortName: "a_b_c", DerivedScalarType: registry.AutoencoderLatent}:     `asks for "a_b"`,
		{ShortName: "a", DerivedScalarType: registry.MLPAutoencoderLatent}:      `asks for "a_undefined"`,
		{ShortName: "a_b", DerivedScalarType: registry.OnlineAutoencoderLatent}: "asks for the type autoencoder_latent",
		{ShortName: "a", DerivedScalarType: registry.Logits}:                    "does not know the type",
	} {
		_, reason := viewer.Fault(key)
		assert.Contains(t, reason, want)
	}
}

func TestLeavesHomePageBlank(t *testing.T) {
	assert.True(t, viewer.LeavesHomePageBlank(registry.Key{ShortName: "a", DerivedScalarType: registry.Logits}))
	assert.True(t, viewer.LeavesHomePageBlank(registry.Key{ShortName: "a", DerivedScalarType: "my_type"}))
	assert.False(t, viewer.LeavesHomePageBlank(registry.Key{ShortName: "a_b", DerivedScalarType: registry.OnlineAutoencoderLatent}))
	assert.False(t, viewer.LeavesHomePageBlank(registry.Key{ShortName: "a_b", DerivedScalarType: registry.MLPPostAct}))
}

func TestAppendMetadata(t *testing.T) {
	var reg registry.Registry
	_, err := reg.Apply(registry.Change{Put: []registry.Document{{Name: "a", Datasets: []registry.Spec{{
		ShortName: "x\"\n\x01<é", DerivedScalarType: "t", UserVisibleName: "n", NeuronDatasetPath: "p", Description: "d",
	}}}}})
	require.NoError(t, err)
	for d := range reg.Snapshot().All() {
		want := `[{"shortName":"x\"\n\u0001<é","derivedScalarType":"t","userVisibleName":"n","neuronDatasetPath":"p"}`
		assert.Equal(t, want, string(viewer.AppendMetadata([]byte("["), d)), "the order of the fields matters")
	}
}

// TestReasons checks what a person is told to change.
func TestReasons(t *testing.T) {
	for _, tt := range []struct {
		name   string
		typ    registry.DerivedScalarType
		reason string
	}{
		{"gpt2_small", registry.MLPPostAct, `it takes what follows the underscore in the short name for the name of an autoencoder, and asks for "gpt2"`},
		{"gpt2_small_v1", registry.AutoencoderLatent, `the short name must be MODEL_AUTOENCODER, without a further underscore; it asks for "gpt2_small"`},
		{"gpt2_small", registry.MLPAutoencoderLatent, `the short name must be MODEL_AUTOENCODER, where AUTOENCODER contains resid-delta-mlp or mlp-post-act; it asks for "gpt2_undefined"`},
	} {
		field, reason := viewer.Fault(registry.Key{ShortName: tt.name, DerivedScalarType: tt.typ})
		assert.Equal(t, "short_name", field, tt.name)
		assert.Equal(t, tt.reason, reason, tt.name)
	}
}
