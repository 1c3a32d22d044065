package config

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/neurondex/neurondex/registry"
)

// jsonDocument writes a document in JSON.
func (e *encoder) jsonDocument(topLevel []registry.Field, specs []registry.Spec) {
	document := make([]registry.Field, 0, len(topLevel)+1)
	for _, f := range topLevel {
		e.checkJSON(f.Value, &valuePath{name: f.Name})
		if known, ok := camelEnvelope[f.Name]; ok {
			f.Name = known
		}
		document = append(document, f)
	}
	list, root := make([]registry.Value, len(specs)), &valuePath{name: datasetsKey}
	for i := range specs {
		fields := e.fieldsOf(&specs[i])
		at := root.element(i)
		for _, f := range fields {
			e.checkJSON(f.Value, at.field(f.Name))
		}
		list[i] = registry.ObjectValue(fields...)
	}
	document = append(document, registry.Field{Name: datasetsKey, Value: registry.ListValue(list...)})
	if e.err != nil {
		return
	}
	compact := registry.ObjectValue(document...).AppendJSON(nil)
	var out bytes.Buffer
	if err := json.Indent(&out, compact, "", "  "); err != nil {
		e.err = err
		return
	}
	e.b = append(out.Bytes(), '\n')
}

// checkJSON fails if JSON cannot represent the value at a path.
func (e *encoder) checkJSON(v registry.Value, at *valuePath) {
	switch v.Kind() {
	case registry.KindTime:
		e.fail(at, "JSON has no dates and times; use a string or keep the file in TOML")
	case registry.KindFloat:
		if strings.HasSuffix(v.Text(), "inf") || strings.HasSuffix(v.Text(), "nan") {
			e.fail(at, "JSON has no "+v.Text()+"; use a string or keep the file in TOML")
		}
	case registry.KindList, registry.KindObject:
		i := 0
		for name, field := range v.Fields() {
			if v.Kind() == registry.KindList {
				e.checkJSON(field, at.element(i))
			} else {
				e.checkJSON(field, at.field(name))
			}
			i++
		}
	}
}
