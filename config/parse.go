package config

import (
	"bytes"
	"cmp"
	"fmt"
	"hash/maphash"
	"math/bits"
	"path"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/neurondex/neurondex/registry"
)

// DefaultMaxBytes is the size in bytes up to which a document is read.
const DefaultMaxBytes = 16 << 20

// SchemaVersion is the newest version of the file format that there is: what
// schema_version says, or what its absence means.
const SchemaVersion = 1

// An Option changes how documents are read.
type Option func(*options)

type options struct {
	maxBytes   int64
	extraTypes map[registry.DerivedScalarType]bool
}

func newOptions(opts []Option) options {
	o := options{maxBytes: DefaultMaxBytes}
	for _, set := range opts {
		set(&o)
	}
	return o
}

// WithExtraScalarTypes makes types known besides those of package registry and those
// that a document declares for itself.
func WithExtraScalarTypes(types ...registry.DerivedScalarType) Option {
	return func(o *options) { o.declare(types) }
}

func (o *options) declare(types []registry.DerivedScalarType) {
	if o.extraTypes == nil {
		o.extraTypes = make(map[registry.DerivedScalarType]bool)
	}
	for _, t := range types {
		o.extraTypes[t] = true
	}
}

// WithMaxBytes sets the size in bytes up to which a document is read, in place of
// [DefaultMaxBytes].
func WithMaxBytes(n int64) Option { return func(o *options) { o.maxBytes = n } }

// Parse reads a document. Its name says the format, by .toml, .json or .jsonc at the
// end, and stands in the diagnostics. If one of them is an error there are no datasets:
// a document is taken whole or not at all. Nothing that is returned refers to data.
func Parse(name string, data []byte, opts ...Option) ([]registry.Spec, Diagnostics) {
	p := &parser{name: name, options: newOptions(opts)}
	specs := p.parse(data)
	p.found.sort()
	if p.found.Count(SeverityError) > 0 {
		return nil, p.found
	}
	return specs, p.found
}

// A parser makes datasets of the tree of one document.
type parser struct {
	options
	name   string
	text   []byte // of the document
	loader *loader
	tree   *tree
	found  Diagnostics

	// What the document says beside its datasets, by today's names, if it is to be kept.
	beside       []registry.Field
	envelopeKept bool

	lineAt, line int // the line of an offset; lines are counted forward from there
}

func (p *parser) parse(data []byte) []registry.Spec {
	format := Format(p.name)
	if format == "" {
		p.whole(SeverityError, RuleUnknownFormat, "a dataset file's name ends in .toml, .json or .jsonc")
		return nil
	}
	if int64(len(data)) > p.maxBytes {
		p.whole(SeverityError, RuleTooLarge, fmt.Sprintf("larger than %d bytes", p.maxBytes))
		return nil
	}
	var fault *problem
	if p.text, fault = decodeText(data); fault == nil {
		p.loader = loaders.Get().(*loader)
		defer p.loader.release()
		p.tree, fault = p.loader.load(format, p.text)
	}
	if fault != nil {
		p.report(fault.at, SeverityError, fault.rule, "", fault.message)
		return nil
	}
	for _, fault := range p.tree.problems {
		p.report(fault.at, SeverityError, fault.rule, "", fault.message)
	}
	if len(p.tree.nodes) == 0 || p.tree.nodes[0].kind == registry.KindObject && p.tree.nodes[0].length == 0 {
		empty := `{"datasets": []}`
		if format == "toml" {
			empty = "datasets = []"
		}
		p.whole(SeverityWarning, RuleEmptyDocument, "nothing in it; if no datasets are meant, say so by "+empty)
		return nil
	}
	return p.datasets()
}

// Format returns the format that a document's name stands for: "toml", "json", or
// "jsonc" for JSON with comments and trailing commas; empty for any other name.
func Format(name string) string {
	switch f := strings.TrimPrefix(strings.ToLower(path.Ext(name)), "."); f {
	case "toml", "json", "jsonc":
		return f
	default:
		return ""
	}
}

// datasetsKey is the key of the datasets where they do not stand alone.
const datasetsKey = "datasets"

// datasets finds which of the forms the document has.
func (p *parser) datasets() []registry.Spec {
	root := &p.tree.nodes[0]
	switch root.kind {
	case registry.KindList:
		return p.list(0, "")
	case registry.KindObject:
	default:
		p.report(int(root.at), SeverityError, RuleWrongShape, "", "a document holds a dataset or a list of datasets, not "+article(root.kind))
		return nil
	}
	p.envelope()
	if at := p.tree.child(0, datasetsKey); at != 0 {
		p.unknownBeside()
		return p.listOrMap(at)
	}
	single, others, allObjects := false, false, true
	for c := range p.tree.children(0) {
		n := &p.tree.nodes[c]
		if isEnvelope(p.tree.key(n)) {
			continue
		}
		others = true
		allObjects = allObjects && n.kind == registry.KindObject
		if f := fieldOf(n); f != nil && f.place < requiredFields {
			single = true
		}
	}
	switch {
	case single:
		specs := make([]registry.Spec, 1)
		p.dataset(&specs[0], 0, place{index: alone}, nil)
		return specs
	case !others:
		p.whole(SeverityWarning, RuleEmptyDocument, "there are no datasets in it")
		return nil
	case allObjects:
		return p.entries(0, "")
	}
	first := &p.tree.nodes[root.first]
	p.found = append(p.found, p.diagnostic(int(first.keyAt), SeverityError, RuleWrongShape, "",
		"neither a list of datasets under the key datasets, nor a dataset with "+fields[0].snake))
	key := string(p.tree.key(first))
	p.found[len(p.found)-1].Suggestion = cmp.Or(suggestEnvelope(key), suggestField(key))
	return nil
}

// isEnvelope reports whether a key of the document itself is about the document.
func isEnvelope(key []byte) bool {
	switch string(key) {
	case "$schema", "schema_version", "schemaVersion", "extra_scalar_types", "extraScalarTypes":
		return true
	}
	return false
}

// envelope reads what the document says about itself. It may stand anywhere in it.
func (p *parser) envelope() {
	for c := range p.tree.children(0) {
		n := &p.tree.nodes[c]
		if !isEnvelope(p.tree.key(n)) {
			continue
		}
		p.keep(c)
		switch key := string(p.tree.key(n)); key {
		case "schema_version", "schemaVersion":
			version, err := strconv.Atoi(string(p.tree.textOf(n)))
			switch {
			case n.kind != registry.KindInteger || err != nil || version < 1:
				p.reportValue(c, SeverityError, RuleUnsupportedVersion, key, "must be an integer from 1 up")
			case version > SchemaVersion:
				p.reportValue(c, SeverityWarning, RuleUnsupportedVersion, key,
					fmt.Sprintf("newer than version %d, the newest that this program knows; what it knows is loaded", SchemaVersion))
			}
		case "extra_scalar_types", "extraScalarTypes":
			var types []string
			if p.strings(c, key, &types) {
				for _, t := range types {
					p.declare([]registry.DerivedScalarType{registry.DerivedScalarType(t)})
				}
			}
		}
	}
}

// keep keeps a key beside the datasets for Convert.
func (p *parser) keep(at int32) {
	if !p.envelopeKept {
		return
	}
	name := string(p.tree.key(&p.tree.nodes[at]))
	for snake, camel := range camelEnvelope {
		if name == camel {
			name = snake
		}
	}
	p.beside = append(p.beside, registry.Field{Name: name, Value: p.tree.value(at)})
}

// unknownBeside warns of keys beside the list of datasets that mean nothing.
func (p *parser) unknownBeside() {
	for c := range p.tree.children(0) {
		n := &p.tree.nodes[c]
		if string(p.tree.key(n)) == datasetsKey || isEnvelope(p.tree.key(n)) {
			continue
		}
		p.keep(c)
		key := string(p.tree.key(n))
		d := p.diagnostic(int(n.keyAt), SeverityWarning, RuleUnknownField, key, "unknown key beside the datasets")
		d.Suggestion = suggestEnvelope(key)
		p.found = append(p.found, d)
	}
}

func (p *parser) listOrMap(at int32) []registry.Spec {
	switch n := &p.tree.nodes[at]; n.kind {
	case registry.KindList:
		return p.list(at, datasetsKey)
	case registry.KindObject:
		return p.entries(at, datasetsKey)
	default:
		p.reportValue(at, SeverityError, RuleWrongType, datasetsKey, "must be a list of datasets, is "+article(n.kind))
		return nil
	}
}

func (p *parser) list(at int32, name string) []registry.Spec {
	c := p.collect(at)
	i := 0
	for item := range p.tree.children(at) {
		where := place{list: name, index: i}
		i++
		if n := &p.tree.nodes[item]; n.kind != registry.KindObject {
			p.reportValue(item, SeverityError, RuleWrongType, where.String(), "must be a dataset, is "+article(n.kind))
			continue
		}
		c.add(item, where, nil)
	}
	return c.specs
}

// entries reads a map from a short name, or a short name and type, to the rest of the
// dataset.
func (p *parser) entries(at int32, name string) []registry.Spec {
	c := p.collect(at)
	if first := p.tree.nodes[at].first; first != 0 {
		p.report(int(p.tree.nodes[first].keyAt), SeverityWarning, RuleLegacyForm, name, "a map of datasets by short name; today's form is a list of datasets")
	}
	for item := range p.tree.children(at) {
		n := &p.tree.nodes[item]
		if at == 0 && isEnvelope(p.tree.key(n)) {
			continue
		}
		key := string(p.tree.key(n))
		where := place{list: name, key: key, index: named}
		if n.kind != registry.KindObject {
			p.reportValue(item, SeverityError, RuleWrongType, where.String(), "must be a dataset, is "+article(n.kind))
			continue
		}
		c.add(item, where, p.keyDefaults(key))
	}
	return c.specs
}

// keyDefaults returns what the key of a map says of its dataset.
func (p *parser) keyDefaults(key string) map[string]string {
	defaults := map[string]string{"short_name": key}
	if i := strings.LastIndexByte(key, '/'); i >= 0 {
		if t, _ := p.scalarType(key[i+1:]); t.IsKnown() || p.extraTypes[t] {
			defaults["short_name"], defaults["derived_scalar_type"] = key[:i], key[i+1:]
		}
	}
	return defaults
}

// A collection is the datasets of a document, and what shows that one comes twice.
type collection struct {
	*parser
	specs []registry.Spec

	// slots are a hash table of places in specs, each one more than it is: a map of the keys
	// would hash each of them twice, and hold them all once more. There are none for a
	// single dataset.
	slots []int32
	seed  maphash.Seed
}

func (p *parser) collect(at int32) collection {
	n := p.tree.nodes[at].length
	c := collection{parser: p, specs: make([]registry.Spec, 0, n)}
	if n > 1 {
		c.slots, c.seed = make([]int32, 1<<bits.Len32(uint32(2*n))), maphash.MakeSeed()
	}
	return c
}

func (c *collection) add(at int32, where place, defaults map[string]string) {
	c.specs = c.specs[:len(c.specs)+1] // there is room for all
	s := &c.specs[len(c.specs)-1]
	c.dataset(s, at, where, defaults)
	if c.slots == nil {
		return // it is the only one
	}
	if first := c.first(s.Key()); first != s && s.ShortName != "" {
		c.report(int(c.tree.nodes[at].at), SeverityError, RuleDuplicateDataset, where.String(), fmt.Sprintf("dataset %v is defined in line %d already", s.Key(), first.Line))
	}
}

// first returns the first dataset with the key of the last one.
func (c *collection) first(key registry.Key) *registry.Spec {
	for hash := maphash.Comparable(c.seed, key); ; hash++ {
		slot := &c.slots[hash&uint64(len(c.slots)-1)]
		if *slot == 0 {
			*slot = int32(len(c.specs))
		}
		if s := &c.specs[*slot-1]; s.Key() == key {
			return s
		}
	}
}

// A place is where in a document a dataset stands. Its path is only put together where
// a diagnostic needs it.
type place struct {
	list  string
	key   string // of a map, if index is named
	index int
}

const (
	alone = -1 // the dataset is the document
	named = -2 // it has a key, not an index
)

// String returns the path, like datasets[2]; empty for a dataset that is the document.
func (w place) String() string {
	switch {
	case w.index == alone:
		return ""
	case w.index == named && w.list == "":
		return cut(w.key)
	case w.index == named:
		return w.list + "." + cut(w.key)
	}
	return w.list + "[" + strconv.Itoa(w.index) + "]"
}

// field returns the path of a field of the dataset.
func (w place) field(name string) string {
	if w.index == alone {
		return cut(name)
	}
	return w.String() + "." + cut(name)
}

// lineOf returns the line of an offset. Asking in the order of the document costs one
// pass over it in all.
func (p *parser) lineOf(at int) int {
	if at < p.lineAt || p.line == 0 {
		p.lineAt, p.line = 0, 1
	}
	p.line += bytes.Count(p.text[p.lineAt:at], []byte{'\n'})
	p.lineAt = at
	return p.line
}

func (p *parser) diagnostic(at int, s Severity, r Rule, field, message string) Diagnostic {
	start := bytes.LastIndexByte(p.text[:at], '\n') + 1
	return Diagnostic{
		Severity: s, Rule: r, File: p.name, Field: field, Message: message,
		Line: p.lineOf(at), Column: utf8.RuneCount(p.text[start:at]) + 1,
	}
}

func (p *parser) report(at int, s Severity, r Rule, field, message string) {
	p.found = append(p.found, p.diagnostic(at, s, r, field, message))
}

// reportValue reports what is wrong with the value of a node.
func (p *parser) reportValue(at int32, s Severity, r Rule, field, message string) {
	n := &p.tree.nodes[at]
	d := p.diagnostic(int(n.at), s, r, field, message)
	d.Value = cut(string(p.tree.textOf(n)))
	p.found = append(p.found, d)
}

func (p *parser) whole(s Severity, r Rule, message string) {
	p.found = append(p.found, Diagnostic{Severity: s, Rule: r, File: p.name, Message: message})
}

// article returns the name of a kind with its article.
func article(k registry.Kind) string {
	switch k {
	case registry.KindNull:
		return "null"
	case registry.KindInteger, registry.KindObject:
		return "an " + k.String()
	default:
		return "a " + k.String()
	}
}

// cut cuts a text that is too long to read.
func cut(s string) string {
	const most = 80
	if len(s) <= most || utf8.RuneCountInString(s) <= most {
		return s
	}
	end := 0
	for range most {
		_, n := utf8.DecodeRuneInString(s[end:])
		end += n
	}
	return s[:end] + "..."
}
