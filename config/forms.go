package config

import (
	"cmp"
	"strings"

	"github.com/neurondex/neurondex/registry"
)

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
		if t, _ := p.scalarType(key[i+1:]); t.IsKnown() || p.opts.extraTypes[t] {
			defaults["short_name"], defaults["derived_scalar_type"] = key[:i], key[i+1:]
		}
	}
	return defaults
}
