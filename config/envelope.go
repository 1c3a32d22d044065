package config

import (
	"fmt"
	"strconv"

	"github.com/neurondex/neurondex/registry"
)

// SchemaVersion is the newest version of the file format that there is: what
// schema_version says, or what its absence means.
const SchemaVersion = 1

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
					p.opts.declare([]registry.DerivedScalarType{registry.DerivedScalarType(t)})
				}
			}
		}
	}
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

var camelEnvelope = map[string]string{"schema_version": "schemaVersion", "extra_scalar_types": "extraScalarTypes"}
