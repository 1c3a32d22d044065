package page

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/neurondex/neurondex/internal/redact"
	"github.com/neurondex/neurondex/records"
	"github.com/neurondex/neurondex/registry"
)

// The limits of a record on a page.
const (
	recordTimeout  = 15 * time.Second // a download continues after it, for the next request
	filesAtOnce    = 16               // files that are read or in memory
	recordsAtOnce  = 2                // records in memory
	maxTexts       = 100              // of each list
	maxTextBytes   = 1 << 20          // of the HTML of all texts
	maxTokenLength = 100
	maxExplained   = 50 // explanations of each path
)

// A unit is what the page of a dataset shows of a record: a form that asks for one, and the one
// that the address names.
type unit struct {
	Of     string // a hash of the paths that it is read from
	None   bool   // the type has no records
	Action string
	Hidden []parameter // of the form

	Layer, Index       string // as given
	MaxLayer, MaxIndex string // empty if unknown
	IsGiven            bool
	Status             int
	Problem            string // why there is no record
	Previous, Next     string

	Pairs        bool
	Largest      string
	Lists        []textList
	Explanations []explanation
	Problems     []string // of explanations
}

// A textList is one of the two lists of a record.
type textList struct {
	Name  string
	Texts []shadedText
	More  int // texts that are not shown
}

// A shadedText is a text as HTML.
type shadedText struct {
	Largest string // its largest activation, and where
	At      string
	In, Out template.HTML
}

// An explanation is one of [records.Explanation] with where it is from.
type explanation struct{ Text, Score, From string }

// unitOf returns what is shown of the record that a request names.
func (h *Handler) unitOf(r *http.Request, d registry.Dataset, document string) *unit {
	if h.options.Records == nil {
		return nil
	}
	kind := records.KindOf(d.DerivedScalarType())
	address := datasetURL(d.Key())
	if document != "" {
		address = definitionURL(d.Key(), document, false)
	}
	action, query, _ := strings.Cut(address, "?")
	u := &unit{None: kind == records.NoRecords, Pairs: kind == records.TokenPairs, Action: action, Status: http.StatusOK, Layer: "0", Index: "0"}
	u.Of = hashOf(fmt.Sprintf("%q %q", d.NeuronDatasetPath(), d.ExplanationDatasetPaths()))
	values, _ := url.ParseQuery(query) // definitionURL made it
	for _, name := range slices.Sorted(maps.Keys(values)) {
		u.Hidden = append(u.Hidden, parameter{name, values.Get(name)})
	}
	if n := d.Layers(); n > 0 {
		u.MaxLayer = strconv.Itoa(n - 1)
	}
	if n := d.NodesPerLayer(); n > 0 {
		u.MaxIndex = strconv.Itoa(n - 1)
	}
	given := r.URL.Query()
	if u.None || !given.Has("layer") && !given.Has("index") {
		return u
	}
	u.IsGiven, u.Layer, u.Index = true, cmp.Or(given.Get("layer"), "0"), cmp.Or(given.Get("index"), "0")
	layer, errLayer := strconv.Atoi(u.Layer)
	index, errIndex := strconv.Atoi(u.Index)
	if errLayer != nil || errIndex != nil || layer < 0 || index < 0 {
		u.Status, u.Problem = http.StatusBadRequest, "Layer and index must be numbers, 0 or greater"
		u.Layer, u.Index = "0", "0"
		return u
	}
	u.Layer, u.Index = strconv.Itoa(layer), strconv.Itoa(index)
	at := func(i int) string {
		separator := "?"
		if query != "" {
			separator = "&"
		}
		return fmt.Sprintf("%s%slayer=%d&index=%d#record", address, separator, layer, i)
	}
	if index > 0 {
		u.Previous = at(index - 1)
	}
	if n := d.NodesPerLayer(); index < math.MaxInt && (n == 0 || index < n-1) {
		u.Next = at(index + 1)
	}
	h.read(r.Context(), u, d, kind, layer, index)
	return u
}

// read reads a record and its explanations.
func (h *Handler) read(ctx context.Context, u *unit, d registry.Dataset, kind records.Kind, layer, index int) {
	ctx, cancel := context.WithTimeout(ctx, recordTimeout)
	defer cancel()
	err := h.with(ctx, d.NeuronDatasetPath(), layer, index, records.RecordExt, func(data []byte) error { return u.show(data, kind) })
	if err != nil {
		u.fail(d, err, h.messageOf)
	}
	for _, path := range d.ExplanationDatasetPaths() {
		err := h.with(ctx, path, layer, index, records.ExplanationExt, func(data []byte) error { return u.explain(data, path) })
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			u.Problems = append(u.Problems, h.messageOf(err))
		}
	}
}

// with reads a file and calls f with it.
func (h *Handler) with(ctx context.Context, path string, layer, index int, ext string, f func(data []byte) error) error {
	if err := h.files.Acquire(ctx, 1); err != nil {
		return err
	}
	defer h.files.Release(1)
	data, err := h.options.Records.Read(ctx, path, layer, index, ext)
	if err != nil {
		return err
	}
	if err := h.turns.Acquire(ctx, 1); err != nil {
		return err
	}
	defer h.turns.Release(1)
	return f(data)
}

// explain adds what is stored at a path of explanations.
func (u *unit) explain(data []byte, path string) error {
	all, err := records.ParseExplanations(data)
	for _, e := range all[:min(len(all), maxExplained)] {
		score := "no score"
		if !math.IsNaN(e.Score) && !math.IsInf(e.Score, 0) {
			score = fmt.Sprintf("score %.3g", e.Score)
		}
		u.Explanations = append(u.Explanations, explanation{e.Text, score, records.DatasetName(path)})
	}
	return err
}

// messageOf returns the text of an error, without paths of this machine unless they may be shown.
func (h *Handler) messageOf(err error) string {
	if h.options.ExposePaths {
		return err.Error()
	}
	return redact.Paths(err.Error(), err)
}

func (u *unit) fail(d registry.Dataset, err error, messageOf func(error) string) {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		u.Status, u.Problem = http.StatusNotFound, fmt.Sprintf("There is no record of layer %s, index %s%s", u.Layer, u.Index, records.NoteOnFormat(d))
		if errors.Is(err, records.ErrPyTorch) {
			u.Problem += "; " + records.ErrPyTorch.Error()
		}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		u.Status, u.Problem = http.StatusGatewayTimeout, fmt.Sprintf("The record did not arrive within %d seconds. Try again later", recordTimeout/time.Second)
	default:
		u.Status, u.Problem = http.StatusBadGateway, "The record cannot be shown: "+strings.TrimPrefix(messageOf(err), records.ErrFile.Error()+": ")
	}
}

// show makes HTML of a stored record.
func (u *unit) show(data []byte, kind records.Kind) error {
	r, err := records.Parse(data)
	if err != nil {
		return err
	}
	s, err := r.Texts(kind)
	if err != nil {
		return err
	}
	u.Largest = scalar(s.Largest)
	left := maxTextBytes
	for _, list := range []struct {
		name  string
		texts []records.Text
	}{{"Top activations", s.MostPositive}, {"Random sample", s.RandomSample}} {
		l := textList{Name: list.name}
		for i, t := range list.texts {
			if i == maxTexts || left <= 0 {
				l.More = len(list.texts) - i
				break
			}
			l.Texts = append(l.Texts, shadeText(t, kind, &left))
		}
		u.Lists = append(u.Lists, l)
	}
	return nil
}

func shadeText(t records.Text, kind records.Kind, left *int) shadedText {
	activation := func(t records.Token) records.Amount { return t.Activation }
	var s shadedText
	if kind == records.TokenPairs {
		activation = func(t records.Token) records.Amount { return t.In }
		s.Out = shade(t, func(t records.Token) records.Amount { return t.Out }, left)
	}
	s.In = shade(t, activation, left)
	if len(t) > 0 {
		most := slices.MaxFunc(t, func(a, b records.Token) int { return cmp.Compare(activation(a).Scalar, activation(b).Scalar) })
		s.Largest, s.At = scalar(activation(most).Scalar), visible(most.Text)
	}
	return s
}

// shade returns a text as HTML. An active token has a class for its level and a title with its
// amount. The length of the HTML is subtracted from left; the text is cut where left is used up.
func shade(t records.Text, amount func(records.Token) records.Amount, left *int) template.HTML {
	var b strings.Builder
	for i, token := range t {
		if b.Len() >= *left {
			fmt.Fprintf(&b, `… <i class=code>%s more</i>`, plural(len(t)-i, "token"))
			break
		}
		text, a := show(maxTokenLength, visible(token.Text)), amount(token)
		if level := a.Level(); level > 0 {
			fmt.Fprintf(&b, `<span class=s%d title=%s>%s</span>`, level, scalar(a.Scalar), text)
		} else {
			b.WriteString(string(text))
		}
	}
	*left -= b.Len()
	return template.HTML(b.String()) //nolint:gosec // the text of tokens is escaped, the rest are numbers
}

// visible returns a token with symbols for line ends, so that their shading can be seen.
func visible(token string) string {
	return strings.NewReplacer("\r\n", "⏎", "\n", "⏎", "\t", "→").Replace(token)
}

func scalar(f float64) string { return strconv.FormatFloat(f, 'g', 4, 64) }
