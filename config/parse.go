package config

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-playground/validator/v10"
	"github.com/neurondex/neurondex/registry"
)

// DefaultMaxBytes is the size in bytes up to which a document is read.
const DefaultMaxBytes = 16 << 20

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

// WithExtraScalarTypes makes types known besides those of package registry.
func WithExtraScalarTypes(types ...registry.DerivedScalarType) Option {
	return func(o *options) {
		if o.extraTypes == nil {
			o.extraTypes = make(map[registry.DerivedScalarType]bool)
		}
		for _, t := range types {
			o.extraTypes[t] = true
		}
	}
}

// WithMaxBytes sets the size in bytes up to which a document is read, in place of
// [DefaultMaxBytes].
func WithMaxBytes(n int64) Option { return func(o *options) { o.maxBytes = n } }

// Parse reads a document. Its name says the format, by .toml or .json at the end,
// and stands in the diagnostics. If one of them is an error there are no datasets:
// a document is taken whole or not at all. Nothing that is returned refers to data.
func Parse(name string, data []byte, opts ...Option) ([]registry.Spec, Diagnostics) {
	o := newOptions(opts)
	p := &parser{name: name, data: data, options: o}
	specs := p.parse()
	slices.SortStableFunc(p.found, func(a, b Diagnostic) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	if p.found.Count(Error) > 0 {
		return nil, p.found
	}
	return specs, p.found
}

// A parser makes datasets of the tree of one document.
type parser struct {
	options
	name  string
	data  []byte
	tree  *tree
	ctx   context.Context //nolint:containedctx // for the validator alone, which has no other way in
	found Diagnostics

	lineAt, line int // the line of an offset; lines are counted forward from there
}

func (p *parser) parse() []registry.Spec {
	format := strings.TrimPrefix(strings.ToLower(path.Ext(p.name)), ".")
	if format != "toml" && format != "json" {
		p.whole(Error, UnknownFormat, "a dataset file's name ends in .toml or .json")
		return nil
	}
	if int64(len(p.data)) > p.maxBytes {
		p.whole(Error, TooLarge, fmt.Sprintf("larger than %d bytes", p.maxBytes))
		return nil
	}
	p.data = bytes.TrimPrefix(p.data, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(p.data) {
		at := 0
		for r, n := utf8.DecodeRune(p.data); r != utf8.RuneError || n > 1; r, n = utf8.DecodeRune(p.data[at:]) {
			at += n
		}
		p.report(at, Error, BadEncoding, "", fmt.Sprintf("byte %#02x is not UTF-8", p.data[at]))
		return nil
	}
	t, problem := load(format, p.data)
	if problem != nil {
		p.report(problem.at, Error, problem.rule, "", problem.message)
		return nil
	}
	for _, problem := range t.problems {
		p.report(problem.at, Error, problem.rule, "", problem.message)
	}
	p.tree = t
	if len(t.nodes) == 0 || t.nodes[0].kind == registry.KindObject && t.nodes[0].length == 0 {
		empty := map[string]string{"toml": "datasets = []", "json": `{"datasets": []}`}[format]
		p.whole(Warning, EmptyDocument, "nothing in it; if no datasets are meant, say so by "+empty)
		return nil
	}
	p.ctx = context.WithValue(context.Background(), extraTypesKey{}, func(t registry.DerivedScalarType) bool { return p.extraTypes[t] })
	return p.datasets()
}

// datasets finds which of the forms the document has.
func (p *parser) datasets() []registry.Spec {
	root := &p.tree.nodes[0]
	if root.kind == registry.KindList {
		return p.list(0, "")
	}
	if root.kind != registry.KindObject {
		p.report(int(root.at), Error, WrongShape, "", "a document holds a dataset or a list of datasets, not "+article(root.kind))
		return nil
	}
	if at := p.tree.child(0, "datasets"); at != 0 {
		n := &p.tree.nodes[at]
		if n.kind != registry.KindList {
			p.report(int(n.at), Error, WrongType, "datasets", "must be a list of datasets, is "+article(n.kind))
			return nil
		}
		return p.list(at, "datasets")
	}
	for c := root.first; c != 0; c = p.tree.nodes[c].next {
		if f, ok := fieldByName[p.tree.nodes[c].key]; ok && f.place < requiredFields {
			return []registry.Spec{p.dataset(0, "")}
		}
	}
	p.report(int(p.tree.nodes[root.first].keyAt), Error, WrongShape, "",
		"neither a list of datasets under the key datasets, nor a dataset with "+fields[0].snake)
	return nil
}

func (p *parser) list(at int32, name string) []registry.Spec {
	n := &p.tree.nodes[at]
	specs := make([]registry.Spec, 0, n.length)
	places := make(map[registry.Key]int, n.length)
	for c := n.first; c != 0; c = p.tree.nodes[c].next {
		i := len(specs)
		where := elementPath(name, i)
		if item := &p.tree.nodes[c]; item.kind != registry.KindObject {
			p.report(int(item.at), Error, WrongType, where(), "must be a dataset, is "+article(item.kind))
			specs = append(specs, registry.Spec{})
			continue
		}
		spec := p.datasetAt(c, where)
		if first, twice := places[spec.Key()]; twice && spec.ShortName != "" {
			p.report(int(p.tree.nodes[c].at), Error, DuplicateDataset, where(),
				fmt.Sprintf("dataset %v is defined in line %d already", spec.Key(), specs[first].Line))
		} else {
			places[spec.Key()] = i
		}
		specs = append(specs, spec)
	}
	return specs
}

// elementPath returns a function for the path of a list's element: paths are only
// put together where a diagnostic needs one.
func elementPath(list string, i int) func() string {
	return func() string { return list + "[" + strconv.Itoa(i) + "]" }
}

func (p *parser) dataset(at int32, where string) registry.Spec {
	return p.datasetAt(at, func() string { return where })
}

// datasetAt reads the dataset at a node. What is wrong with it is reported, all of it.
func (p *parser) datasetAt(at int32, where func() string) registry.Spec {
	obj := &p.tree.nodes[at]
	spec := registry.Spec{Line: p.lineOf(int(obj.at))}
	var given [len(fields)]int32 // where each field stands; 0: nowhere
	fieldPath := func(name string) string {
		if w := where(); w != "" {
			return w + "." + name
		}
		return name
	}

	extra := 0
	for c := obj.first; c != 0; c = p.tree.nodes[c].next {
		n := &p.tree.nodes[c]
		f, ok := fieldByName[n.key]
		if !ok {
			extra++
			continue
		}
		if other := given[f.place]; other != 0 {
			if p.tree.nodes[other].key == n.key {
				continue // the codec has reported a key that is given twice
			}
			if !p.tree.value(other).Equal(p.tree.value(c)) {
				p.report(int(n.keyAt), Warning, CasingConflict, fieldPath(n.key),
					fmt.Sprintf("%s and %s differ; %s is taken", f.snake, f.camel, f.camel))
			}
			if n.key != f.camel {
				continue
			}
		}
		given[f.place] = c
	}
	bad := [len(fields)]bool{}
	for i, c := range given {
		if c != 0 {
			bad[i] = !p.set(&spec, &fields[i], c, fieldPath)
		} else if i < requiredFields {
			bad[i] = true
			p.report(int(obj.at), Error, MissingField, fieldPath(fields[i].snake), "required field is missing")
		}
	}
	if extra > 0 {
		spec.Extra = make([]registry.Field, 0, extra)
		for c := obj.first; c != 0; c = p.tree.nodes[c].next {
			if n := &p.tree.nodes[c]; fieldByName[n.key] == nil {
				spec.Extra = append(spec.Extra, registry.Field{Name: n.key, Value: p.tree.value(c)})
			}
		}
	}

	var failed validator.ValidationErrors
	if err := validate.StructCtx(p.ctx, &spec); err != nil && !errors.As(err, &failed) {
		p.report(int(obj.at), Error, BadValue, where(), err.Error())
	}
	for _, e := range failed {
		name, _, element := strings.Cut(e.StructField(), "[") // ExplanationDatasetPaths[1]
		f := fieldByGoName[name]
		if bad[f.place] {
			continue // said already
		}
		n := &p.tree.nodes[given[f.place]]
		fieldName := n.key
		if element {
			fieldName = n.key + e.StructField()[len(name):]
		}
		rule, message := ruleOf(e, fmt.Sprint(e.Value()))
		p.report(int(n.at), Error, rule, fieldPath(fieldName), message)
	}
	return spec
}

// set puts the value at a node into its field and reports whether that was possible.
func (p *parser) set(spec *registry.Spec, f *field, at int32, fieldPath func(string) string) bool {
	n := &p.tree.nodes[at]
	want := ""
	switch {
	case n.kind == registry.KindNull:
		if f.place < requiredFields {
			p.report(int(n.at), Error, MissingField, fieldPath(n.key), "required field is null")
			return false
		}
	case f.text != nil:
		if want = "a string"; n.kind == registry.KindString {
			*f.text(spec) = n.text
			return true
		}
	case f.flag != nil:
		if want = "true or false"; n.kind == registry.KindBool {
			*f.flag(spec) = n.text == "true"
			return true
		}
	case f.number != nil:
		want = "an integer"
		if i, err := strconv.Atoi(n.text); n.kind == registry.KindInteger && err == nil {
			*f.number(spec) = i
			return true
		}
	case f.list != nil:
		if want = "a list of strings"; n.kind != registry.KindList {
			break
		}
		items := make([]string, 0, n.length)
		for c := n.first; c != 0; c = p.tree.nodes[c].next {
			item := &p.tree.nodes[c]
			if item.kind != registry.KindString {
				p.report(int(item.at), Error, WrongType, elementPath(fieldPath(n.key), len(items))(), "must be a string, is "+article(item.kind))
				return false
			}
			items = append(items, item.text)
		}
		*f.list(spec) = items
		return true
	}
	if want != "" {
		p.report(int(n.at), Error, WrongType, fieldPath(n.key), "must be "+want+", is "+article(n.kind))
	}
	return want == ""
}

// lineOf returns the line of an offset. Asking in the order of the document costs one
// pass over it in all.
func (p *parser) lineOf(at int) int {
	if at < p.lineAt || p.line == 0 {
		p.lineAt, p.line = 0, 1
	}
	p.line += bytes.Count(p.data[p.lineAt:at], []byte{'\n'})
	p.lineAt = at
	return p.line
}

func (p *parser) report(at int, s Severity, r Rule, field, message string) {
	start := bytes.LastIndexByte(p.data[:at], '\n') + 1
	p.found = append(p.found, Diagnostic{
		Severity: s, Rule: r, File: p.name, Field: field, Message: message,
		Line: p.lineOf(at), Column: utf8.RuneCount(p.data[start:at]) + 1,
	})
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

// quote quotes a value for people, and cuts one that is too long to read.
func quote(s string) string {
	const most = 80
	if utf8.RuneCountInString(s) > most {
		s = string([]rune(s)[:most]) + "..."
	}
	return strconv.Quote(s)
}
