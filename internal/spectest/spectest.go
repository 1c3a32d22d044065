// Package spectest fills datasets by reflection, so that tests cover every field of
// [registry.Spec], those added later included.
package spectest

import (
	"fmt"
	"iter"
	"reflect"
	"slices"

	"github.com/neurondex/neurondex/registry"
)

// Required returns a dataset with the required fields alone.
func Required() registry.Spec {
	return registry.Spec{ShortName: "name", DerivedScalarType: registry.MLPPostAct, UserVisibleName: "Name", NeuronDatasetPath: "path"}
}

// Full returns a dataset with every field but Line.
func Full() registry.Spec {
	s := Required()
	for field := range fields() {
		set(&s, field)
	}
	return s
}

// Variants yields, for every field of a dataset but Line, its name and a dataset that
// differs from Required in that field alone.
func Variants() iter.Seq2[string, registry.Spec] {
	return func(yield func(string, registry.Spec) bool) {
		for field := range fields() {
			s := Required()
			set(&s, field)
			if !yield(field.Name, s) {
				return
			}
		}
	}
}

// Changes yields, for every field of a dataset but Line, datasets that differ from Full
// in that field alone, each with a name. The field has another value or, if it is
// optional, none. A list also has another order and another length, and each part of an
// extra field another value.
func Changes() iter.Seq2[string, registry.Spec] {
	return func(yield func(string, registry.Spec) bool) {
		for field := range fields() {
			for name, value := range changes(field, reflect.ValueOf(Full()).FieldByIndex(field.Index).Interface()) {
				s := Full()
				reflect.ValueOf(&s).Elem().FieldByIndex(field.Index).Set(reflect.ValueOf(value).Convert(field.Type))
				if !yield(field.Name+": "+name, s) {
					return
				}
			}
		}
	}
}

// changes returns other values for a field.
func changes(field reflect.StructField, value any) map[string]any {
	others := map[string]any{}
	if field.Tag.Get("neurondex") != "required" {
		others["none"] = reflect.Zero(field.Type).Interface()
	}
	switch v := value.(type) {
	case string, registry.DerivedScalarType:
		others["another value"] = reflect.ValueOf(v).String() + "x"
	case int:
		others["another value"] = v + 1
	case bool: // which has no other value
	case []string:
		others["another item"] = append(slices.Clone(v[:len(v)-1]), v[len(v)-1]+"x")
		others["another order"] = []string{v[1], v[0]}
		others["an item less"] = v[:len(v)-1]
		others["an item more"] = append(slices.Clone(v), "more")
	case []registry.Field:
		others["another name"] = append([]registry.Field{{Name: v[0].Name + "x", Value: v[0].Value}}, v[1:]...)
		others["another order"] = []registry.Field{v[1], v[0]}
		others["a field less"] = v[:len(v)-1]
		others["a field more"] = append(slices.Clone(v), registry.Field{Name: "more", Value: registry.IntegerValue(0)})
		for name, list := range map[string]registry.Value{
			"another item":  registry.ListValue(registry.IntegerValue(2), registry.BoolValue(true)),
			"another kind":  registry.ListValue(registry.StringValue("1"), registry.BoolValue(true)),
			"an item less":  registry.ListValue(registry.IntegerValue(1)),
			"another order": registry.ListValue(registry.BoolValue(true), registry.IntegerValue(1)),
		} {
			others["list with "+name] = append([]registry.Field{{Name: v[0].Name, Value: list}}, v[1:]...)
		}
		for name, inner := range map[string]registry.Field{
			"another name":  {Name: "other", Value: registry.StringValue("value")},
			"another value": {Name: "inner", Value: registry.StringValue("other")},
			"another kind":  {Name: "inner", Value: registry.BoolValue(true)},
		} {
			others["object with "+name] = []registry.Field{v[0], {Name: v[1].Name, Value: registry.ObjectValue(inner)}}
		}
	default:
		panic(fmt.Sprintf("spectest: no change for field %s of type %v", field.Name, field.Type))
	}
	if other, ok := otherValid[field.Name]; ok {
		others["another value"] = other
	}
	return others
}

// fields yields the fields that are part of the content of a dataset.
func fields() iter.Seq[reflect.StructField] {
	return func(yield func(reflect.StructField) bool) {
		for field := range reflect.TypeFor[registry.Spec]().Fields() {
			if field.Name != "Line" && !yield(field) {
				return
			}
		}
	}
}

// valid has the values of fields that do not take any value.
var valid = map[string]any{
	"DerivedScalarType": registry.AttnWriteNorm,
	"RecordFormat":      "pt",
	"Homepage":          "https://host.example/",
}

// otherValid has other values of these fields.
var otherValid = map[string]any{
	"DerivedScalarType": registry.MLPPostAct,
	"RecordFormat":      "json",
	"Homepage":          "https://other.example/",
}

func set(s *registry.Spec, field reflect.StructField) {
	value, ok := valid[field.Name]
	if !ok {
		switch text := "the " + field.Name; field.Type {
		case reflect.TypeFor[string]():
			value = text
		case reflect.TypeFor[int]():
			value = len(text)
		case reflect.TypeFor[bool]():
			value = true
		case reflect.TypeFor[[]string]():
			value = []string{text, "another"}
		case reflect.TypeFor[[]registry.Field]():
			value = []registry.Field{
				{Name: "extra", Value: registry.ListValue(registry.IntegerValue(1), registry.BoolValue(true))},
				{Name: "object", Value: registry.ObjectValue(registry.Field{Name: "inner", Value: registry.StringValue("value")})},
			}
		default:
			panic(fmt.Sprintf("spectest: no value for field %s of type %v", field.Name, field.Type))
		}
	}
	reflect.ValueOf(s).Elem().FieldByIndex(field.Index).Set(reflect.ValueOf(value))
}
