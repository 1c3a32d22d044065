package query

import (
	"cmp"
	"math/bits"
	"slices"
	"strings"
	"sync"

	"github.com/neurondex/neurondex/registry"
)

// A Filter selects datasets for people to browse. Empty fields select all.
type Filter struct {
	// Text holds words that the names, the model, the tags or the path must contain, in any
	// case.
	Text string
	// Values selects the datasets that have a value, by facet. An empty value selects all.
	Values [Facets]string
	// Explained, Deprecated and Troubled select the datasets that have explanations, that are
	// deprecated, and that a document with problems defines.
	Explained, Deprecated, Troubled bool
	// HasProblems reports whether a document has problems. It may be nil, if none has.
	HasProblems func(document string) bool
	// Sort is one of [Sorts], or empty for the order of the registry.
	Sort string
}

// The facets whose values are counted. They are indexes of [Filter.Values].
const (
	FacetType = iota
	FacetModel
	FacetTag
	FacetFormat
	FacetDocument
	Facets // their number
)

// The facets that a dataset has or has not, which are counted beside the others.
const (
	flagExplained = Facets + iota
	flagDeprecated
	flagTroubled
	all // of both kinds
)

// A Count is a value of a facet, and how many datasets have it.
type Count struct {
	Value string
	N     int
}

// A Selection is what a [Filter] selects of a snapshot.
type Selection struct {
	N int // number of datasets
	// Explained, Deprecated and Troubled are how many there are, or would be if the filter
	// asked for them.
	Explained, Deprecated, Troubled int

	view   *View
	sort   string
	bits   []uint64        // of the datasets, by position
	counts [Facets][]int32 // of the datasets, or of those that another value selects, by value
}

// Select returns what a filter selects. It passes over all datasets once.
//
// A facet counts the datasets that all other conditions of the filter select, so that it
// shows what choosing another value leads to.
func (v *View) Select(f Filter) (*Selection, error) {
	if err := v.Check(Query{Sort: f.Sort}); err != nil {
		return nil, err
	}
	if f.isEmpty() && f.HasProblems == nil {
		s := *v.everything()
		s.sort = f.Sort
		return &s, nil
	}
	return v.selectAll(f), nil
}

func (f *Filter) isEmpty() bool {
	return f.Text == "" && f.Values == [Facets]string{} && !f.Explained && !f.Deprecated && !f.Troubled
}

func (v *View) selectAll(f Filter) *Selection {
	c := v.columns()
	s := &Selection{view: v, sort: f.Sort, bits: make([]uint64, (len(c.flags)+63)/64)}
	var wanted [Facets]int32
	for facet, values := range c.values {
		s.counts[facet] = make([]int32, len(values.names))
		wanted[facet] = none
		if name := f.Values[facet]; name != "" {
			wanted[facet] = values.find(name)
		}
	}
	var flags uint8
	for bit, on := range map[uint8]bool{isExplained: f.Explained, isDeprecated: f.Deprecated, isTroubled: f.Troubled} {
		if on {
			flags |= bit
		}
	}
	documents := &c.values[FacetDocument]
	troubled := make([]uint8, len(documents.names))
	if f.HasProblems != nil {
		for i, name := range documents.names {
			if f.HasProblems(name) {
				troubled[i] = isTroubled
			}
		}
	}
	found := c.search(strings.Fields(strings.ToLower(f.Text)))
	for at := range c.flags {
		if found != nil && found[at/64]&(1<<(at%64)) == 0 {
			continue
		}
		has := c.flags[at] | troubled[documents.all(at)[0]]
		missed, misses := all, 0
		for facet := range c.values {
			if wanted[facet] != none && !slices.Contains(c.values[facet].all(at), wanted[facet]) {
				missed = facet
				misses++
			}
		}
		for i, bit := range [...]uint8{isExplained, isDeprecated, isTroubled} {
			if flags&bit&^has != 0 {
				missed = flagExplained + i
				misses++
			}
		}
		if misses <= 1 {
			s.count(c, at, has, missed)
		}
	}
	return s
}

// count counts a dataset that all conditions select, or all but the one of a facet.
func (s *Selection) count(c *columns, at int, has uint8, missed int) {
	if missed == all {
		s.bits[at/64] |= 1 << (at % 64)
		s.N++
	}
	for facet := range c.values {
		if missed != all && missed != facet {
			continue
		}
		for _, value := range c.values[facet].all(at) {
			s.counts[facet][value]++
		}
	}
	for i, n := range [...]*int{&s.Explained, &s.Deprecated, &s.Troubled} {
		if has&(1<<i) != 0 && (missed == all || missed == flagExplained+i) {
			*n++
		}
	}
}

// search returns the datasets whose text contains all words, as bits by position. It returns
// nil if there are no words.
func (c *columns) search(words []string) []uint64 {
	var found []uint64
	for i, word := range words {
		bits := c.searchWord(word)
		if i == 0 {
			found = slices.Clone(bits)
			continue
		}
		for i := range found {
			found[i] &= bits[i]
		}
	}
	return found
}

// maxWords is the number of words whose datasets are kept.
const maxWords = 256

// searchWord returns the datasets whose text contains a word. It keeps them: someone who types
// asks for a longer word next, which only they can contain.
func (c *columns) searchWord(word string) []uint64 {
	c.mu.Lock()
	known, shorter := c.words[word], []uint64(nil)
	for n := len(word) - 1; n > 0 && known == nil && shorter == nil; n-- {
		shorter = c.words[word[:n]]
	}
	c.mu.Unlock()
	if known != nil {
		return known
	}
	found := make([]uint64, (len(c.flags)+63)/64)
	for i := range found {
		candidates := ^uint64(0)
		if shorter != nil {
			candidates = shorter[i]
		}
		for ; candidates != 0; candidates &= candidates - 1 {
			at := i*64 + bits.TrailingZeros64(candidates)
			if at < len(c.flags) && strings.Contains(c.text[c.starts[at]:c.starts[at+1]], word) {
				found[i] |= 1 << (at % 64)
			}
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.words) >= maxWords {
		clear(c.words)
	}
	c.words[word] = found
	return found
}

// Values returns the first values of a facet that datasets have, the most common ones of the
// snapshot first, and how many more there are. At most limit are returned.
func (s *Selection) Values(facet, limit int) (counts []Count, more int) {
	names := s.view.columns().values[facet].names
	for value, n := range s.counts[facet] {
		switch {
		case n == 0 || names[value] == "":
		case len(counts) == limit:
			more++
		default:
			counts = append(counts, Count{names[value], int(n)})
		}
	}
	return counts, more
}

// CountOf returns how many datasets have a value of a facet.
func (s *Selection) CountOf(facet int, value string) int {
	if i := s.view.columns().values[facet].find(value); i >= 0 {
		return int(s.counts[facet][i])
	}
	return 0
}

// Datasets returns at most limit datasets from a position on, in the order of the filter.
func (s *Selection) Datasets(from, limit int) []registry.Dataset {
	order, descending := s.view.order(s.sort)
	everything := s.view.all()
	var page []registry.Dataset
	for i := range everything {
		at := i
		if descending {
			at = len(everything) - 1 - i
		}
		if order != nil {
			at = int(order[at])
		}
		if s.bits[at/64]&(1<<(at%64)) == 0 {
			continue
		}
		if from--; from >= 0 {
			continue
		}
		if len(page) == limit {
			break
		}
		page = append(page, everything[at])
	}
	return page
}

// Has reports whether any dataset of the view has a value in an order: whether a column of it
// would show anything.
func (v *View) Has(sort string) bool { return v.columns().has[sort] }

// Columns are what Select reads of the datasets, by position.
type columns struct {
	text   string // what words are looked for in, in lower case, of all datasets
	starts []int  // where that of each dataset begins, and the end
	flags  []uint8
	values [Facets]values
	has    map[string]bool // see View.Has

	mu    sync.Mutex          // guards the rest
	words map[string][]uint64 // the datasets that contain a word, as bits by position
}

// The bits of columns.flags, in the order of the flag facets.
const (
	isExplained = 1 << iota
	isDeprecated
	isTroubled
)

// none stands for no value.
const none = -1

// values are the values of a facet. The most common ones come first.
type values struct {
	names  []string
	number map[string]int32
	of     []int32 // of each dataset, one after the other
	starts []int32 // where those of each dataset begin, and the end
}

// find returns the number of a value, or one that no dataset has.
func (v *values) find(name string) int32 {
	if i, ok := v.number[name]; ok {
		return i
	}
	return none - 1
}

// any reports whether any dataset has a value that is not empty.
func (v *values) any() bool {
	return slices.ContainsFunc(v.names, func(name string) bool { return name != "" })
}

// all returns the values of a dataset.
func (v *values) all(at int) []int32 { return v.of[v.starts[at]:v.starts[at+1]] }

// textSize is the usual length of the text of a dataset.
const textSize = 160

// newColumns returns a function that computes the columns of a view once.
func newColumns(v *View) func() *columns {
	return sync.OnceValue(func() *columns {
		everything := v.all()
		c := &columns{starts: make([]int, 1, len(everything)+1), flags: make([]uint8, len(everything)), words: make(map[string][]uint64)}
		var text strings.Builder
		text.Grow(textSize * len(everything))
		var hasLayers, hasUnits bool
		for i, d := range everything {
			for _, s := range append(d.Tags(), d.ShortName(), d.UserVisibleName(), string(d.DerivedScalarType()), d.Model(), d.NeuronDatasetPath()) {
				text.WriteString(strings.ToLower(s))
				text.WriteByte(0)
			}
			c.starts = append(c.starts, text.Len())
			if len(d.ExplanationDatasetPaths()) > 0 {
				c.flags[i] |= isExplained
			}
			hasLayers, hasUnits = hasLayers || d.Layers() != 0, hasUnits || d.NodesPerLayer() != 0
			if d.Deprecated() {
				c.flags[i] |= isDeprecated
			}
		}
		c.text = text.String()
		one := func(field func(registry.Dataset) string) values {
			list := make([]string, 1)
			return newValues(everything, func(d registry.Dataset) []string { list[0] = field(d); return list })
		}
		c.values = [Facets]values{
			FacetType:     one(func(d registry.Dataset) string { return string(d.DerivedScalarType()) }),
			FacetModel:    one(registry.Dataset.Model),
			FacetTag:      newValues(everything, registry.Dataset.Tags),
			FacetFormat:   one(registry.Dataset.RecordFormat),
			FacetDocument: one(registry.Dataset.Document),
		}
		c.has = map[string]bool{
			"short_name": true, "derived_scalar_type": true, "user_visible_name": true, "document": true,
			"model": c.values[FacetModel].any(), "record_format": c.values[FacetFormat].any(), "layers": hasLayers, "nodes_per_layer": hasUnits,
		}
		return c
	})
}

// newValues returns the values that a function lists of each dataset.
func newValues(datasets []registry.Dataset, list func(registry.Dataset) []string) values {
	v := values{number: make(map[string]int32), of: make([]int32, 0, len(datasets)), starts: make([]int32, 1, len(datasets)+1)}
	var names []string
	var counts []int
	for _, d := range datasets {
		begin := len(v.of)
		for _, name := range list(d) {
			at, ok := v.number[name]
			if !ok {
				at = int32(len(names))
				v.number[name] = at
				names, counts = append(names, name), append(counts, 0)
			}
			if !slices.Contains(v.of[begin:], at) {
				v.of = append(v.of, at)
				counts[at]++
			}
		}
		v.starts = append(v.starts, int32(len(v.of)))
	}
	order := make([]int32, len(names))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), strings.Compare(names[a], names[b]))
	})
	rank := make([]int32, len(names))
	for i, at := range order {
		rank[at], v.number[names[at]] = int32(i), int32(i)
		v.names = append(v.names, names[at])
	}
	for i, at := range v.of {
		v.of[i] = rank[at]
	}
	return v
}
