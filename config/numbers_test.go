package config_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/neurondex/neurondex/config"
	"github.com/pelletier/go-toml/v2"
	"github.com/stretchr/testify/require"
)

// numbers are valid numbers and times of each format.
var numbers = map[string][]string{
	"toml": {
		"0", "-0", "+0", "7", "-12", "+12", "1_000", "-1_2_3", "9223372036854775807", "-9223372036854775808",
		"0x0", "0xDEADBEEF", "0xdead_beef", "0x00ff", "0x7fffffffffffffff", "0o755", "0o0_1", "0b1101_0110",
		"0.0", "-0.0", "+0.0", "1.5", "+1.5", "-1.50", "1_0.0_1", "5e+22", "1e06", "-2E-2", "1e1_0", "6.626e-34",
		"1e-400", "0.12345678901234567890123456789", "1.7976931348623157e308",
		"inf", "+inf", "-inf", "nan", "+nan", "-nan",
		"1979-05-27", "07:32:00", "07:32", "00:32:00.9999999", "1979-05-27T07:32:00", "1979-05-27 07:32:00",
		"1979-05-27T07:32:00Z", "1979-05-27t07:32:00z", "1979-05-27 00:32:00.5-07:00", "1979-05-27T00:32:00-00:00", "0000-01-01",
	},
	"json": {
		"0", "-0", "7", "-12", "9223372036854775808", "123456789012345678901234567890",
		"0.0", "-0.0", "1.50", "1e0", "1E+05", "-1e-400", "1e400", "-1E400", "0.12345678901234567890123456789",
	},
}

// numberDocument returns a document that holds a number in an extra field, in a list, in an
// object, and next to the datasets.
func numberDocument(format, number string) string {
	document := `{"datasets": [{"short_name": "a", "derived_scalar_type": "logits", "user_visible_name": "A", "neuron_dataset_path": "p", ` +
		`"x": @, "list": [@, {"y": @}]}], "top": @}`
	if format == "toml" {
		document = "top = @\n[[datasets]]\nshort_name = 'a'\nderived_scalar_type = 'logits'\nuser_visible_name = 'A'\nneuron_dataset_path = 'p'\n" +
			"x = @\nlist = [@, {y = @}]\n"
	}
	return strings.ReplaceAll(document, "@", number)
}

// sameNumber reports whether two values that go-toml decoded are equal, NaN included.
func sameNumber(a, b any) bool {
	f, ok := a.(float64)
	g, both := b.(float64)
	if ok && both {
		return math.Signbit(f) == math.Signbit(g) && (f == g || math.IsNaN(f) && math.IsNaN(g))
	}
	if t, ok := a.(time.Time); ok {
		u, both := b.(time.Time)
		return both && t.Equal(u)
	}
	return a == b
}

// requireNumberSurvives converts a document with a number to its own format twice. A number
// of JSON must keep its text, and one of TOML its value.
func requireNumberSurvives(t *testing.T, format, number string) {
	t.Helper()
	name, document := "a."+format, numberDocument(format, number)
	once, _, err := config.Convert(name, []byte(document), format)
	require.NoError(t, err)
	twice, _, err := config.Convert(name, once, format)
	require.NoError(t, err)
	require.Equal(t, string(once), string(twice))
	type numbers struct {
		X    any
		List []any
	}
	var got struct {
		Top      any
		Datasets []numbers
	}
	want := any(json.Number(number))
	if format == "json" {
		dec := json.NewDecoder(strings.NewReader(string(once)))
		dec.UseNumber()
		require.NoError(t, dec.Decode(&got))
	} else {
		var given struct{ X any }
		require.NoError(t, toml.Unmarshal([]byte("x = "+number), &given))
		want = given.X
		require.NoError(t, toml.Unmarshal(once, &got))
	}
	d := got.Datasets[0]
	for _, value := range []any{got.Top, d.X, d.List[0], d.List[1].(map[string]any)["y"]} {
		require.True(t, sameNumber(want, value), "%s became %v in\n%s", number, value, once)
	}
	// By way of the other format, if that can represent it.
	other := map[string]string{"toml": "json", "json": "toml"}[format]
	through, _, err := config.Convert(name, []byte(document), other)
	if err != nil {
		require.ErrorIs(t, err, config.ErrNotRepresentable)
		return
	}
	back, _, err := config.Convert("a."+other, through, format)
	require.NoError(t, err)
	require.Equal(t, string(once), string(back))
	again, _, err := config.Convert("a."+other, through, other)
	require.NoError(t, err)
	require.Equal(t, string(through), string(again))
}

func TestNumbersSurvive(t *testing.T) {
	for format, texts := range numbers {
		for _, number := range texts {
			t.Run(format+" "+number, func(t *testing.T) { requireNumberSurvives(t, format, number) })
		}
	}
}

func FuzzNumber(f *testing.F) {
	for format, texts := range numbers {
		for _, number := range texts {
			f.Add(format == "toml", number)
		}
	}
	f.Fuzz(func(t *testing.T, isTOML bool, number string) {
		if strings.ContainsAny(number, "#\"' \t\r\n[{@") {
			return // more or other than a number
		}
		if isTOML {
			var given map[string]any
			if err := toml.Unmarshal([]byte("x = "+number), &given); err != nil || len(given) != 1 {
				return
			}
			requireNumberSurvives(t, "toml", number)
		} else if n := json.Number(""); json.Unmarshal([]byte(number), &n) == nil && n != "" {
			requireNumberSurvives(t, "json", number)
		}
	})
}
