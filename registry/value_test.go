package registry_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/neurondex/neurondex/registry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// parsed returns v and panics if there is an error.
func parsed(v registry.Value, err error) registry.Value {
	if err != nil {
		panic(err)
	}
	return v
}

func TestParseValues(t *testing.T) {
	parsers := map[registry.Kind]func(string) (registry.Value, error){
		registry.KindInteger: registry.ParseInteger,
		registry.KindFloat:   registry.ParseFloat,
		registry.KindTime:    registry.ParseTime,
	}
	for kind, tt := range map[registry.Kind]struct{ valid, invalid []string }{
		registry.KindInteger: {
			[]string{"0", "-0", "7", "-12", "123456789012345678901234567890"},
			[]string{"", "-", "+1", "01", "-01", "1.0", "1e3", "0x1", "1_000", " 1", "1 ", `"1"`, "1,2"},
		},
		registry.KindFloat: {
			[]string{"0", "1.5", "-1.5e300", "1e400", "1E+05", "0.10", "inf", "-inf", "nan", "-nan"},
			[]string{"", ".5", "1.", "01.5", "1e", "1e+", "+1.5", "+inf", "Infinity", "NaN", "1.5]", "0x1p4"},
		},
		registry.KindTime: {
			[]string{"1979-05-27", "07:32:00", "07:32", "07:32:00.999", "1979-05-27T07:32:00", "1979-05-27 07:32:00Z", "1979-05-27t07:32:00.5z", "1979-05-27T00:32:00-07:00"},
			[]string{"", "1979", "1979-5-27", "1979-05-27T", "1979-05-27T07", "07:32:00.", "07:32:00Z", "1979-05-27T07:32:00+07", `1979-05-27"`, "1979-05-27X07:32:00"},
		},
	} {
		for _, text := range tt.valid {
			v, err := parsers[kind](text)
			require.NoError(t, err, text)
			assert.Equal(t, kind, v.Kind(), text)
			assert.Equal(t, text, v.Text())
			assert.Equal(t, text, v.String())
			b, err := json.Marshal(v)
			require.NoError(t, err, text)
			assert.NotEmpty(t, b)
		}
		for _, text := range tt.invalid {
			v, err := parsers[kind](text)
			require.Error(t, err, "%v %q", kind, text)
			assert.Equal(t, registry.Value{}, v)
		}
	}
}

func TestValueAccessors(t *testing.T) {
	big := parsed(registry.ParseInteger("123456789012345678901234567890"))
	list := registry.ListValue(registry.IntegerValue(1), registry.StringValue("a\n"), registry.Value{})
	for _, tt := range []struct {
		v         registry.Value
		str       string
		b         bool
		n         int64
		isInt64   bool
		f         float64
		isFloat64 bool
	}{
		{v: registry.Value{}, str: "null"},
		{v: registry.BoolValue(true), str: "true", b: true},
		{v: registry.BoolValue(false), str: "false"},
		{v: registry.StringValue("true"), str: "true"},
		{v: registry.StringValue("12"), str: "12"},
		{v: registry.IntegerValue(-12), str: "-12", n: -12, isInt64: true, f: -12, isFloat64: true},
		{v: big, str: big.Text(), n: math.MaxInt64, f: 123456789012345678901234567890, isFloat64: true},
		{v: registry.FloatValue(1.5), str: "1.5", f: 1.5, isFloat64: true},
		{v: registry.FloatValue(2), str: "2.0", f: 2, isFloat64: true},
		{v: registry.FloatValue(math.Inf(1)), str: "inf", f: math.Inf(1), isFloat64: true},
		{v: parsed(registry.ParseFloat("-1e400")), str: "-1e400", f: math.Inf(-1)},
		{v: list, str: `[1,"a\n",null]`},
		{v: registry.ObjectValue(registry.Field{Name: "k", Value: list}), str: `{"k":[1,"a\n",null]}`},
	} {
		assert.Equal(t, tt.str, tt.v.String())
		assert.Equal(t, tt.b, tt.v.Bool(), tt.str)
		n, ok := tt.v.Int64()
		assert.Equal(t, tt.n, n, tt.str)
		assert.Equal(t, tt.isInt64, ok, tt.str)
		f, ok := tt.v.Float64()
		if f != tt.f {
			t.Errorf("%v.Float64() = %v, want %v", tt.str, f, tt.f)
		}
		assert.Equal(t, tt.isFloat64, ok, tt.str)
	}
	assert.Equal(t, 3, list.Len())
	names := []string{}
	for name, item := range registry.ObjectValue(registry.Field{Name: "k", Value: list}).Fields() {
		names = append(names, name)
		assert.True(t, item.Equal(list))
	}
	assert.Equal(t, []string{"k"}, names)
	nan, ok := parsed(registry.ParseFloat("-nan")).Float64()
	assert.True(t, math.IsNaN(nan))
	assert.True(t, ok)
	assert.Equal(t, "object", registry.KindObject.String())
	assert.Equal(t, "Kind(200)", registry.Kind(200).String())
}

func TestKeyPlaceAndOverrideHaveJSONNames(t *testing.T) {
	key := registry.Key{ShortName: "s", DerivedScalarType: "t"}
	b, err := json.Marshal(registry.Override{Key: key, Hidden: registry.Place{Document: "a"}, By: registry.Place{Document: "b", Line: 3}})
	require.NoError(t, err)
	assert.JSONEq(t, `{"key":{"shortName":"s","derivedScalarType":"t"},"hidden":{"document":"a"},"by":{"document":"b","line":3}}`, string(b))
	var reg registry.Registry
	b, err = json.Marshal(reg.Snapshot().Hash())
	require.NoError(t, err)
	assert.JSONEq(t, `"0000000000000000000000000000000000000000000000000000000000000000"`, string(b))
}
