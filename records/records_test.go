package records_test

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/neurondex/neurondex/records"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", filepath.FromSlash(name)))
	require.NoError(t, err)
	return b
}

// requireClose requires that two JSON texts are equal, numbers to 1e-9 relative.
func requireClose(t *testing.T, want, got []byte) {
	t.Helper()
	var w, g any
	require.NoError(t, json.Unmarshal(want, &w))
	require.NoError(t, json.Unmarshal(got, &g), "%s", got)
	requireCloseValues(t, w, g, "")
}

func requireCloseValues(t *testing.T, want, got any, at string) {
	t.Helper()
	switch w := want.(type) {
	case float64:
		g, ok := got.(float64)
		require.True(t, ok && math.Abs(w-g) <= 1e-9*math.Abs(w), "%s: want %v, got %v", at, want, got)
	case []any:
		g, ok := got.([]any)
		require.True(t, ok && len(g) == len(w), "%s: want %v, got %v", at, want, got)
		for i := range w {
			requireCloseValues(t, w[i], g[i], at+"[]")
		}
	case map[string]any:
		g, ok := got.(map[string]any)
		require.True(t, ok && len(g) == len(w), "%s: want %v, got %v", at, want, got)
		for k := range w {
			requireCloseValues(t, w[k], g[k], at+"."+k)
		}
	default:
		require.Equal(t, want, got, at)
	}
}

func TestStoredAnswers(t *testing.T) {
	r, err := records.Parse(read(t, "mlp/0/0.json"))
	require.NoError(t, err)
	requireClose(t, read(t, "neuron_record.json"), answerOf(t, r.Neuron, "DATA/mlp"))

	r, err = records.Parse(read(t, "attn/0/0.json"))
	require.NoError(t, err)
	requireClose(t, read(t, "attention_head_record.json"), answerOf(t, r.AttentionHead, "DATA/attn"))

	e, err := records.ParseExplanations(read(t, "expl/0/0.jsonl"))
	require.NoError(t, err)
	requireClose(t, read(t, "existing_explanations.json"), explanations(e, "DATA/expl"))
}

// answerOf returns what an answer writes.
func answerOf(t *testing.T, answer func(string) (io.WriterTo, error), dataset string) []byte {
	t.Helper()
	a, err := answer(dataset)
	require.NoError(t, err)
	var b bytes.Buffer
	n, err := a.WriteTo(&b)
	require.NoError(t, err)
	require.Equal(t, int64(b.Len()), n)
	return b.Bytes()
}

func explanations(all []records.Explanation, path string) []byte {
	b := []byte("[")
	for i, e := range all {
		if i > 0 {
			b = append(b, ',')
		}
		b = e.AppendJSON(b, path)
	}
	return append(b, ']')
}

func TestNeuron(t *testing.T) {
	for name, tt := range map[string]struct{ stored, want string }{
		"older names, another list holds the largest": {
			`{"neuron_id":{"layer":1,"idx":2},"most_positive_activation_records":[{"tokens":["a","b"],"activations":[1,-1]}],"random_sample":[{"tokens":["c"],"activations":[2.00001]}]}`,
			`{"dataset":"p","maxActivation":1,"topActivations":[[{"token":"a","scalar":1,"normalizedScalar":0.5},{"token":"b","scalar":-1,"normalizedScalar":0}]],"randomSample":[[{"token":"c","scalar":2.00001,"normalizedScalar":1.000005}]]}`},
		"nothing positive": {
			`{"most_positive_activation_records":[{"tokens":["a","b"],"activations":[-1,0]}],"random_sample":[]}`,
			`{"dataset":"p","maxActivation":0,"topActivations":[[{"token":"a","scalar":-1,"normalizedScalar":0},{"token":"b","scalar":0,"normalizedScalar":0}]],"randomSample":[]}`},
		"all negative": {
			`{"most_positive_activation_records":[{"tokens":["a"],"activations":[-3]}],"random_sample":null}`,
			`{"dataset":"p","maxActivation":-3,"topActivations":[[{"token":"a","scalar":-3,"normalizedScalar":0}]],"randomSample":[]}`},
		"empty lists, NaN in an ignored field and in a string": {
			`{"mean":NaN,"low":-Infinity,"most_positive_activation_records":[{"tokens":[],"activations":[]}],"random_sample":[{"tokens":["\"NaN"],"activations":[5e-6]}]}`,
			`{"dataset":"p","maxActivation":0,"topActivations":[[]],"randomSample":[[{"token":"\"NaN","scalar":5e-6,"normalizedScalar":0}]]}`},
		"a lone surrogate": {
			`{"most_positive_activation_records":[{"tokens":["\ud83d"],"activations":[0]}]}`,
			`{"dataset":"p","maxActivation":0,"topActivations":[[{"token":"\ufffd","scalar":0,"normalizedScalar":0}]],"randomSample":[]}`},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := records.Parse([]byte(tt.stored))
			require.NoError(t, err)
			requireClose(t, []byte(tt.want), answerOf(t, r.Neuron, "p"))
		})
	}
}

// Three tokens attend to at most two: a to a; b to a, b; c to a, b. Nobody attends to c.
func TestAttentionHeadOfLimitedWidth(t *testing.T) {
	r, err := records.Parse([]byte(`{"most_positive_activation_records":[{"tokens":["a","b","c"],"activations":[-1,-2,3,1,4.00001]}],"random_sample":[{"tokens":["d"],"activations":[]}]}`))
	require.NoError(t, err)
	requireClose(t, []byte(`{"dataset":"p","maxAttentionActivation":4.00001,"mostPositiveTokenSequences":[[
		{"token":"a","scalars":[-1],"normalizedScalars":[0],"totalScalarIn":-1,"normalizedTotalScalarIn":0,"maxScalarIn":-1,"normalizedMaxScalarIn":0,"totalScalarOut":-2,"normalizedTotalScalarOut":0,"maxScalarOut":1,"normalizedMaxScalarOut":0.25},
		{"token":"b","scalars":[-2,3],"normalizedScalars":[0,0.75],"totalScalarIn":1,"normalizedTotalScalarIn":0.2,"maxScalarIn":3,"normalizedMaxScalarIn":0.75,"totalScalarOut":7.00001,"normalizedTotalScalarOut":1.00000142857142857,"maxScalarOut":4.00001,"normalizedMaxScalarOut":1.0000025},
		{"token":"c","scalars":[1,4.00001],"normalizedScalars":[0.25,1.0000025],"totalScalarIn":5.00001,"normalizedTotalScalarIn":1.000002,"maxScalarIn":4.00001,"normalizedMaxScalarIn":1.0000025,"totalScalarOut":0,"normalizedTotalScalarOut":0,"maxScalarOut":0,"normalizedMaxScalarOut":0}]],
		"randomTokenSequences":[[{"token":"d","scalars":[],"normalizedScalars":[],"totalScalarIn":0,"normalizedTotalScalarIn":0,"maxScalarIn":0,"normalizedMaxScalarIn":0,"totalScalarOut":0,"normalizedTotalScalarOut":0,"maxScalarOut":0,"normalizedMaxScalarOut":0}]]}`), answerOf(t, r.AttentionHead, "p"))
}

func TestInvalidRecords(t *testing.T) {
	sequence := func(s string) string { return `{"most_positive_activation_records":[` + s + `]}` }
	for name, tt := range map[string]struct{ stored, want string }{
		"empty":              {" \n", "empty"},
		"HTML":               {"<!DOCTYPE html><p>error", "HTML"},
		"another object":     {`{"error":"x"}`, "neither"},
		"cut off":            {`{"most_positive_activation_records":[{"tok`, "unexpected EOF"},
		"deep":               {strings.Repeat("[", 1<<20), "must be an object"},
		"deep within":        {`{"x":` + strings.Repeat("[", 1<<20), "depth"},
		"NaN":                {sequence(`{"tokens":["a"],"activations":[NaN]}`), "finite"},
		"Infinity":           {sequence(`{"tokens":["a"],"activations":[-Infinity]}`), "finite"},
		"out of range":       {sequence(`{"tokens":["a"],"activations":[1e400]}`), "finite"},
		"a number as token":  {sequence(`{"tokens":[1],"activations":[1]}`), "must be a string"},
		"a string as number": {sequence(`{"tokens":["a"],"activations":["1"]}`), "must be a number"},
		"more tokens":        {sequence(`{"tokens":["a","b","c"],"activations":[1,2]}`), "3 tokens and 2 activations"},
		"more activations":   {sequence(`{"tokens":["a"],"activations":[1,2]}`), "1 tokens and 2 activations"},
		"many sequences":     {sequence(strings.Repeat("{},", 1<<21) + "{}"), "exceeds the limit"},
		"many tokens":        {sequence(`{"tokens":[` + strings.Repeat(`"",`, 1<<20) + `""]}`), "exceeds the limit of 1048576 tokens"},
		"many activations":   {sequence(`{"activations":[` + strings.Repeat("1,", 1<<22) + "1]}"), "exceeds the limit"},
		"something follows":  {sequence("") + "{}", "follows"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := records.Parse([]byte(tt.stored))
			for _, answer := range []func(*records.Record, string) (io.WriterTo, error){(*records.Record).Neuron, (*records.Record).AttentionHead} {
				if r != nil {
					_, err = answer(r, "p")
				}
				if name != "more tokens" || err != nil { // which may be a head's of width 1
					assert.ErrorContains(t, err, tt.want)
				}
			}
		})
	}
	r, err := records.Parse([]byte(sequence(`{"tokens":["a","b"],"activations":[1e308,1e308,1e308]}`)))
	require.NoError(t, err)
	_, err = r.AttentionHead("p")
	assert.ErrorContains(t, err, "exceeds the range")
}

func TestOlderExplanations(t *testing.T) {
	e, err := records.ParseExplanations([]byte(`{"neuron_id":{"layer":0,"idx":0},"scored_explanation_or_baseline_list":[
		{"explanation_or_baseline":"a","simulation":{"ev_correlation_score":NaN}},{"explanation_or_baseline":"b","simulation":{"ev_correlation_score":0.5}},{"explanation_or_baseline":"c","simulation":null}]}`))
	require.NoError(t, err)
	requireClose(t, []byte(`[{"explanation":"a","score":null,"datasetName":"x"},{"explanation":"b","score":0.5,"datasetName":"x"},{"explanation":"c","score":null,"datasetName":"x"}]`),
		explanations(e, "https://host.example/x/"))
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"most_positive_activation_records":[{"tokens":["a"],"activations":[1]}],"mean":NaN}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := records.ParseExplanations(data); err != nil {
			_ = err
		}
		r, err := records.Parse(data)
		if err != nil {
			return
		}
		for _, answer := range []func(string) (io.WriterTo, error){r.Neuron, r.AttentionHead} {
			if _, err := answer("p"); err != nil {
				continue
			}
			if b := answerOf(t, answer, "p"); !json.Valid(b) {
				t.Errorf("invalid answer %s", b)
			}
		}
	})
}
