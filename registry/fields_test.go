package registry_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/neurondex/neurondex/internal/spectest"
	"github.com/neurondex/neurondex/registry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestEveryField changes each field of a Spec by itself: the change must be noticed,
// hashed, written and returned.
func TestEveryField(t *testing.T) {
	hashes := map[registry.Hash]string{}
	for name, changed := range spectest.Variants() {
		var reg registry.Registry
		before := apply(t, &reg, put(doc("d", spectest.Required()))).After
		hashes[before.Hash()] = "none"
		u := apply(t, &reg, put(doc("d", changed)))
		assert.NotEqual(t, before.Generation(), u.After.Generation(), name)
		assert.False(t, u.Diff().IsEmpty(), name)
		assert.NotContains(t, hashes, u.After.Hash(), name)
		hashes[u.After.Hash()] = name
		again := apply(t, &reg, put(doc("d", changed)))
		assert.Same(t, u.After, again.After, name)

		d, err := u.After.Get(changed.ShortName, changed.DerivedScalarType)
		require.NoError(t, err)
		assert.Equal(t, changed, d.Spec(), name)
		was, _ := before.Get("name", registry.MLPPostAct)
		assert.False(t, d.Equal(was), name)
		if name == "Extra" {
			continue
		}
		value := reflect.ValueOf(changed).FieldByName(name).Interface()
		accessor := reflect.ValueOf(d).MethodByName(name)
		require.True(t, accessor.IsValid(), "method %s of Dataset", name)
		assert.Equal(t, value, accessor.Call(nil)[0].Interface(), name)
		var written map[string]any
		require.NoError(t, json.Unmarshal(d.AppendJSON(nil), &written))
		want, err := json.Marshal(value)
		require.NoError(t, err)
		got, err := json.Marshal(written[strings.ToLower(name[:1])+name[1:]])
		require.NoError(t, err)
		assert.JSONEq(t, string(want), string(got), name)
		fields := 4 // those that are required
		if !required(name) {
			fields++
		}
		assert.Len(t, written, fields, "%s: a field that is not given is not written: %v", name, written)
	}
}

// required reports whether a field of a Spec is required.
func required(name string) bool {
	field, _ := reflect.TypeFor[registry.Spec]().FieldByName(name)
	return field.Tag.Get("neurondex") == "required"
}
