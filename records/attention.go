package records

import (
	"fmt"
	"io"
	"math"
)

// attended returns the number L for which n tokens have count activations, where token i
// attends to min(i+1, L) tokens: n(n+1)/2 less the triangular number of n-L.
func attended(n, count int) (int, bool) {
	rest := n*(n+1)/2 - count
	if rest < 0 || count < 0 {
		return 0, false
	}
	k := int((math.Sqrt(8*float64(rest)+1) - 1) / 2)
	for k*(k+1)/2 < rest { // the root is not exact
		k++
	}
	return n - k, k*(k+1)/2 == rest && k <= n
}

// A headToken is a token of an attention head's record.
type headToken struct {
	text    string
	scalars []float64 // for each token that it attends to
	stats   [4]float64
}

// The statistics of a token.
const (
	totalIn = iota
	maxIn
	totalOut
	maxOut
)

// statNames are the names of a token's statistics: of its own scalars (in), and of those that
// others have for it (out).
var statNames = [4][2]string{
	{`,"totalScalarIn":`, `,"normalizedTotalScalarIn":`},
	{`,"maxScalarIn":`, `,"normalizedMaxScalarIn":`},
	{`,"totalScalarOut":`, `,"normalizedTotalScalarOut":`},
	{`,"maxScalarOut":`, `,"normalizedMaxScalarOut":`},
}

// AttentionHead returns the answer to /attention_head_record, which writes JSON. The dataset is the
// path that the record is from. The activations of each sequence are those of pairs of tokens.
func (r *Record) AttentionHead(dataset string) (io.WriterTo, error) {
	lists, most, err := r.headLists()
	if err != nil {
		return nil, err
	}
	m := r.scale()
	return answer(func(o *writer) {
		o.raw(`{"dataset":`)
		o.text(dataset)
		o.raw(`,"maxAttentionActivation":`)
		o.number(largest(r.MostPositive))
		for l, name := range []string{`,"mostPositiveTokenSequences":`, `,"randomTokenSequences":`} {
			o.raw(name)
			o.list(len(lists[l]), func(i int) {
				o.list(len(lists[l][i]), func(j int) { o.headToken(&lists[l][i][j], m, most) })
			})
		}
		o.raw("}")
	}), nil
}

// headLists returns the tokens of both lists, and the largest value of each statistic.
func (r *Record) headLists() (lists [2][][]headToken, most [4]float64, err error) {
	for l, list := range r.lists() {
		for i, s := range list.sequences {
			tokens, err := headTokens(s)
			if err != nil {
				return lists, most, fmt.Errorf("%s[%d] %w", list.name, i, err)
			}
			for _, t := range tokens {
				for k, v := range t.stats {
					most[k] = max(most[k], v)
				}
			}
			lists[l] = append(lists[l], tokens)
		}
	}
	return lists, most, nil
}

func headTokens(s Sequence) ([]headToken, error) {
	width, ok := attended(len(s.Tokens), len(s.Activations))
	if !ok {
		return nil, fmt.Errorf("has %d tokens and %d activations, which are not those of its pairs of tokens", len(s.Tokens), len(s.Activations))
	}
	tokens := make([]headToken, len(s.Tokens))
	rest := s.Activations
	for i := range tokens {
		t := &tokens[i]
		n := min(i+1, width)
		t.text, t.scalars, rest = s.Tokens[i], rest[:n], rest[n:]
		for j, a := range t.scalars {
			to := &tokens[j]
			t.stats[totalIn] += a
			to.stats[totalOut] += a
			if t.stats[maxIn] = max(t.stats[maxIn], a); j == 0 {
				t.stats[maxIn] = a
			}
			if to.stats[maxOut] = max(to.stats[maxOut], a); i == j { // the first that attends to it is itself
				to.stats[maxOut] = a
			}
		}
	}
	for _, t := range tokens {
		if math.IsInf(t.stats[totalIn], 0) || math.IsInf(t.stats[totalOut], 0) || math.IsNaN(t.stats[totalIn]) || math.IsNaN(t.stats[totalOut]) {
			return nil, errOverflow
		}
	}
	return tokens, nil
}

func (o *writer) headToken(t *headToken, m float64, most [4]float64) {
	o.raw(`{"token":`)
	o.text(t.text)
	o.raw(`,"scalars":`)
	o.list(len(t.scalars), func(i int) { o.number(t.scalars[i]) })
	o.raw(`,"normalizedScalars":`)
	o.list(len(t.scalars), func(i int) { o.number(normalize(t.scalars[i], m)) })
	for k, v := range t.stats {
		o.raw(statNames[k][0])
		o.number(v)
		o.raw(statNames[k][1])
		o.number(normalize(v, most[k]))
	}
	o.raw("}")
}
