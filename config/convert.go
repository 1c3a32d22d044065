package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/neurondex/neurondex/registry"
	"github.com/pelletier/go-toml/v2/unstable"
)

// ErrNotRepresentable is what an error of [Convert] is where the format asked for cannot
// hold a value, for [errors.Is].
var ErrNotRepresentable = errors.New("cannot be represented")

// Convert reads a document in any of the forms that [Parse] takes and returns it in
// today's form: a list of datasets under the key datasets, the four required fields
// first, named in snake_case in TOML and in camelCase in JSON. Nothing that the document
// says is lost, comments excepted: see [CountComments]. Converting the result changes
// nothing more.
//
// To is "toml" or "json". If one of the diagnostics is an error there is no result; that
// the format cannot hold a value is an [ErrNotRepresentable].
func Convert(name string, data []byte, to string, opts ...Option) ([]byte, Diagnostics, error) {
	p := &parser{name: name, options: newOptions(opts)}
	p.envelopeKept = true
	specs := p.parse(data)
	p.found.sort()
	if err := p.found.Err(); err != nil {
		return nil, p.found, err
	}
	e := encoder{toml: to == "toml"}
	if e.toml {
		e.tomlDocument(p.beside, specs)
	} else {
		e.jsonDocument(p.beside, specs)
	}
	if e.err != nil {
		return nil, p.found, fmt.Errorf("%s: %w", name, e.err)
	}
	return e.b, p.found, nil
}

// An encoder writes a document. The first value that it cannot write ends it.
type encoder struct {
	toml bool
	b    []byte
	err  error
}

func (e *encoder) fail(path, why string) {
	if e.err == nil {
		e.err = fmt.Errorf("%s: %s: %w", printable(path), why, ErrNotRepresentable)
	}
}

// fieldsOf returns what a dataset says as named values, known fields first.
func (e *encoder) fieldsOf(s *registry.Spec) []registry.Field {
	out := make([]registry.Field, 0, requiredFields+len(s.Extra))
	for i := range fields {
		f := &fields[i]
		name := f.camel
		if e.toml {
			name = f.snake
		}
		var v registry.Value
		switch {
		case f.text != nil:
			if text := *f.text(s); text != "" {
				v = registry.StringValue(text)
			}
		case f.number != nil:
			if n := *f.number(s); n != 0 {
				v = registry.IntegerValue(int64(n))
			}
		case f.flag != nil:
			if *f.flag(s) {
				v = registry.BoolValue(true)
			}
		case f.list != nil:
			if items := *f.list(s); len(items) > 0 {
				v = stringList(items)
			}
		}
		if v.Kind() != registry.KindNull {
			out = append(out, registry.Field{Name: name, Value: v})
		}
	}
	return append(out, s.Extra...)
}

func stringList(items []string) registry.Value {
	values := make([]registry.Value, len(items))
	for i, item := range items {
		values[i] = registry.StringValue(item)
	}
	return registry.ListValue(values...)
}

func (e *encoder) tomlDocument(beside []registry.Field, specs []registry.Spec) {
	for _, f := range beside {
		e.tomlField(f.Name, f.Value, f.Name)
	}
	if len(specs) == 0 {
		e.b = append(e.b, "datasets = []\n"...)
	}
	for i := range specs {
		if len(e.b) > 0 {
			e.b = append(e.b, '\n')
		}
		e.b = append(e.b, "[[datasets]]\n"...)
		for _, f := range e.fieldsOf(&specs[i]) {
			e.tomlField(f.Name, f.Value, fmt.Sprintf("datasets[%d].%s", i, f.Name))
		}
	}
}

func (e *encoder) tomlField(name string, v registry.Value, path string) {
	e.tomlKey(name)
	e.b = append(e.b, " = "...)
	e.tomlValue(v, path)
	e.b = append(e.b, '\n')
}

func (e *encoder) tomlKey(name string) {
	bare := name != ""
	for i := range len(name) {
		c := name[i]
		bare = bare && ('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-')
	}
	if bare {
		e.b = append(e.b, name...)
	} else {
		e.tomlString(name)
	}
}

func (e *encoder) tomlString(s string) {
	e.b = append(e.b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			e.b = append(e.b, '\\', byte(r))
		case r == '\n':
			e.b = append(e.b, `\n`...)
		case r == '\t':
			e.b = append(e.b, `\t`...)
		case r == '\r':
			e.b = append(e.b, `\r`...)
		case r < 0x20 || r == 0x7f:
			e.b = fmt.Appendf(e.b, `\u%04x`, r)
		default:
			e.b = append(e.b, string(r)...)
		}
	}
	e.b = append(e.b, '"')
}

func (e *encoder) tomlValue(v registry.Value, path string) {
	switch v.Kind() {
	case registry.KindNull:
		e.fail(path, "TOML has no null; take the field out, or keep the file in JSON")
	case registry.KindString:
		e.tomlString(v.Text())
	case registry.KindInteger:
		if n, ok := new(big.Int).SetString(v.Text(), 10); !ok || !n.IsInt64() {
			e.fail(path, "TOML's integers have 64 bits; make it a string, or keep the file in JSON")
		}
		e.b = append(e.b, v.Text()...)
	case registry.KindFloat:
		if _, err := strconv.ParseFloat(v.Text(), 64); err != nil {
			e.fail(path, "TOML's floats have 64 bits; make it a string, or keep the file in JSON")
		}
		e.b = append(e.b, v.Text()...)
	case registry.KindBool, registry.KindTime:
		e.b = append(e.b, v.Text()...)
	case registry.KindList:
		e.b = append(e.b, '[')
		i := 0
		for _, item := range v.Fields() {
			if i > 0 {
				e.b = append(e.b, ", "...)
			}
			e.tomlValue(item, fmt.Sprintf("%s[%d]", path, i))
			i++
		}
		e.b = append(e.b, ']')
	case registry.KindObject:
		open := "{ "
		for name, field := range v.Fields() {
			e.b = append(e.b, open...)
			open = ", "
			e.tomlKey(name)
			e.b = append(e.b, " = "...)
			e.tomlValue(field, path+"."+name)
		}
		if v.Len() == 0 {
			e.b = append(e.b, "{}"...)
		} else {
			e.b = append(e.b, " }"...)
		}
	}
}

func (e *encoder) jsonDocument(beside []registry.Field, specs []registry.Spec) {
	document := make([]registry.Field, 0, len(beside)+1)
	for _, f := range beside {
		e.checkJSON(f.Value, f.Name)
		if known, ok := camelEnvelope[f.Name]; ok {
			f.Name = known
		}
		document = append(document, f)
	}
	list := make([]registry.Value, len(specs))
	for i := range specs {
		fields := e.fieldsOf(&specs[i])
		for _, f := range fields {
			e.checkJSON(f.Value, fmt.Sprintf("datasets[%d].%s", i, f.Name))
		}
		list[i] = registry.ObjectValue(fields...)
	}
	document = append(document, registry.Field{Name: "datasets", Value: registry.ListValue(list...)})
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

var camelEnvelope = map[string]string{"schema_version": "schemaVersion", "extra_scalar_types": "extraScalarTypes"}

// checkJSON fails for what JSON lacks.
func (e *encoder) checkJSON(v registry.Value, path string) {
	switch v.Kind() {
	case registry.KindTime:
		e.fail(path, "JSON has no dates and times; make it a string, or keep the file in TOML")
	case registry.KindFloat:
		if strings.HasSuffix(v.Text(), "inf") || strings.HasSuffix(v.Text(), "nan") {
			e.fail(path, "JSON has no "+v.Text()+"; make it a string, or keep the file in TOML")
		}
	case registry.KindList, registry.KindObject:
		i := 0
		for name, field := range v.Fields() {
			if v.Kind() == registry.KindList {
				e.checkJSON(field, fmt.Sprintf("%s[%d]", path, i))
			} else {
				e.checkJSON(field, path+"."+name)
			}
			i++
		}
	}
}

// CountComments returns the number of comments of a document that [Parse] takes, which
// [Convert] drops, and the line of the first.
func CountComments(name string, data []byte) (n, line int) {
	text, fault := decodeText(data)
	if fault != nil {
		return 0, 0
	}
	note := func(at int) {
		if n++; n == 1 {
			line = 1 + bytes.Count(text[:at], []byte{'\n'})
		}
	}
	switch Format(name) {
	case "toml":
		p := unstable.Parser{KeepComments: true}
		p.Reset(text)
		for p.NextExpression() {
			walkComments(p.Expression(), func(c *unstable.Node) { note(int(c.Raw.Offset)) })
		}
	case "jsonc":
		plain, fault := standardize(text)
		if fault != nil {
			return 0, 0
		}
		for at := 0; at < len(text); at++ {
			if text[at] != '/' || plain[at] != ' ' {
				continue
			}
			note(at)
			end := "*/"
			if text[at+1] == '/' {
				end = "\n"
			}
			if length := bytes.Index(text[at+2:], []byte(end)); length >= 0 {
				at += 2 + length
			} else {
				break
			}
		}
	}
	return n, line
}

func walkComments(n *unstable.Node, visit func(*unstable.Node)) {
	for ; n != nil && n.Valid(); n = n.Next() {
		if n.Kind == unstable.Comment {
			visit(n)
		}
		walkComments(n.Child(), visit)
	}
}
