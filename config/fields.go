package config

import "github.com/neurondex/neurondex/registry"

// A field is a field of a dataset: its two spellings and an accessor, which is the one
// function that is set.
type field struct {
	place        int // in fields
	snake, camel string
	goName       string // in registry.Spec
	text         func(*registry.Spec) *string
	number       func(*registry.Spec) *int
	flag         func(*registry.Spec) *bool
	list         func(*registry.Spec) *[]string
}

const requiredFields = neuronDatasetPathPlace + 1

// Places of fields that need more than their value set.
const (
	typePlace         = derivedScalarTypePlace
	pathPlace         = neuronDatasetPathPlace
	explanationsPlace = explanationDatasetPathsPlace
)

// fieldByName has both spellings, and fieldByGoName the names in registry.Spec. They are
// only read after init.
var (
	fieldByName   = make(map[string]*field, 2*len(fields))
	fieldByGoName = make(map[string]*field, len(fields))
)

func init() {
	for i := range fields {
		f := &fields[i]
		f.place = i
		fieldByName[f.snake], fieldByName[f.camel], fieldByGoName[f.goName] = f, f, f
	}
}

// fieldNamed returns one more than the place of the field with the given name, or 0 if
// there is none. Last is the result for the previous key: most datasets have their
// fields in the order of the table.
func fieldNamed(key []byte, last uint8) uint8 {
	if int(last) < len(fields) && (string(key) == fields[last].snake || string(key) == fields[last].camel) {
		return last + 1
	}
	if f, ok := fieldByName[string(key)]; ok {
		return uint8(f.place) + 1
	}
	return 0
}

// fieldOf returns the field that the key of a node names, or nil.
func fieldOf(n *node) *field {
	if n.field == 0 {
		return nil
	}
	return &fields[n.field-1]
}

// typeTexts has the names of the known types, so that datasets can share them.
var typeTexts = make(map[string]string)

func init() {
	for t := range registry.DerivedScalarTypes() {
		typeTexts[string(t)] = string(t)
	}
}

// typeText returns the name of a derived scalar type, shared if the type is known.
func typeText(raw []byte) (text string, known bool) {
	if text, known = typeTexts[string(raw)]; !known {
		text = string(raw)
	}
	return text, known
}
