package config

import (
	"cmp"
	"strings"

	"github.com/neurondex/neurondex/registry"
)

// datasetsKey is the top-level key of the datasets.
const datasetsKey = "datasets"

// datasets determines the form of the document and reads its datasets.
func (p *parser) datasets() {
	for _, twice := range p.tree.duplicates {
		if d := p.report(int(twice.at), SeverityError, RuleDuplicateKey); d != nil {
			d.Message = duplicateMessage(p.tree.bytes(twice.key))
		}
	}
	if len(p.tree.nodes) == 0 {
		p.reportEmpty()
		return
	}
	root := &p.tree.nodes[0]
	switch root.kind {
	case registry.KindList:
		p.list(0, "")
		return
	case registry.KindObject:
	default:
		if d := p.report(int(root.at), SeverityError, RuleWrongShape); d != nil {
			d.Message = "document must be a dataset or a list of datasets, not " + article(root.kind)
		}
		return
	}
	p.readEnvelope()
	if at := p.tree.child(0, datasetsKey); at != 0 {
		p.warnUnknownTopLevel()
		p.listOrMap(at)
		return
	}
	isDataset, allObjects := false, true
	var first *node // that is not part of the envelope
	for c := range p.tree.children(0) {
		n := &p.tree.nodes[c]
		if isEnvelope(p.tree.key(n)) {
			continue
		}
		if first == nil {
			first = n
		}
		allObjects = allObjects && n.kind == registry.KindObject
		if f := fieldOf(n); f != nil && f.place < requiredFields {
			isDataset = true
		}
	}
	switch {
	case isDataset:
		p.readDataset(0, place{index: single}, mapKey{})
		return
	case first == nil:
		p.reportEmpty()
		return
	case allObjects:
		p.namedDatasets(0, "")
		return
	}
	if d := p.report(int(first.keyAt), SeverityError, RuleWrongShape); d != nil {
		key := string(p.tree.key(first))
		d.Message = "document must have the key datasets, or the fields of a single dataset, such as " + fields[0].snake
		if meant := cmp.Or(suggestEnvelope(key), suggestField(key, nil)); meant != key {
			d.Suggestion = meant
		}
	}
}

// listOrMap reads the datasets under datasetsKey.
func (p *parser) listOrMap(at int32) {
	switch n := &p.tree.nodes[at]; n.kind {
	case registry.KindList:
		p.list(at, datasetsKey)
	case registry.KindObject:
		if p.isSingle(at) {
			p.reportSingle(at)
			return
		}
		p.namedDatasets(at, datasetsKey)
	default:
		if d := p.reportValue(at, SeverityError, RuleWrongType); d != nil {
			d.Field, d.Message = datasetsKey, "must be a list of datasets, not "+article(n.kind)
		}
	}
}

// isSingle reports whether an object in place of a list of datasets is a single dataset rather
// than a map of datasets: whether it has a required field, or nothing that could be a dataset.
func (p *parser) isSingle(at int32) bool {
	others := false
	for c := range p.tree.children(at) {
		n := &p.tree.nodes[c]
		if n.kind == registry.KindObject {
			others = true
		} else if f := fieldOf(n); f != nil && f.place < requiredFields {
			return true
		}
	}
	return !others && p.tree.nodes[at].first != 0
}

// reportSingle reports a single dataset in place of a list of datasets.
func (p *parser) reportSingle(at int32) {
	d := p.report(int(p.tree.nodes[at].keyAt), SeverityError, RuleWrongShape)
	if d == nil {
		return
	}
	d.Field = datasetsKey
	d.Message, d.Suggestion = "must be a list of datasets, not a single dataset", `"datasets": [{...}]`
	if p.format == "toml" {
		d.Message, d.Suggestion = singleTableMessage, "[[datasets]]"
	}
}

// list reads a list of datasets. Its name is its key, empty at the top level.
func (p *parser) list(at int32, name string) {
	c := p.newCollection(at)
	i := 0
	for item := range p.tree.children(at) {
		where := place{list: name, index: i}
		i++
		if n := &p.tree.nodes[item]; n.kind != registry.KindObject {
			p.reportNoDataset(item, where)
			continue
		}
		c.add(item, where, mapKey{})
	}
}

// reportNoDataset reports an item of a list or map of datasets that is not an object.
func (p *parser) reportNoDataset(at int32, where place) {
	if d := p.reportValue(at, SeverityError, RuleWrongType); d != nil {
		d.Field, d.Message = where.String(), "must be a dataset, not "+article(p.tree.nodes[at].kind)
	}
}

// namedDatasets reads a map from short_name, or short_name/derived_scalar_type, to the rest
// of the dataset. Its name is its key, empty at the top level.
func (p *parser) namedDatasets(at int32, name string) {
	c := p.newCollection(at)
	if first := p.tree.nodes[at].first; first != 0 {
		if d := p.report(int(p.tree.nodes[first].keyAt), SeverityWarning, RuleLegacyForm); d != nil {
			d.Field, d.Message = name, "a map of datasets is a legacy form; use a list of datasets"
		}
	}
	for item := range p.tree.children(at) {
		n := &p.tree.nodes[item]
		if at == 0 && isEnvelope(p.tree.key(n)) {
			continue
		}
		key := string(p.tree.key(n))
		where := place{list: name, key: key, index: inMap}
		if n.kind != registry.KindObject {
			p.reportNoDataset(item, where)
			continue
		}
		c.add(item, where, p.mapKey(key))
	}
}

// A mapKey holds the fields that the key of a map gives to its dataset, empty if none.
type mapKey struct{ shortName, scalarType string }

// mapKey splits a key into short_name and derived_scalar_type, if it has the latter.
func (p *parser) mapKey(key string) mapKey {
	if i := strings.LastIndexByte(key, '/'); i >= 0 {
		if t, _ := p.scalarType(key[i+1:]); t.IsKnown() || p.opts.extraTypes[t] {
			return mapKey{key[:i], key[i+1:]}
		}
	}
	return mapKey{shortName: key}
}

// field returns the value of a field, or "".
func (k mapKey) field(f *field) string {
	switch f.snake {
	case "short_name":
		return k.shortName
	case "derived_scalar_type":
		return k.scalarType
	}
	return ""
}
