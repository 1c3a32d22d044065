package records

import (
	"errors"
	"fmt"
	"io"
	"math"
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

// Neuron returns the answer to /neuron_record, which writes JSON. The dataset is the path that the
// record is from. Each token of the record must have one activation.
func (r *Record) Neuron(dataset string) (io.WriterTo, error) {
	if err := r.checkNeuron(); err != nil {
		return nil, err
	}
	m := r.scale()
	return answer(func(o *writer) {
		o.raw(`{"dataset":`)
		o.text(dataset)
		o.raw(`,"maxActivation":`)
		o.number(largest(r.MostPositive))
		o.raw(`,"topActivations":`)
		o.sequences(r.MostPositive, m)
		o.raw(`,"randomSample":`)
		o.sequences(r.RandomSample, m)
		o.raw("}")
	}), nil
}

// scale returns the largest activation of all, at least 0.
func (r *Record) scale() float64 { return max(0, largest(r.MostPositive), largest(r.RandomSample)) }

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

func (o *writer) sequences(sequences []Sequence, m float64) {
	o.list(len(sequences), func(i int) {
		s := sequences[i]
		o.list(len(s.Tokens), func(j int) {
			o.raw(`{"token":`)
			o.text(s.Tokens[j])
			o.raw(`,"scalar":`)
			o.number(s.Activations[j])
			o.raw(`,"normalizedScalar":`)
			o.number(normalize(s.Activations[j], m))
			o.raw("}")
		})
	})
}

var errOverflow = errors.New("the sum of activations exceeds the range of a number")
