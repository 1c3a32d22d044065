package records_test

import (
	"testing"

	"github.com/neurondex/neurondex/records"
	"github.com/neurondex/neurondex/registry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestKindOf(t *testing.T) {
	for typ, want := range map[registry.DerivedScalarType]records.Kind{
		registry.MLPPostAct: records.Tokens, "my_type": records.Tokens, registry.AutoencoderLatent: records.Tokens, registry.Logits: records.Tokens,
		registry.AttnWriteNorm: records.TokenPairs, registry.AttnQKProbs: records.TokenPairs,
		registry.FlattenedAttnWriteToLatentSummedOverHeads: records.TokenPairs, registry.AttnWriteToLatentSummedOverHeads: records.TokenPairs,
		registry.AttnQuery: records.NoRecords, registry.AttnKey: records.NoRecords, registry.AttnWrite: records.NoRecords,
	} {
		assert.Equal(t, want, records.KindOf(typ), typ)
	}
}

// The token b attends to a with 1 and to itself with 3.00001.
func TestShade(t *testing.T) {
	r, err := records.Parse([]byte(`{"most_positive_activation_records":[{"tokens":["a","b"],"activations":[-1,1,3.00001]}],"random_sample":[{"tokens":["c"],"activations":[0]}]}`))
	require.NoError(t, err)
	s, err := r.Shade(records.TokenPairs)
	require.NoError(t, err)
	assert.Equal(t, rounded(&records.Shaded{
		Largest: 3.00001,
		MostPositive: []records.ShadedText{{
			Tokens: []string{"a", "b"},
			In:     []records.Shade{{Scalar: -1}, {Scalar: 4.00001, Share: 4.00001 / 4}},
			Out:    []records.Shade{{}, {Scalar: 3.00001, Share: 3.00001 / 3}},
		}},
		RandomSample: []records.ShadedText{{Tokens: []string{"c"}, In: []records.Shade{{}}, Out: []records.Shade{{}}}},
	}), rounded(s))
	_, err = r.Shade(records.Tokens)
	assert.ErrorContains(t, err, "most_positive_activation_records[0] has 2 tokens and 3 activations")

	r, err = records.Parse([]byte(`{"most_positive_activation_records":[{"tokens":["a","b"],"activations":[-1,1]}],"random_sample":[{"tokens":["c"],"activations":[2.00001]}]}`))
	require.NoError(t, err)
	s, err = r.Shade(records.Tokens)
	require.NoError(t, err)
	assert.Equal(t, rounded(&records.Shaded{
		Largest:      1,
		MostPositive: []records.ShadedText{{Tokens: []string{"a", "b"}, In: []records.Shade{{Scalar: -1}, {Scalar: 1, Share: 0.5}}}},
		RandomSample: []records.ShadedText{{Tokens: []string{"c"}, In: []records.Shade{{Scalar: 2.00001, Share: 2.00001 / 2}}}},
	}), rounded(s))
	_, err = r.Shade(records.TokenPairs)
	assert.NoError(t, err, "two tokens that attend to one each")
}

// rounded leaves out the errors of floating-point subtraction.
func rounded(s *records.Shaded) *records.Shaded {
	for _, list := range [][]records.ShadedText{s.MostPositive, s.RandomSample} {
		for _, text := range list {
			for _, shades := range [][]records.Shade{text.In, text.Out} {
				for i, v := range shades {
					shades[i].Share = float64(int(v.Share*1e9+0.5)) / 1e9
				}
			}
		}
	}
	return s
}
