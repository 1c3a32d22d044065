package records

import (
	"slices"
	"strings"

	"github.com/neurondex/neurondex/registry"
)

// A Kind says what the activations of a record are those of.
type Kind int

// The kinds of records.
const (
	NoRecords  Kind = iota // a type has several scalars for a unit and a token
	Tokens                 // one activation for each token
	TokenPairs             // one for each pair of tokens, as of attention heads
)

// KindOf returns the kind of the records that datasets of a type have. It takes a type that is
// not known for one of tokens.
func KindOf(t registry.DerivedScalarType) Kind {
	shape := t.Shape()
	units := len(shape)
	for _, dimension := range []string{"sequence_tokens", "attended_to_sequence_tokens"} {
		if slices.Contains(shape, dimension) {
			units--
		}
	}
	switch {
	case units > 1:
		return NoRecords
	case t.NodeType() == "attention_head" || strings.HasSuffix(t.ViewerNodeType(), "_by_token_pair") || len(shape) > 2:
		return TokenPairs
	default:
		return Tokens
	}
}

// A Shaded record is one for people: how strongly each token of its texts is to be shaded.
type Shaded struct {
	Largest      float64 // largest activation of the most positive texts
	MostPositive []ShadedText
	RandomSample []ShadedText
}

// A ShadedText is a text with shades for each of its tokens.
type ShadedText struct {
	Tokens []string
	// In holds the activation of each token, or, of token pairs, the total of what it attends
	// to others with.
	In []Shade
	// Out holds, of token pairs, the total of what others attend to the token with.
	Out []Shade
}

// A Shade is a scalar, and its share of the largest one of the record, at least 0.
type Shade struct{ Scalar, Share float64 }

// Shade returns a record for people. The scalars are those of [Record.Neuron], or the totals of
// [Record.AttentionHead].
func (r *Record) Shade(k Kind) (*Shaded, error) {
	s := &Shaded{Largest: largest(r.MostPositive)}
	to := [2]*[]ShadedText{&s.MostPositive, &s.RandomSample}
	if k == TokenPairs {
		lists, most, err := r.headLists()
		if err != nil {
			return nil, err
		}
		for l, list := range lists {
			for _, tokens := range list {
				*to[l] = append(*to[l], shadeHead(tokens, most))
			}
		}
		return s, nil
	}
	if err := r.checkNeuron(); err != nil {
		return nil, err
	}
	m := max(0, largest(r.MostPositive), largest(r.RandomSample))
	for l, list := range r.lists() {
		for _, q := range list.sequences {
			t := ShadedText{Tokens: q.Tokens, In: make([]Shade, len(q.Activations))}
			for i, a := range q.Activations {
				t.In[i] = Shade{a, normalize(a, m)}
			}
			*to[l] = append(*to[l], t)
		}
	}
	return s, nil
}

func shadeHead(tokens []headToken, most [4]float64) ShadedText {
	t := ShadedText{Tokens: make([]string, len(tokens)), In: make([]Shade, len(tokens)), Out: make([]Shade, len(tokens))}
	for i, h := range tokens {
		t.Tokens[i] = h.text
		t.In[i] = Shade{h.stats[totalIn], normalize(h.stats[totalIn], most[totalIn])}
		t.Out[i] = Shade{h.stats[totalOut], normalize(h.stats[totalOut], most[totalOut])}
	}
	return t
}
