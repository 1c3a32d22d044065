package config

import (
	"fmt"
	"iter"
	"strconv"
	"strings"

	"github.com/neurondex/neurondex/registry"
)

// readDataset reads the dataset at a node, appends it to p.specs, and reports everything that is
// wrong with it. What it returns is valid until the next dataset is appended.
func (p *parser) readDataset(at int32, where place, key mapKey) *registry.Spec {
	p.dataset++
	obj := &p.tree.nodes[at]
	p.specs = append(p.specs, registry.Spec{Line: p.lineOf(int(obj.at))})
	spec := &p.specs[len(p.specs)-1]
	e := &p.loader.entry
	*e = entry{p: p, at: at, where: where, spec: spec}
	extra, optional := e.find()
	if p.visit != nil {
		p.visit(e)
	}
	e.gather()
	for i, c := range e.given[:e.end] {
		f := &fields[i]
		switch {
		case c != 0:
			e.bad[i] = !e.set(f, c)
		case i >= requiredFields:
		case key.field(f) != "":
			*f.text(e.spec) = key.field(f)
		default:
			e.bad[i] = true
			if d := p.report(int(obj.at), SeverityError, RuleMissingField); d != nil {
				d.Field, d.Message = where.field(f.snake), "required field is missing"
			}
		}
	}
	if !e.bad[typePlace] && !e.known {
		e.resolveType()
	}
	if extra > 0 {
		e.extras(extra)
	}
	e.check(optional)
	return spec
}

// An entry is the state of reading one dataset.
type entry struct {
	p     *parser
	at    int32
	where place
	spec  *registry.Spec
	given [len(fields)]int32 // node of each field; 0 if it is not given
	end   int                // of the fields that are required or given: few datasets have others
	bad   [len(fields)]bool  // whether an error of the field is already reported
	texts string             // texts of the string fields not yet set, concatenated
	known bool               // whether the derived scalar type is a known value
}

// textBlock is the size of the memory that the texts of several datasets share, in bytes.
const textBlock = 4096

// gather concatenates the texts of the dataset's string fields, for [entry.take] to slice.
// Small datasets share an allocation.
func (e *entry) gather() {
	size := 0
	for c := range e.textNodes() {
		size += len(e.p.tree.textOf(&e.p.tree.nodes[c]))
	}
	b := &e.p.texts
	if b.Cap()-b.Len() < size {
		b.Reset()
		b.Grow(max(size, min(textBlock, size*(e.p.expected-e.p.dataset+1))))
	}
	from := b.Len()
	for c := range e.textNodes() {
		b.Write(e.p.tree.textOf(&e.p.tree.nodes[c]))
	}
	e.texts = b.String()[from:]
}

// textNodes returns an iterator over the nodes of the fields that are strings, except for the
// type, whose texts are shared.
func (e *entry) textNodes() iter.Seq[int32] {
	return func(yield func(int32) bool) {
		for i, c := range e.given[:e.end] {
			if c != 0 && fields[i].text != nil && i != typePlace && !yield(c) {
				return
			}
		}
	}
}

// take returns the text of the next string field.
func (e *entry) take(f *field, n *node) (text string) {
	if f.place == typePlace {
		text, e.known = typeText(e.p.tree.textOf(n))
		return text
	}
	length := n.text.to - n.text.from
	text, e.texts = e.texts[:length], e.texts[length:]
	return text
}

// find finds the node of each field. If a field is given in both casings, camelCase wins.
// It returns the number of unknown fields and whether an optional field is given.
func (e *entry) find() (extra int, optional bool) {
	e.end = requiredFields
	for c := e.p.tree.nodes[e.at].first; c != 0; c = e.p.tree.nodes[c].next {
		n := &e.p.tree.nodes[c]
		f := fieldOf(n)
		if f == nil {
			if e.where.index != single || !isEnvelope(e.p.tree.key(n)) {
				extra++
			}
			continue
		}
		e.end = max(e.end, f.place+1)
		if other := e.given[f.place]; other != 0 {
			key := string(e.p.tree.key(n))
			if string(e.p.tree.key(&e.p.tree.nodes[other])) == key {
				continue // the codec reported the duplicate key
			}
			if !e.p.tree.equal(other, c) {
				if d := e.p.report(int(n.keyAt), SeverityWarning, RuleCasingConflict); d != nil {
					d.Field, d.Message = e.where.field(key), fmt.Sprintf("%s and %s have different values; %s is used", f.snake, f.camel, f.camel)
				}
			}
			if key != f.camel {
				continue
			}
		}
		e.given[f.place] = c
	}
	return extra, e.end > requiredFields
}

// placeOf returns the offset and the path of a field: those of its value, or of the key of a map
// that stands for it, or of the dataset.
func (e *entry) placeOf(f *field) (at int, path string) {
	n := &e.p.tree.nodes[e.at]
	switch c := e.given[f.place]; {
	case c != 0:
		n = &e.p.tree.nodes[c]
		return int(n.at), e.pathOf(n)
	case e.where.index == inMap:
		return int(n.keyAt), e.where.String()
	}
	return int(n.at), e.where.field(f.snake)
}

// pathOf returns the path of the field at a node.
func (e *entry) pathOf(n *node) string { return e.where.field(string(e.p.tree.key(n))) }

// set sets a field to the value at a node and reports whether the value has the right type.
func (e *entry) set(f *field, at int32) bool {
	n := &e.p.tree.nodes[at]
	want := ""
	switch {
	case n.kind == registry.KindNull:
		if f.place < requiredFields {
			if d := e.p.report(int(n.at), SeverityError, RuleMissingField); d != nil {
				d.Field, d.Message = e.pathOf(n), "required field must not be null"
			}
		}
		return f.place >= requiredFields
	case f.text != nil:
		want = "a string"
		text := e.take(f, n)
		switch n.kind {
		case registry.KindString:
			*f.text(e.spec) = text
			return true
		case registry.KindInteger, registry.KindFloat, registry.KindBool:
			if d := e.p.reportLegacy(at, f.snake); d != nil {
				d.Field, d.Message = e.pathOf(n), convertedMessage(n.kind)
			}
			*f.text(e.spec) = text
			return true
		}
	case f.flag != nil:
		if want = "true or false"; n.kind == registry.KindBool {
			*f.flag(e.spec) = string(e.p.tree.textOf(n)) == "true"
			return true
		}
	case f.number != nil:
		want = "an integer"
		if i, err := strconv.Atoi(string(e.p.tree.textOf(n))); n.kind == registry.KindInteger && err == nil {
			*f.number(e.spec) = i
			return true
		}
	case f.list != nil:
		return e.p.strings(at, e.where, string(e.p.tree.key(n)), f.list(e.spec))
	}
	if e.p.isDataset(at) {
		if d := e.p.report(int(n.keyAt), SeverityWarning, RuleNestedDataset); d != nil {
			d.Field, d.Message = e.pathOf(n), nestedMessage
		}
	}
	if d := e.p.reportValue(at, SeverityError, RuleWrongType); d != nil {
		d.Field, d.Message = e.pathOf(n), "must be "+want+", not "+article(n.kind)
		if f.number != nil && n.kind == registry.KindInteger {
			d.Message = "integer is out of range"
		}
	}
	return false
}

// convertedMessage returns the message for a scalar that is given in place of a string.
func convertedMessage(k registry.Kind) string {
	return "should be a string, not " + article(k) + "; its text is used"
}

// strings reads the list of strings under a key and reports whether the value is one.
func (p *parser) strings(at int32, where place, key string, into *[]string) bool {
	n := &p.tree.nodes[at]
	if n.kind != registry.KindList {
		if d := p.reportValue(at, SeverityError, RuleWrongType); d != nil {
			d.Field, d.Message = where.field(key), "must be a list of strings, not "+article(n.kind)
		}
		return false
	}
	items := make([]string, 0, n.length)
	for c := range p.tree.children(at) {
		item := &p.tree.nodes[c]
		switch item.kind {
		case registry.KindString:
		case registry.KindInteger, registry.KindFloat, registry.KindBool:
			if d := p.reportLegacy(c, key); d != nil {
				d.Field, d.Message = element(where.field(key), len(items)), convertedMessage(item.kind)
			}
		default:
			if d := p.reportValue(c, SeverityError, RuleWrongType); d != nil {
				d.Field, d.Message = element(where.field(key), len(items)), "must be a string, not "+article(item.kind)
			}
			return false
		}
		items = append(items, string(p.tree.textOf(item)))
	}
	*into = items
	return true
}

// scalarType returns the type that a text stands for, and whether the text is the name of
// the type's constant.
func (p *parser) scalarType(text string) (t registry.DerivedScalarType, constant bool) {
	t = registry.DerivedScalarType(text)
	if t.IsKnown() || p.opts.extraTypes[t] {
		return t, false
	}
	if known, ok := registry.DerivedScalarTypeOfConstant(strings.TrimPrefix(text, "DerivedScalarType.")); ok {
		return known, true
	}
	return t, false
}

// resolveType replaces the name of a type's constant, a legacy form, by the type.
func (e *entry) resolveType() {
	t, constant := e.p.scalarType(string(e.spec.DerivedScalarType))
	if constant {
		at := e.at // the type is part of a map's key
		if e.given[typePlace] != 0 {
			at = e.given[typePlace]
		}
		if d := e.p.reportLegacy(at, string(t)); d != nil {
			d.Field, d.Message = e.where.field("derived_scalar_type"), fmt.Sprintf("the name of a constant is a legacy form; use %q", t)
		}
	}
	e.spec.DerivedScalarType = t
}
