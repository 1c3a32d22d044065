package records

import (
	"fmt"
	"slices"
	"strings"

	"github.com/neurondex/neurondex/registry"
)

// A Kind says how the activations of a record belong to its tokens.
type Kind int

// The kinds of records.
const (
	NoRecords  Kind = iota // a type has several scalars for a unit and a token
	Tokens                 // one activation for each token
	TokenPairs             // one for each pair of tokens, as of attention heads
)

// KindOf returns the kind of the records of a type. Unknown types are [Tokens].
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

// Texts are the texts of a record, with the shading that people see.
type Texts struct {
	Largest      float64 // activation of the most positive texts
	MostPositive []Text
	RandomSample []Text
}

// A Text is a sequence of tokens.
type Text []Token

// A Token is a token of a text and its activation.
type Token struct {
	Text       string
	Activation Amount // of token pairs, the largest attention that the token pays to any other
	// In and Out are set for token pairs: the total attention that the token pays to others, and
	// that others pay to it.
	In, Out Amount
}

// An Amount is a scalar, and its share of the largest one of the record, at least 0.
type Amount struct{ Scalar, Share float64 }

// MaxLevel is the level of the strongest activation.
const MaxLevel = 9

// Level returns how dark to shade an amount, from 0, for not at all, to [MaxLevel].
func (a Amount) Level() int { return min(int(a.Share*(MaxLevel+0.99)), MaxLevel) }

// Texts returns the texts of a record of a kind, shaded as by [Record.Neuron] or
// [Record.AttentionHead].
func (r *Record) Texts(k Kind) (*Texts, error) {
	texts := &Texts{Largest: largest(r.MostPositive)}
	to := [2]*[]Text{&texts.MostPositive, &texts.RandomSample}
	if k == TokenPairs {
		lists, most, err := r.headLists()
		if err != nil {
			return nil, err
		}
		for l, list := range lists {
			for _, tokens := range list {
				*to[l] = append(*to[l], headText(tokens, most))
			}
		}
		return texts, nil
	}
	if err := r.checkNeuron(); err != nil {
		return nil, err
	}
	m := r.scale()
	for l, list := range r.lists() {
		for _, s := range list.sequences {
			text := make(Text, len(s.Tokens))
			for i, a := range s.Activations {
				text[i] = Token{Text: s.Tokens[i], Activation: Amount{a, normalize(a, m)}}
			}
			*to[l] = append(*to[l], text)
		}
	}
	return texts, nil
}

func headText(tokens []headToken, most [4]float64) Text {
	text := make(Text, len(tokens))
	for i, t := range tokens {
		amount := func(k int) Amount { return Amount{t.stats[k], normalize(t.stats[k], most[k])} }
		text[i] = Token{t.text, amount(maxIn), amount(totalIn), amount(totalOut)}
	}
	return text
}

// NoteOnFormat returns a suffix for the error that a record of a dataset does not exist. It names
// the format if that is not supported, and is empty otherwise.
func NoteOnFormat(d registry.Dataset) string {
	if format := d.RecordFormat(); format != "" && format != "json" {
		return fmt.Sprintf("; record_format of %s is %s; only json is supported", d.Key(), format)
	}
	return ""
}
