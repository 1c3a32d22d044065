package records

import (
	"bytes"
	"fmt"
	"math"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// A Record holds the texts that activate a unit most, and a random sample of texts.
type Record struct {
	MostPositive []Sequence
	RandomSample []Sequence
}

// A Sequence is a text and what its tokens activate. A record of an attention head has an
// activation for each pair of tokens.
type Sequence struct {
	Tokens      []string
	Activations []float64
}

// Parse reads a stored record. Fields that it does not know are ignored. Activations must be
// finite. The cost is linear in the data.
func Parse(data []byte) (*Record, error) {
	d, err := newDecoder(data)
	if err != nil {
		return nil, err
	}
	r := new(Record)
	found := false
	err = d.object(func(name string) error {
		switch name {
		case "most_positive_activation_records":
			found = true
			return d.sequences(&r.MostPositive)
		case "random_sample":
			found = true
			return d.sequences(&r.RandomSample)
		}
		return d.SkipValue()
	})
	if err == nil {
		err = d.end()
	}
	if err == nil && !found {
		err = fmt.Errorf("neither most_positive_activation_records nor random_sample found")
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// The limits of a file bound the memory that it needs. They allow a record of a million tokens.
const (
	maxItems   = 1 << 22 // of all lists together
	maxTokens  = 1 << 20 // of all texts together
	maxObjects = 1 << 16 // of a list
)

// A decoder reads JSON as Python writes it, so with NaN and Infinity.
type decoder struct {
	*jsontext.Decoder
	items, tokens *int // numbers of what was read
}

func newDecoder(data []byte) (decoder, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if start := bytes.TrimLeft(data, " \t\r\n"); len(start) == 0 {
		return decoder{}, fmt.Errorf("the file is empty")
	} else if start[0] == '<' {
		return decoder{}, fmt.Errorf("must be JSON, but looks like a page of HTML")
	}
	return decoder{jsontext.NewDecoder(bytes.NewBuffer(plainJSON(data)), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)), new(int), new(int)}, nil
}

// The names of numbers that JSON lacks, and what plainJSON writes for them.
var pythonNumbers = []struct{ name, json string }{{"NaN", "null"}, {"Infinity", "1e999"}}

// plainJSON returns data with null for NaN, and numbers out of range for infinities.
func plainJSON(data []byte) []byte {
	if !bytes.Contains(data, []byte("NaN")) && !bytes.Contains(data, []byte("Infinity")) {
		return data
	}
	out := make([]byte, 0, len(data)+len(data)/3)
	inString := false
next:
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inString && c == '\\' && i+1 < len(data):
			out = append(out, c)
			i++
		case c == '"':
			inString = !inString
		case !inString && (c == 'N' || c == 'I'):
			for _, n := range pythonNumbers {
				if bytes.HasPrefix(data[i:], []byte(n.name)) {
					out = append(out, n.json...)
					i += len(n.name) - 1
					continue next
				}
			}
		}
		out = append(out, data[i])
	}
	return out
}

// object reads an object and calls member after each name, which reads the value.
func (d decoder) object(member func(name string) error) error {
	if err := d.begin('{', "an object"); err != nil {
		return err
	}
	for d.PeekKind() != '}' {
		t, err := d.ReadToken()
		if err != nil {
			return err
		}
		if err := member(t.String()); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

// list reads a list and calls item for each item, which it reads. null counts as an empty list.
func (d decoder) list(item func() error) error {
	if d.PeekKind() == 'n' {
		return d.SkipValue()
	}
	if err := d.begin('[', "a list"); err != nil {
		return err
	}
	for d.PeekKind() != ']' {
		if *d.items++; *d.items > maxItems {
			return fmt.Errorf("%s: exceeds the limit of %d tokens and activations", d.StackPointer(), maxItems)
		}
		if err := item(); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

// objects reads a list of objects and calls item for each of them, which it reads.
func (d decoder) objects(item func() error) error {
	n := 0
	return d.list(func() error {
		if n++; n > maxObjects {
			return fmt.Errorf("%s: exceeds the limit of %d objects", d.StackPointer(), maxObjects)
		}
		return item()
	})
}

func (d decoder) begin(kind jsontext.Kind, want string) error {
	t, err := d.ReadToken()
	if err == nil && t.Kind() != kind {
		err = fmt.Errorf("%s: must be %s", place(d.StackPointer()), want)
	}
	return err
}

// end reports an error unless only white space follows.
func (d decoder) end() error {
	if d.PeekKind() != 0 {
		return fmt.Errorf("something follows the JSON value at byte %d", d.InputOffset())
	}
	return nil
}

func place(p jsontext.Pointer) string {
	if p == "" {
		return "the file"
	}
	return string(p)
}

func (d decoder) sequences(to *[]Sequence) error {
	*to = nil
	return d.objects(func() error {
		var s Sequence
		err := d.object(func(name string) error {
			switch name {
			case "tokens":
				s.Tokens = nil
				return d.list(func() error {
					if *d.tokens++; *d.tokens > maxTokens {
						return fmt.Errorf("%s: exceeds the limit of %d tokens", d.StackPointer(), maxTokens)
					}
					text, err := d.text()
					s.Tokens = append(s.Tokens, text)
					return err
				})
			case "activations":
				s.Activations = nil
				return d.list(func() error {
					f, err := d.number()
					if err == nil && (math.IsNaN(f) || math.IsInf(f, 0)) {
						err = fmt.Errorf("%s: must be a finite number", d.StackPointer())
					}
					s.Activations = append(s.Activations, f)
					return err
				})
			}
			return d.SkipValue()
		})
		*to = append(*to, s)
		return err
	})
}

func (d decoder) text() (string, error) {
	t, err := d.ReadToken()
	if err == nil && t.Kind() != '"' {
		err = fmt.Errorf("%s: must be a string", d.StackPointer())
	}
	if err != nil {
		return "", err
	}
	return t.String(), nil
}

// number reads a number, or null as NaN.
func (d decoder) number() (float64, error) {
	t, err := d.ReadToken()
	if err != nil {
		return 0, err
	}
	switch t.Kind() {
	case 'n':
		return math.NaN(), nil
	case '0':
		f, _ := strconv.ParseFloat(t.String(), 64) // infinite if out of range
		return f, nil
	}
	return 0, fmt.Errorf("%s: must be a number", d.StackPointer())
}
