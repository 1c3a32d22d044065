package registry_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/neurondex/neurondex/registry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestNotFoundAmongMany: of more than 100 keys, a miss lists the closest ones only.
func TestNotFoundAmongMany(t *testing.T) {
	var specs []registry.Spec
	add := func(name string, t registry.DerivedScalarType) {
		specs = append(specs, registry.Spec{ShortName: name, DerivedScalarType: t, UserVisibleName: "n", NeuronDatasetPath: "p"})
	}
	for i := range 98 {
		add(fmt.Sprintf("model-%02d", i), registry.MLPPostAct)
	}
	add("gpt2-small", registry.MLPPostAct)
	add("gpt2-small", registry.AttnWriteNorm)
	var reg registry.Registry
	apply := func() {
		t.Helper()
		_, err := reg.Apply(registry.Change{Put: []registry.Document{{Name: "d", Datasets: specs}}})
		require.NoError(t, err)
	}
	message := func(name string, typ registry.DerivedScalarType) string {
		_, err := reg.Snapshot().Get(name, typ)
		require.ErrorIs(t, err, registry.ErrNotFound)
		return err.Error()
	}
	apply()
	assert.Equal(t, 101, strings.Count(message("x", "y"), "("), "100 are listed, all of them")
	add("gpt2-xl", registry.MLPPostAct)
	apply()
	got := message("GPT3-small", registry.MLPPostAct)
	assert.Contains(t, got, `no neuron dataset for ("GPT3-small", "mlp_post_act"). The closest of 101 available datasets: `)
	assert.Contains(t, got, `("gpt2-small", "mlp_post_act"), ("gpt2-small", "attn_write_norm")`)
	assert.Equal(t, 12, strings.Count(got, "("), "the missing key, the ten closest ones, and the one that was meant")
	got = message("gpt2-small", "mlp_post_akt")
	assert.Contains(t, got, `("gpt2-small", "mlp_post_act"), ("gpt2-small", "attn_write_norm")`)
	assert.Contains(t, message("model-5_undefined", registry.MLPAutoencoderLatent), "\nThe mlp autoencoder name may need to be given in the URL.")
}

// TestClosestOfMany checks which keys of more than 100 a miss lists, in which order.
func TestClosestOfMany(t *testing.T) {
	var specs []registry.Spec
	add := func(names ...string) {
		for _, name := range names {
			specs = append(specs, registry.Spec{ShortName: name, DerivedScalarType: registry.MLPPostAct, UserVisibleName: "n", NeuronDatasetPath: "p"})
		}
	}
	for i := range 100 {
		add(fmt.Sprintf("%02d-unlike-everything", i))
	}
	add("llama", "gpt-large", "LLAMA-2-7B", "llama-2-13b", "my-llama-2-7b", "llama-2", "l", "llama-2-7c", "llama-2-70b", "xllama", "2-7b", "llama-3-7b", "gpt")
	other := specs[len(specs)-1]
	other.ShortName, other.DerivedScalarType = "llama-2-7b", registry.AttnWriteNorm
	specs = append(specs, other)
	var reg registry.Registry
	apply(t, &reg, put(doc("d", specs...)))
	for name, want := range map[string]string{
		"llama-2-7b": "llama LLAMA-2-7B llama-2-13b my-llama-2-7b llama-2 llama-2-7c llama-2-70b 2-7b llama-3-7b llama-2-7b",
		"llama":      "llama LLAMA-2-7B llama-2-13b llama-2 l llama-2-7c llama-2-70b xllama llama-3-7b llama-2-7b",
		"gpt":        "llama gpt-large LLAMA-2-7B llama-2 l llama-2-7c xllama 2-7b llama-3-7b gpt",
		"":           "llama gpt-large LLAMA-2-7B llama-2 l llama-2-7c xllama 2-7b llama-3-7b gpt",
	} {
		_, err := reg.Snapshot().Get(name, registry.UnflattenedAttnWriteNorm)
		var got []string
		list, _, _ := strings.Cut(err.Error(), "\nDid")
		_, list, _ = strings.Cut(list, "available datasets: ")
		for entry := range strings.SplitSeq(list, "), (") {
			key, _, _ := strings.Cut(strings.Trim(entry, "("), ",")
			got = append(got, strings.Trim(key, `"`))
		}
		assert.Equal(t, want, strings.Join(got, " "), name)
	}
}
