package records

import (
	"fmt"
	"strings"

	"github.com/neurondex/neurondex/registry"
)

// Texts are the texts of a record, for people to look at.
type Texts struct {
	Largest      float64 // activation of the most positive texts
	MostPositive []Text
	RandomSample []Text
}

// A Text is a sequence of tokens.
type Text []Token

// A Token is a piece of a text and what it activates.
type Token struct {
	Text       string
	Activation float64 // of a neuron; of an attention head the largest that the token has for any other
	Share      float64 // of the largest such activation of the record, at least 0, as the viewer shades it
}

// MaxLevel is the level of the strongest activation.
const MaxLevel = 9

// Level returns how dark to shade a token, from 0, for not at all, to [MaxLevel].
func (t Token) Level() int { return min(int(t.Share*(MaxLevel+0.99)), MaxLevel) }

// HasPairs reports whether the records of a type have an activation for each pair of tokens,
// as those of attention heads do.
func HasPairs(t registry.DerivedScalarType) bool {
	return t.NodeType() == "attention_head" || strings.HasSuffix(t.ViewerNodeType(), "_by_token_pair")
}

// Texts returns the texts of a record of a type.
func (r *Record) Texts(t registry.DerivedScalarType) (*Texts, error) {
	texts := r.neuronTexts
	if HasPairs(t) {
		texts = r.headTexts
	}
	mostPositive, randomSample, err := texts()
	return &Texts{largest(r.MostPositive), mostPositive, randomSample}, err
}

func (r *Record) neuronTexts() (mostPositive, randomSample []Text, err error) {
	if err := r.checkNeuron(); err != nil {
		return nil, nil, err
	}
	m := r.scale()
	convert := func(list []Sequence) []Text {
		texts := make([]Text, len(list))
		for i, s := range list {
			for j, token := range s.Tokens {
				texts[i] = append(texts[i], Token{token, s.Activations[j], normalize(s.Activations[j], m)})
			}
		}
		return texts
	}
	return convert(r.MostPositive), convert(r.RandomSample), nil
}

func (r *Record) headTexts() (mostPositive, randomSample []Text, err error) {
	h, err := r.heads()
	if err != nil {
		return nil, nil, err
	}
	convert := func(list [][]headToken) []Text {
		texts := make([]Text, len(list))
		for i, tokens := range list {
			for _, t := range tokens {
				texts[i] = append(texts[i], Token{t.text, t.stats[maxIn], normalize(t.stats[maxIn], h.most[maxIn])})
			}
		}
		return texts
	}
	return convert(h.lists[0]), convert(h.lists[1]), nil
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

// NoteOnFormat returns what to add to the error that a record of a dataset does not exist, if
// its records have a format that is not read, or an empty string.
func NoteOnFormat(d registry.Dataset) string {
	if format := d.RecordFormat(); format != "" && format != "json" {
		return fmt.Sprintf("; record_format of %s is %s, and only json is read", d.Key(), format)
	}
	return ""
}
