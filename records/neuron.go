package records

import (
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// epsilon is what the viewer's own server subtracts from a largest value before it divides.
const epsilon = 1e-5

// normalize returns a scalar as a share of the largest one, at least 0. Where nothing is
// noticeably positive, it returns 0.
func normalize(scalar, largest float64) float64 {
	if largest <= epsilon {
		return 0
	}
	return max(0, scalar/(largest-epsilon))
}

// largest returns the largest activation of sequences, or 0 if there is none.
func largest(sequences []Sequence) float64 {
	m := math.Inf(-1)
	for _, s := range sequences {
		for _, a := range s.Activations {
			m = max(m, a)
		}
	}
	if math.IsInf(m, -1) {
		return 0
	}
	return m
}

// Neuron returns the answer to /neuron_record as JSON. The dataset is the path that the record
// is from. Each token of the record must have one activation.
func (r *Record) Neuron(dataset string) ([]byte, error) {
	if err := r.checkNeuron(); err != nil {
		return nil, err
	}
	m := max(0, largest(r.MostPositive), largest(r.RandomSample))
	b := appendText([]byte(`{"dataset":`), dataset)
	b = appendNumber(append(b, `,"maxActivation":`...), largest(r.MostPositive))
	b = appendSequences(append(b, `,"topActivations":`...), r.MostPositive, m)
	b = appendSequences(append(b, `,"randomSample":`...), r.RandomSample, m)
	return append(b, '}'), nil
}

// checkNeuron reports an error unless each token has one activation.
func (r *Record) checkNeuron() error {
	for _, list := range r.lists() {
		for i, s := range list.sequences {
			if len(s.Tokens) != len(s.Activations) {
				return fmt.Errorf("%s[%d] has %d tokens and %d activations", list.name, i, len(s.Tokens), len(s.Activations))
			}
		}
	}
	return nil
}

// A namedList is a list of sequences by the name of its field.
type namedList struct {
	name      string
	sequences []Sequence
}

func (r *Record) lists() []namedList {
	return []namedList{{"most_positive_activation_records", r.MostPositive}, {"random_sample", r.RandomSample}}
}

func appendSequences(b []byte, sequences []Sequence, m float64) []byte {
	return appendList(b, len(sequences), func(b []byte, i int) []byte {
		s := sequences[i]
		return appendList(b, len(s.Tokens), func(b []byte, j int) []byte {
			b = appendText(append(b, `{"token":`...), s.Tokens[j])
			b = appendNumber(append(b, `,"scalar":`...), s.Activations[j])
			b = appendNumber(append(b, `,"normalizedScalar":`...), normalize(s.Activations[j], m))
			return append(b, '}')
		})
	})
}

func appendList(b []byte, n int, item func([]byte, int) []byte) []byte {
	b = append(b, '[')
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		b = item(b, i)
	}
	return append(b, ']')
}

func appendText(b []byte, s string) []byte {
	b, _ = jsontext.AppendQuote(b, s) // replaces invalid UTF-8
	return b
}

func appendNumber(b []byte, f float64) []byte { return strconv.AppendFloat(b, f, 'g', -1, 64) }

var errOverflow = errors.New("the sum of activations exceeds the range of a number")
