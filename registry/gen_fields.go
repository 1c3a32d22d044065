//go:build ignore

// Command gen_fields writes all code that deals with each field of a dataset, from the
// declaration of Spec in spec.go.
package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"log"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"unicode"
)

// firstHashed are the fields that content hashes have always included, in the order in
// which they are hashed. Fields that were added later are hashed only where they are
// given, so that no hash of older content changes.
var firstHashed = []string{
	"Description", "Homepage", "ReplacedBy", "Model", "RecordFormat", "Version", "License",
	"Layers", "NodesPerLayer", "Deprecated", "ExplanationDatasetPaths", "Tags",
}

type field struct {
	Name     string // ReplacedBy
	Member   string // replacedBy: its camelCase name, and that in details
	Snake    string // replaced_by
	Type     string // in Spec
	Doc      string
	Required bool
	Shared   bool
}

// A kind is how fields of one type are stored and processed, as templates of Go code.
type kind struct {
	stored   string // type in details
	accessor string // in package config
	make     string // stored value of s.Field
	given    string // whether s.Field is given
	has      string // whether d.field is given
	equal    string // whether d.field and e.field are equal
	says     string // whether d.field has the value of s.Field
	get      string // value of d.field, for the caller to keep
	view     string // value of d.field, for now; get if empty
	content  string // appends d.field to a content
	json     string // appends d.field to a JSON object
	returns  string // what the accessor does
}

var kinds = map[string]kind{
	"string": {
		stored: "string", accessor: "text",
		make: "strings.Clone(s.{{.Name}})", given: `s.{{.Name}} != ""`, has: `d.{{.Member}} != ""`,
		equal: "d.{{.Member}} == e.{{.Member}}", says: "d.{{.Member}} == s.{{.Name}}", get: "d.{{.Member}}",
		content: "appendSized(b, d.{{.Member}})", json: "appendJSONText", returns: "returns the {{.Doc}}, or an empty string if not given.",
	},
	"shared string": {
		stored: "unique.Handle[string]", accessor: "text",
		make: "unique.Make(s.{{.Name}})", given: `s.{{.Name}} != ""`, has: "d.{{.Member}} != emptyString",
		equal: "d.{{.Member}} == e.{{.Member}}", says: "d.{{.Member}}.Value() == s.{{.Name}}", get: "d.{{.Member}}.Value()",
		content: "appendSized(b, d.{{.Member}}.Value())", json: "appendJSONText", returns: "returns the {{.Doc}}, or an empty string if not given.",
	},
	"int": {
		stored: "int", accessor: "number",
		make: "s.{{.Name}}", given: "s.{{.Name}} != 0", has: "d.{{.Member}} != 0",
		equal: "d.{{.Member}} == e.{{.Member}}", says: "d.{{.Member}} == s.{{.Name}}", get: "d.{{.Member}}",
		content: "binary.AppendVarint(b, int64(d.{{.Member}}))", json: "appendJSONNumber", returns: "returns the {{.Doc}}, or 0 if not given.",
	},
	"[]string": {
		stored: "[]string", accessor: "list",
		make: "cloneStrings(s.{{.Name}})", given: "len(s.{{.Name}}) > 0", has: "len(d.{{.Member}}) > 0",
		equal: "slices.Equal(d.{{.Member}}, e.{{.Member}})", says: "slices.Equal(d.{{.Member}}, s.{{.Name}})", get: "slices.Clone(d.{{.Member}})", view: "d.{{.Member}}",
		content: "appendStrings(b, d.{{.Member}})", json: "appendJSONList", returns: "returns the {{.Doc}}. The caller may modify the slice.",
	},
	"shared []string": {
		stored: "[]unique.Handle[string]", accessor: "list",
		make: "makeHandles(s.{{.Name}})", given: "len(s.{{.Name}}) > 0", has: "len(d.{{.Member}}) > 0",
		equal: "slices.Equal(d.{{.Member}}, e.{{.Member}})", says: "handlesSay(d.{{.Member}}, s.{{.Name}})", get: "handleValues(d.{{.Member}})",
		content: "appendHandles(b, d.{{.Member}})", json: "appendJSONList", returns: "returns the {{.Doc}}. The caller may modify the slice.",
	},
	"bool": {
		stored: "bool", accessor: "flag",
		make: "s.{{.Name}}", given: "s.{{.Name}}", has: "d.{{.Member}}",
		equal: "d.{{.Member}} == e.{{.Member}}", says: "d.{{.Member}} == s.{{.Name}}", get: "d.{{.Member}}",
		content: "strconv.AppendBool(b, d.{{.Member}})", json: "appendJSONFlag", returns: "reports whether the dataset is {{.Doc}}.",
	},
}

// storedOrder is the order of types in details. It needs no padding.
var storedOrder = []string{"string", "shared string", "int", "[]string", "shared []string", "bool"}

func (f field) kind() string {
	if f.Shared {
		return "shared " + f.Type
	}
	return f.Type
}

func (f field) code(of func(kind) string) string {
	var out bytes.Buffer
	template.Must(template.New("").Parse(of(kinds[f.kind()]))).Execute(&out, f)
	return out.String()
}

func (f field) Stored() string   { return f.code(func(k kind) string { return k.stored }) }
func (f field) Make() string     { return f.code(func(k kind) string { return k.make }) }
func (f field) Given() string    { return f.code(func(k kind) string { return k.given }) }
func (f field) Has() string      { return f.code(func(k kind) string { return k.has }) }
func (f field) Equal() string    { return f.code(func(k kind) string { return k.equal }) }
func (f field) Says() string     { return f.code(func(k kind) string { return k.says }) }
func (f field) Get() string      { return f.code(func(k kind) string { return k.get }) }
func (f field) Access() string   { return strings.Replace(f.Get(), "d.", "d.details().", 1) }
func (f field) Content() string  { return f.code(func(k kind) string { return k.content }) }
func (f field) JSON() string     { return f.code(func(k kind) string { return k.json }) }
func (f field) Returns() string  { return f.code(func(k kind) string { return k.returns }) }
func (f field) IsShared() bool   { return f.kind() == "shared string" }
func (f field) Accessor() string { return f.code(func(k kind) string { return k.accessor }) }

func (f field) View() string {
	if view := f.code(func(k kind) string { return k.view }); view != "" {
		return view
	}
	return f.Get()
}

// Pointer returns a pointer to the field, as package config sets it.
func (f field) Pointer() string {
	if f.Type == "DerivedScalarType" {
		return "(*string)(&s." + f.Name + ")"
	}
	return "&s." + f.Name
}

// GoType returns the type of what Pointer points to.
func (f field) GoType() string { return strings.Replace(f.Type, "DerivedScalarType", "string", 1) }

func main() {
	log.SetFlags(0)
	all := parse("spec.go")
	data := struct{ All, Optional, Stored, First, Later []field }{All: all}
	for _, f := range all {
		if f.Required {
			continue
		}
		data.Optional = append(data.Optional, f)
		if !slices.Contains(firstHashed, f.Name) {
			data.Later = append(data.Later, f)
		}
	}
	// Hashes must not depend on the order in Spec.
	slices.SortFunc(data.Later, func(a, b field) int { return strings.Compare(a.Name, b.Name) })
	for _, kind := range storedOrder {
		for _, f := range data.Optional {
			if f.kind() == kind {
				data.Stored = append(data.Stored, f)
			}
		}
	}
	for _, name := range firstHashed {
		i := slices.IndexFunc(data.Optional, func(f field) bool { return f.Name == name })
		if i < 0 {
			log.Fatalf("%s is gone: hashes of existing content would change", name)
		}
		data.First = append(data.First, data.Optional[i])
	}
	write("fields_gen.go", registryTemplate, data)
	write("../config/fields_gen.go", configTemplate, data)
	write("../internal/command/fields_gen.go", commandTemplate, data)
}

// parse returns the fields of Spec.
func parse(name string) []field {
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
	if err != nil {
		log.Fatal(err)
	}
	var fields []field
	spec := file.Scope.Lookup("Spec").Decl.(*ast.TypeSpec).Type.(*ast.StructType)
	for _, f := range spec.Fields.List {
		goName := f.Names[0].Name
		if goName == "Extra" || goName == "Line" {
			continue
		}
		var typ bytes.Buffer
		if err := format.Node(&typ, token.NewFileSet(), f.Type); err != nil {
			log.Fatal(err)
		}
		tag := ""
		if f.Tag != nil {
			text, err := strconv.Unquote(f.Tag.Value)
			if err != nil {
				log.Fatal(err)
			}
			tag = reflect.StructTag(text).Get("neurondex")
		}
		out := field{
			Name: goName, Member: strings.ToLower(goName[:1]) + goName[1:], Snake: snakeCase(goName), Type: typ.String(),
			Doc: strings.TrimSpace(f.Comment.Text()), Required: tag == "required", Shared: tag == "shared",
		}
		if out.Type == "DerivedScalarType" {
			kinds[out.Type] = kinds["string"]
		}
		if _, ok := kinds[out.kind()]; !ok {
			log.Fatalf("%s: no code for a field of type %s", goName, out.kind())
		}
		if out.Doc == "" {
			log.Fatalf("%s: a field must have a comment on its line", goName)
		}
		fields = append(fields, out)
	}
	return fields
}

func snakeCase(goName string) string {
	var out strings.Builder
	for i, r := range goName {
		if unicode.IsUpper(r) && i > 0 {
			out.WriteByte('_')
		}
		out.WriteRune(unicode.ToLower(r))
	}
	return out.String()
}

func write(name, text string, data any) {
	var out bytes.Buffer
	fmt.Fprint(&out, "// Code generated by registry/gen_fields.go from registry/spec.go; DO NOT EDIT.\n\n")
	if err := template.Must(template.New(name).Parse(text)).Execute(&out, data); err != nil {
		log.Fatal(err)
	}
	src, err := format.Source(out.Bytes())
	if err != nil {
		log.Fatalf("%s: %v\n%s", name, err, out.Bytes())
	}
	if err := os.WriteFile(name, src, 0o644); err != nil {
		log.Fatal(err)
	}
}

const registryTemplate = `package registry

import (
	"encoding/binary"
	"slices"
	"strconv"
	"strings"
	"unique"
)

// details holds the optional fields, which most datasets do not have. Strings that
// many datasets share are handles, so that each is in memory once.
type details struct {
	extra []Field
{{range .Stored}}	{{.Member}} {{.Stored}}
{{end}}}

var zeroDetails = &details{ {{range .Stored}}{{if .IsShared}}{{.Member}}: emptyString, {{end}}{{end}} }

// hasDetails reports whether any optional field is given.
func (s *Spec) hasDetails() bool {
	return {{range .Optional}}{{.Given}} ||
		{{end}}len(s.Extra) > 0
}

// newDetails returns a copy of the optional fields of s, or nil if none is given.
func newDetails(s *Spec) *details {
	if !s.hasDetails() {
		return nil
	}
	return &details{
{{range .Stored}}		{{.Member}}: {{.Make}},
{{end}}		extra: cloneFields(s.Extra),
	}
}

func (d *details) equal(e *details) bool {
	if d == nil || e == nil {
		return d == e
	}
	return {{range .Stored}}{{.Equal}} &&
		{{end}}slices.EqualFunc(d.extra, e.extra, Field.equal)
}

// says reports whether d has the content of s.
func (d *details) says(s *Spec) bool {
	if d == nil {
		return !s.hasDetails()
	}
	return {{range .Stored}}{{.Says}} &&
		{{end}}slices.EqualFunc(d.extra, s.Extra, Field.equal)
}

// fill sets the optional fields of s.
func (d *details) fill(s *Spec) {
{{range .Optional}}	s.{{.Name}} = {{.Get}}
{{end}}	s.Extra = slices.Clone(d.extra)
}

// appendContent appends an encoding of d, which may be nil, to be hashed.
func (d *details) appendContent(b []byte) []byte {
	if d == nil {
		return append(b, 0)
	}
{{- if .Later}}
	later := uint64(0)
{{range .Later}}	if {{.Has}} {
		later++
	}
{{end}}	if later > 0 {
		b = append(b, 2)
	} else {
		b = append(b, 1)
	}
{{- else}}
	b = append(b, 1)
{{- end}}
{{range .First}}	b = {{.Content}}
{{end}}	b = appendFields(b, d.extra)
{{- if .Later}}
	if later > 0 {
		b = binary.AppendUvarint(b, later)
	}
{{range .Later}}	if {{.Has}} {
		b = appendSized(b, "{{.Snake}}")
		b = {{.Content}}
	}
{{end}}{{end}}
	return b
}

// appendJSON appends the fields that are given to a JSON object.
func (d *details) appendJSON(b []byte) []byte {
{{range .Optional}}	b = {{.JSON}}(b, "{{.Member}}", {{.View}})
{{end}}	for _, f := range d.extra {
		b = append(b, ',')
		b = append(appendJSONString(b, f.Name), ':')
		b = f.Value.AppendJSON(b)
	}
	return b
}
{{range .Optional}}
// {{.Name}} {{.Returns}}
func (d Dataset) {{.Name}}() {{.Type}} { return {{.Access}} }
{{end}}`

const configTemplate = `package config

import "github.com/neurondex/neurondex/registry"

// fields are the fields of a dataset. The required fields are first.
var fields = [...]field{
{{range .All}}	{snake: "{{.Snake}}", camel: "{{.Member}}", goName: "{{.Name}}", {{.Accessor}}: func(s *registry.Spec) *{{.GoType}} { return {{.Pointer}} }},
{{end}}}

// Places of fields.
const (
{{range $i, $f := .All}}	{{$f.Member}}Place{{if not $i}} = iota{{end}}
{{end}})
`

const commandTemplate = `package command

// fieldDocs describes the fields of a registry.Spec.
var fieldDocs = map[string]string{
{{range .All}}	"{{.Name}}": {{printf "%q" .Doc}},
{{end}}}
`
