// Package spectest fills datasets by reflection, so that tests cover every field of
// [registry.Spec], those added later included.
package spectest

import (
	"fmt"
	"iter"
	"reflect"

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
			value = []registry.Field{{Name: "extra", Value: registry.ListValue(registry.IntegerValue(1), registry.BoolValue(true))}}
		default:
			panic(fmt.Sprintf("spectest: no value for field %s of type %v", field.Name, field.Type))
		}
	}
	reflect.ValueOf(s).Elem().FieldByIndex(field.Index).Set(reflect.ValueOf(value))
}
