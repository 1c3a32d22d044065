package registry_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/neurondex/neurondex/registry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestDidYouMean checks what a miss suggests, among few datasets and among many.
func TestDidYouMean(t *testing.T) {
	var specs []registry.Spec
	add := func(name string, types ...registry.DerivedScalarType) {
		for _, t := range types {
			specs = append(specs, registry.Spec{ShortName: name, DerivedScalarType: t, UserVisibleName: "n", NeuronDatasetPath: "p"})
		}
	}
	add("gpt2-xl", registry.MLPPostAct)
	add("gpt2-small", registry.MLPPostAct, registry.AttnWriteNorm)
	for _, version := range []string{"v1", "v2", "v3", "v4"} {
		add("pythia-"+version, registry.MLPPostAct)
	}
	tests := []struct {
		name string
		typ  registry.DerivedScalarType
		want string
	}{
		{"gpt2-smal", "mlp_post_act", `("gpt2-small", "mlp_post_act")?`},
		{"GPT2-Small", "mlp_post_act", `("gpt2-small", "mlp_post_act")?`},
		{"gpt2-samll", "mlp_post_act", `("gpt2-small", "mlp_post_act")?`},
		{"gpt2_small", "attn_write_nrom", `("gpt2-small", "attn_write_norm")?`},
		{"gpt2-small", "mlp_post_acts", `("gpt2-small", "mlp_post_act")?`},
		{"gpt2-smal", "", `("gpt2-small", "mlp_post_act") or ("gpt2-small", "attn_write_norm")?`},
		{"pythia-v9", "mlp_post_act", `("pythia-v1", "mlp_post_act") or ("pythia-v2", "mlp_post_act") or ("pythia-v3", "mlp_post_act")?`},
		{"gpt2-small", "logits", ""},
		{"llama", "mlp_post_act", ""},
		{"", "mlp_post_act", ""},
		{strings.Repeat("gpt2-small", 1000), "mlp_post_act", ""},
		{"gpt2-small", registry.DerivedScalarType(strings.Repeat("mlp", 1000)), ""},
	}
	for _, others := range []int{0, 200} {
		for i := range others {
			add(fmt.Sprintf("another-%03d", i), registry.MLPPostAct)
		}
		var reg registry.Registry
		_, err := reg.Apply(registry.Change{Put: []registry.Document{{Name: "d", Datasets: specs}}})
		require.NoError(t, err)
		for _, tt := range tests {
			_, err := reg.Snapshot().Get(tt.name, tt.typ)
			require.ErrorIs(t, err, registry.ErrNotFound)
			key := fmt.Sprintf("(%q, %q)", tt.name, tt.typ)
			if tt.typ == "" {
				key = fmt.Sprintf("%q", tt.name)
			}
			list, suggestion, found := strings.Cut(err.Error(), "\nDid you mean ")
			assert.Regexp(t, "^no neuron dataset for "+regexp.QuoteMeta(key)+`\. (Available datasets|The closest of 207 available datasets): \(.*\)$`, list)
			assert.Equal(t, tt.want != "", found, key)
			assert.Equal(t, tt.want, suggestion, key)
		}
	}
}
