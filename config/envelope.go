package config

import (
	"fmt"
	"strconv"

	"github.com/neurondex/neurondex/registry"
)

// SchemaVersion is the newest supported version of the file format. A document states its
// version under schema_version; without it the version is 1.
const SchemaVersion = 1

// camelEnvelope maps the snake_case keys of the envelope to their camelCase form.
var camelEnvelope = map[string]string{"schema_version": "schemaVersion", "extra_scalar_types": "extraScalarTypes", "extra_fields": "extraFields"}

// isEnvelope reports whether a top-level key belongs to the envelope: the keys that
// describe the document rather than a dataset.
func isEnvelope(key []byte) bool {
	switch string(key) {
	case "$schema", "schema_version", "schemaVersion", "extra_scalar_types", "extraScalarTypes", "extra_fields", "extraFields":
		return true
	}
	return false
}

// readEnvelope reads the envelope, whose keys may be anywhere at the top level.
func (p *parser) readEnvelope() {
	for c := range p.tree.children(0) {
		n := &p.tree.nodes[c]
		if !isEnvelope(p.tree.key(n)) {
			continue
		}
		p.keepTopLevel(c)
		switch key := string(p.tree.key(n)); key {
		case "schema_version", "schemaVersion":
			version, err := strconv.Atoi(string(p.tree.textOf(n)))
			switch {
			case n.kind != registry.KindInteger || err != nil || version < 1:
				if d := p.reportValue(c, SeverityError, RuleUnsupportedVersion); d != nil {
					d.Field, d.Message = key, "must be a positive integer"
				}
			case version > SchemaVersion:
				if d := p.reportValue(c, SeverityWarning, RuleUnsupportedVersion); d != nil {
					d.Field = key
					d.Message = fmt.Sprintf("version %d is newer than %d, the newest supported version; unknown fields are kept as extra fields", version, SchemaVersion)
				}
			}
		case "extra_scalar_types", "extraScalarTypes":
			p.readNames(c, key, func(name string) { p.opts.addExtraTypes(registry.DerivedScalarType(name)) })
		case "extra_fields", "extraFields":
			p.readNames(c, key, func(name string) { p.opts.addExtraFields(name) })
		}
	}
}

// readNames reads a list of names that the document declares, and calls declare for each.
func (p *parser) readNames(at int32, key string, declare func(string)) {
	var names []string
	if !p.strings(at, place{index: single}, key, &names) {
		return
	}
	i := 0
	for c := range p.tree.children(at) {
		if isNotBlank(names[i]) {
			declare(names[i])
		} else if d := p.reportValue(c, SeverityError, RuleEmptyField); d != nil {
			d.Field, d.Message = element(key, i), "must not be empty"
		}
		i++
	}
}

// warnUnknownTopLevel warns about keys next to datasets that are not part of the envelope.
func (p *parser) warnUnknownTopLevel() {
	for c := range p.tree.children(0) {
		n := &p.tree.nodes[c]
		if string(p.tree.key(n)) == datasetsKey || isEnvelope(p.tree.key(n)) {
			continue
		}
		p.keepTopLevel(c)
		if d := p.report(int(n.keyAt), SeverityWarning, RuleUnknownField); d != nil {
			key := string(p.tree.key(n))
			d.Field, d.Message, d.Suggestion = truncate(key), "unknown top-level key; it has no effect", suggestEnvelope(key)
		}
	}
}

// keepTopLevel keeps a top-level key for Convert.
func (p *parser) keepTopLevel(at int32) {
	if p.conversion != nil && p.found.count[SeverityError] == 0 {
		p.conversion.topLevel = append(p.conversion.topLevel, at)
	}
}
