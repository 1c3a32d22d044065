package config

import "github.com/neurondex/neurondex/registry"

// knownExtras are the extra fields that other programs write. They are not reported.
var knownExtras = map[string]bool{"dataclass_name": true, "dataclassName": true}

const nestedMessage = "looks like a dataset inside another dataset; a [[datasets]] header or a bracket may be missing"

// extras keeps the n unknown fields. It warns about those that are not declared, as most are
// mistakes.
func (e *entry) extras(n int) {
	e.spec.Extra = make([]registry.Field, 0, n)
	for c := range e.p.tree.children(e.at) {
		n := &e.p.tree.nodes[c]
		if n.field != 0 || e.where.index == single && isEnvelope(e.p.tree.key(n)) {
			continue
		}
		key := string(e.p.tree.key(n))
		e.spec.Extra = append(e.spec.Extra, registry.Field{Name: key, Value: e.p.tree.value(c)})
		switch {
		case knownExtras[key], e.p.opts.extraFields[key]:
		case e.p.holdsDataset(c):
			if d := e.p.report(int(n.keyAt), SeverityWarning, RuleNestedDataset); d != nil {
				d.Field, d.Message = e.where.field(key), nestedMessage
			}
		default:
			if d := e.p.reportOnce(int(n.keyAt), SeverityWarning, RuleUnknownField, key); d != nil {
				d.Field, d.Message, d.Suggestion = e.where.field(key), "unknown field, kept as an extra field", suggestField(key, e.p.opts.extraFields)
				if d.Suggestion == "" {
					d.Message += "; if it is intended, list it in extra_fields"
				}
			}
		}
	}
}

// isDataset reports whether a node looks like a dataset: an object with at least two of
// the required fields.
func (p *parser) isDataset(at int32) bool {
	if p.tree.nodes[at].kind != registry.KindObject {
		return false
	}
	n := 0
	for c := range p.tree.children(at) {
		if f := fieldOf(&p.tree.nodes[c]); f != nil && f.place < requiredFields {
			n++
		}
	}
	return n >= 2
}

// holdsDataset reports whether a node or one of its descendants looks like a dataset.
func (p *parser) holdsDataset(at int32) bool {
	if p.isDataset(at) {
		return true
	}
	for c := range p.tree.children(at) {
		if p.holdsDataset(c) {
			return true
		}
	}
	return false
}
