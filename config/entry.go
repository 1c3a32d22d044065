package config

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/neurondex/neurondex/registry"
)

// dataset reads the dataset at a node. What is wrong with it is reported, all of it.
// Defaults hold the fields, by their snake_case names, that its surroundings give.
func (p *parser) dataset(spec *registry.Spec, at int32, where place, defaults map[string]string) {
	obj := &p.tree.nodes[at]
	spec.Line = p.lineOf(int(obj.at))
	e := entry{p: p, at: at, where: where, spec: spec}
	extra, optional := e.find()
	e.gather()
	for i, c := range e.given {
		f := &fields[i]
		switch {
		case c != 0:
			e.bad[i] = !e.set(f, c)
		case i >= requiredFields:
		case defaults[f.snake] != "":
			*f.text(e.spec) = defaults[f.snake]
		default:
			e.bad[i] = true
			p.report(int(obj.at), SeverityError, RuleMissingField, where.field(f.snake), "required field is missing")
		}
	}
	if !e.bad[typePlace] && !e.known {
		e.resolveType()
	}
	if extra > 0 {
		e.extras(extra)
	}
	e.check(optional)
}

// An entry is one dataset while it is read.
type entry struct {
	p     *parser
	at    int32
	where place
	spec  *registry.Spec
	given [len(fields)]int32 // where each field stands; 0: nowhere
	bad   [len(fields)]bool  // reported already
	texts string             // of the fields that are still to be set, one after the other
	known bool               // the derived scalar type is, by its own name
}

// gather makes one string of what the dataset's fields are set to, for [entry.take] to cut
// up: one allocation for a dataset, and none that two of them share.
func (e *entry) gather() {
	all := e.p.loader.scratch[:0]
	for i, c := range e.given {
		if c != 0 && fields[i].text != nil && i != typePlace {
			all = append(all, e.p.tree.textOf(&e.p.tree.nodes[c])...)
		}
	}
	e.p.loader.scratch, e.texts = all, string(all)
}

// take returns the text of a field, which is the next one.
func (e *entry) take(f *field, n *node) (text string) {
	if f.place == typePlace {
		text, e.known = typeText(e.p.tree.textOf(n))
		return text
	}
	length := n.text.to - n.text.from
	text, e.texts = e.texts[:length], e.texts[length:]
	return text
}

// find notes where each field stands. Of one in both casings, camelCase is taken.
func (e *entry) find() (extra int, optional bool) {
	for c := e.p.tree.nodes[e.at].first; c != 0; c = e.p.tree.nodes[c].next {
		n := &e.p.tree.nodes[c]
		f := fieldOf(n)
		if f == nil {
			if e.where.index != alone || !isEnvelope(e.p.tree.key(n)) {
				extra++
			}
			continue
		}
		optional = optional || f.place >= requiredFields
		if other := e.given[f.place]; other != 0 {
			key := string(e.p.tree.key(n))
			if string(e.p.tree.key(&e.p.tree.nodes[other])) == key {
				continue // the codec has reported a key that is given twice
			}
			if !e.p.tree.value(other).Equal(e.p.tree.value(c)) {
				e.p.report(int(n.keyAt), SeverityWarning, RuleCasingConflict, e.where.field(key),
					fmt.Sprintf("%s and %s differ; %s is taken", f.snake, f.camel, f.camel))
			}
			if key != f.camel {
				continue
			}
		}
		e.given[f.place] = c
	}
	return extra, optional
}

// pathOf returns the path of the field that a node is.
func (e *entry) pathOf(n *node) string { return e.where.field(string(e.p.tree.key(n))) }

// set puts the value at a node into its field and reports whether that was possible.
func (e *entry) set(f *field, at int32) bool {
	n := &e.p.tree.nodes[at]
	want := ""
	switch {
	case n.kind == registry.KindNull:
		if f.place < requiredFields {
			e.p.report(int(n.at), SeverityError, RuleMissingField, e.pathOf(n), "required field is null")
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
			e.p.reportValue(at, SeverityWarning, RuleLegacyForm, e.pathOf(n), article(n.kind)+" where a string is expected; its text is taken")
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
		return e.p.strings(at, e.pathOf(n), f.list(e.spec))
	}
	if e.p.isDataset(at) {
		e.p.report(int(n.keyAt), SeverityWarning, RuleNestedDataset, e.pathOf(n), nestedMessage)
	}
	e.p.reportValue(at, SeverityError, RuleWrongType, e.pathOf(n), "must be "+want+", is "+article(n.kind))
	return false
}

// strings reads a list of strings.
func (p *parser) strings(at int32, field string, into *[]string) bool {
	n := &p.tree.nodes[at]
	if n.kind != registry.KindList {
		p.reportValue(at, SeverityError, RuleWrongType, field, "must be a list of strings, is "+article(n.kind))
		return false
	}
	items := make([]string, 0, n.length)
	for c := range p.tree.children(at) {
		item := &p.tree.nodes[c]
		name := fmt.Sprintf("%s[%d]", field, len(items))
		switch item.kind {
		case registry.KindString:
		case registry.KindInteger, registry.KindFloat, registry.KindBool:
			p.reportValue(c, SeverityWarning, RuleLegacyForm, name, article(item.kind)+" where a string is expected; its text is taken")
		default:
			p.reportValue(c, SeverityError, RuleWrongType, name, "must be a string, is "+article(item.kind))
			return false
		}
		items = append(items, string(p.tree.textOf(item)))
	}
	*into = items
	return true
}

// scalarType returns the type that a text stands for, and whether it is the name of the
// type's constant.
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

func (e *entry) resolveType() {
	t, constant := e.p.scalarType(string(e.spec.DerivedScalarType))
	if constant {
		at := e.at // a map's key gave it
		if e.given[typePlace] != 0 {
			at = e.given[typePlace]
		}
		e.p.reportValue(at, SeverityWarning, RuleLegacyForm, e.where.field("derived_scalar_type"),
			fmt.Sprintf("the name of a constant; today's form is %q", t))
	}
	e.spec.DerivedScalarType = t
}
