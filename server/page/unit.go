package page

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/neurondex/neurondex/internal/redact"
	"github.com/neurondex/neurondex/records"
)

// A unit is one unit of a dataset, such as a neuron, and what is stored about it.
type unit struct {
	Layer, Index         string // as they were given
	LastLayer, LastIndex string // empty if not known
	Hidden               url.Values
	Problem              string
	Record               *record // nil if none was asked for, or there is a problem
	Previous, Next       string  // relative URLs; may be empty
}

// A record is what a page shows of a stored record.
type record struct {
	Largest      float64
	Pairs        bool // activations are those of pairs of tokens
	Parts        []recordPart
	Explanations []explanation
	NoReason     string // why explanations are missing; may be empty
}

type recordPart struct {
	Name  string
	Texts []recordText
	More  int
}

type recordText struct {
	HTML      template.HTML
	Strongest string // token; empty if none is active
	Largest   float64
}

type explanation struct {
	records.Explanation
	From string
}

// HasScore reports whether the score is known.
func (e explanation) HasScore() bool { return !math.IsNaN(e.Score) }

// What a page shows of a record at most.
const (
	maxTexts        = 20 // of each kind
	maxTokens       = 1000
	maxExplanations = 50
	maxTokenText    = 200
)

const (
	recordTimeout = 10 * time.Second // of reading; a download goes on, so that the next request may have it
	recordsAtOnce = 4                // in memory
)

// unitOf returns the unit that a request asks for.
func (h *Handler) unitOf(r *http.Request, d *detail) *unit {
	values := r.URL.Query()
	u := &unit{Layer: values.Get("layer"), Index: values.Get("index"), Hidden: make(url.Values)}
	for name, all := range values {
		if name != "layer" && name != "index" {
			u.Hidden[name] = all
		}
	}
	if n := d.Layers(); n > 0 {
		u.LastLayer = strconv.Itoa(n - 1)
	}
	if n := d.NodesPerLayer(); n > 0 {
		u.LastIndex = strconv.Itoa(n - 1)
	}
	if u.Layer == "" && u.Index == "" {
		return u
	}
	layer, errLayer := strconv.Atoi(u.Layer)
	index, errIndex := strconv.Atoi(u.Index)
	if errLayer != nil || errIndex != nil || layer < 0 || index < 0 {
		u.Problem = "Layer and index must be numbers, 0 or greater."
		return u
	}
	u.Layer, u.Index = strconv.Itoa(layer), strconv.Itoa(index)
	if index > 0 {
		u.Previous = u.address(layer, index-1)
	}
	if u.Index != u.LastIndex && index < math.MaxInt {
		u.Next = u.address(layer, index+1)
	}
	ctx, cancel := context.WithTimeout(r.Context(), recordTimeout)
	defer cancel()
	var err error
	if u.Record, err = h.readRecord(ctx, d, layer, index); err != nil {
		u.Problem = h.explain(d, layer, index, err)
	}
	return u
}

// address returns the URL of another unit of the dataset, relative to the page.
func (u *unit) address(layer, index int) string {
	values := url.Values{"layer": {strconv.Itoa(layer)}, "index": {strconv.Itoa(index)}}
	for name, all := range u.Hidden {
		values[name] = all
	}
	return "?" + values.Encode()
}

// explain says why there is no record.
func (h *Handler) explain(d *detail, layer, index int, err error) string {
	unit := fmt.Sprintf("layer %d, index %d", layer, index)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "There is no record of " + unit + " below the path of this dataset" + records.NoteOnFormat(d.Dataset) + "."
	case errors.Is(err, context.DeadlineExceeded):
		return "The record of " + unit + " has not arrived after " + strconv.Itoa(int(recordTimeout.Seconds())) + " s. Try again."
	}
	text := err.Error()
	if !h.options.ExposePaths {
		text = redact.Paths(text, err)
	}
	return "The record of " + unit + " cannot be shown: " + text
}

// readRecord reads what is stored about a unit.
func (h *Handler) readRecord(ctx context.Context, d *detail, layer, index int) (*record, error) {
	select {
	case h.turns <- struct{}{}:
		defer func() { <-h.turns }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	data, err := h.options.Records.Read(ctx, d.NeuronDatasetPath(), layer, index, records.RecordExt)
	if err != nil {
		return nil, err
	}
	parsed, err := records.Parse(data)
	if err != nil {
		return nil, err
	}
	texts, err := parsed.Texts(d.DerivedScalarType())
	if err != nil {
		return nil, err
	}
	rec := &record{Largest: texts.Largest, Pairs: records.HasPairs(d.DerivedScalarType()), Parts: []recordPart{
		newRecordPart("Most positive", texts.MostPositive), newRecordPart("Random sample", texts.RandomSample),
	}}
	for _, p := range d.ExplanationDatasetPaths() {
		if err := h.readExplanations(ctx, rec, p, layer, index); err != nil && !errors.Is(err, fs.ErrNotExist) {
			rec.NoReason = cmp.Or(rec.NoReason, "Some explanations cannot be shown: "+redact.Paths(err.Error(), err))
		}
	}
	return rec, nil
}

func (h *Handler) readExplanations(ctx context.Context, rec *record, p string, layer, index int) error {
	data, err := h.options.Records.Read(ctx, p, layer, index, records.ExplanationExt)
	if err != nil {
		return err
	}
	all, err := records.ParseExplanations(data)
	for _, e := range all {
		if len(rec.Explanations) < maxExplanations {
			rec.Explanations = append(rec.Explanations, explanation{e, p[strings.LastIndexAny(strings.TrimRight(p, "/"), "/")+1:]})
		}
	}
	return err
}

func newRecordPart(name string, texts []records.Text) recordPart {
	part := recordPart{Name: name, More: max(len(texts)-maxTexts, 0)}
	for _, t := range texts[:min(len(texts), maxTexts)] {
		part.Texts = append(part.Texts, newRecordText(t))
	}
	return part
}

// newRecordText returns a text with its tokens shaded. Of a long one it shows the beginning.
func newRecordText(t records.Text) recordText {
	var b strings.Builder
	var text recordText
	for i, token := range t {
		if token.Activation > text.Largest {
			text.Largest = token.Activation
			text.Strongest = cmp.Or(strings.TrimSpace(token.Text), strings.Trim(strconv.Quote(token.Text), `"`))
		}
		if i >= maxTokens {
			continue
		}
		shown := show(maxTokenText, strings.ReplaceAll(token.Text, "\n", "⏎\n"))
		if level := token.Level(); level > 0 {
			fmt.Fprintf(&b, `<mark class=a%d title="%.4g">%s</mark>`, level, token.Activation, shown)
		} else {
			b.WriteString(string(shown))
		}
	}
	if more := len(t) - maxTokens; more > 0 {
		fmt.Fprintf(&b, ` … <i class=code>%s more</i>`, plural(more, "token"))
	}
	text.HTML = template.HTML(b.String()) //nolint:gosec // of numbers and show
	return text
}
