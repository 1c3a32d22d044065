package records_test

import (
	"math"
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
func TestTexts(t *testing.T) {
	r, err := records.Parse([]byte(`{"most_positive_activation_records":[{"tokens":["a","b"],"activations":[-1,1,3.00001]}],"random_sample":[{"tokens":["c"],"activations":[0]}]}`))
	require.NoError(t, err)
	texts, err := r.Texts(records.TokenPairs)
	require.NoError(t, err)
	assert.Equal(t, rounded(&records.Texts{
		Largest: 3.00001,
		MostPositive: []records.Text{{
			{Text: "a", Activation: records.Amount{Scalar: -1}, In: records.Amount{Scalar: -1}},
			{Text: "b", Activation: records.Amount{Scalar: 3.00001, Share: 3.00001 / 3},
				In: records.Amount{Scalar: 4.00001, Share: 4.00001 / 4}, Out: records.Amount{Scalar: 3.00001, Share: 3.00001 / 3}},
		}},
		RandomSample: []records.Text{{{Text: "c"}}},
	}), rounded(texts))
	_, err = r.Texts(records.Tokens)
	assert.ErrorContains(t, err, "most_positive_activation_records[0] has 2 tokens and 3 activations")

	r, err = records.Parse([]byte(`{"most_positive_activation_records":[{"tokens":["a","b"],"activations":[-1,1]}],"random_sample":[{"tokens":["c"],"activations":[2.00001]}]}`))
	require.NoError(t, err)
	texts, err = r.Texts(records.Tokens)
	require.NoError(t, err)
	assert.Equal(t, rounded(&records.Texts{
		Largest:      1,
		MostPositive: []records.Text{{{Text: "a", Activation: records.Amount{Scalar: -1}}, {Text: "b", Activation: records.Amount{Scalar: 1, Share: 0.5}}}},
		RandomSample: []records.Text{{{Text: "c", Activation: records.Amount{Scalar: 2.00001, Share: 2.00001 / 2}}}},
	}), rounded(texts))
	assert.Equal(t, []int{0, 4, 9}, []int{texts.MostPositive[0][0].Activation.Level(), texts.MostPositive[0][1].Activation.Level(), texts.RandomSample[0][0].Activation.Level()})
	_, err = r.Texts(records.TokenPairs)
	assert.NoError(t, err, "two tokens that attend to one each")
}

// rounded leaves out the errors of floating-point subtraction.
func rounded(texts *records.Texts) *records.Texts {
	for _, list := range [][]records.Text{texts.MostPositive, texts.RandomSample} {
		for _, text := range list {
			for i := range text {
				for _, a := range []*records.Amount{&text[i].Activation, &text[i].In, &text[i].Out} {
					a.Share = math.Round(a.Share*1e9) / 1e9
				}
			}
		}
	}
	return texts
}
