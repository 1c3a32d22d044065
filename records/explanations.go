package records

import (
	"math"
	"strings"
)

// An Explanation is what someone or something says a unit responds to.
type Explanation struct {
	Text  string
	Score float64 // correlation with the activations; NaN if unknown
}

// ParseExplanations reads a stored file of explanations: a line of JSON. Fields that it does
// not know are ignored.
func ParseExplanations(data []byte) ([]Explanation, error) {
	d, err := newDecoder(data)
	if err != nil {
		return nil, err
	}
	var all []Explanation
	err = d.object(func(name string) error {
		if name != "scored_explanations" && name != "scored_explanation_or_baseline_list" {
			return d.SkipValue()
		}
		return d.objects(func() error {
			e := Explanation{Score: math.NaN()}
			err := d.scoredExplanation(&e)
			all = append(all, e)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return all, d.end()
}

func (d decoder) scoredExplanation(e *Explanation) error {
	return d.object(func(name string) (err error) {
		switch name {
		case "explanation", "explanation_or_baseline":
			e.Text, err = d.text()
			return err
		case "scored_simulation", "simulation":
			if d.PeekKind() == '{' {
				return d.object(func(name string) (err error) {
					if name != "ev_correlation_score" {
						return d.SkipValue()
					}
					e.Score, err = d.number()
					return err
				})
			}
		}
		return d.SkipValue()
	})
}

// AppendJSON appends an explanation as /existing_explanations answers it. The path is that of
// the dataset of explanations.
func (e Explanation) AppendJSON(b []byte, path string) []byte {
	b = appendText(append(b, `{"explanation":`...), e.Text)
	b = append(b, `,"score":`...)
	if math.IsNaN(e.Score) || math.IsInf(e.Score, 0) {
		b = append(b, "null"...)
	} else {
		b = appendNumber(b, e.Score)
	}
	b = appendText(append(b, `,"datasetName":`...), DatasetName(path))
	return append(b, '}')
}

// DatasetName returns the name of a dataset of explanations: the last element of its path.
func DatasetName(path string) string {
	path = strings.TrimRight(path, "/")
	return path[strings.LastIndexByte(path, '/')+1:]
}
