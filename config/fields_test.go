package config_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/internal/spectest"
	"github.com/neurondex/neurondex/registry"
	"github.com/pelletier/go-toml/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestEveryField parses each field of a Spec in both formats and both spellings, and
// converts it to both formats.
func TestEveryField(t *testing.T) {
	parse := func(t *testing.T, file string, data []byte) registry.Spec {
		t.Helper()
		specs, found := config.Parse(file, data)
		require.NoError(t, found.Err(), "%s", data)
		require.Len(t, specs, 1)
		specs[0].Line = 0
		return specs[0]
	}
	for name, want := range spectest.Variants() {
		t.Run(name, func(t *testing.T) {
			var reg registry.Registry
			_, err := reg.Apply(registry.Change{Put: []registry.Document{{Name: "d", Datasets: []registry.Spec{want}}}})
			require.NoError(t, err)
			d, err := reg.Snapshot().Get(want.ShortName, want.DerivedScalarType)
			require.NoError(t, err)
			var camel map[string]any
			require.NoError(t, json.Unmarshal(d.AppendJSON(nil), &camel))
			snake := map[string]any{}
			for key, value := range camel {
				if number, ok := value.(float64); ok {
					camel[key] = int(number)
				}
				snake[snakeCase(key)] = camel[key]
			}
			for _, fields := range []map[string]any{camel, snake} {
				if name == "Extra" { // whose integers json.Unmarshal made floats
					fields["extra"] = []any{1, true}
				}
				asJSON, err := json.Marshal(fields)
				require.NoError(t, err)
				assert.Equal(t, want, parse(t, "d.json", asJSON))
				asTOML, err := toml.Marshal(fields)
				require.NoError(t, err)
				assert.Equal(t, want, parse(t, "d.toml", asTOML))
				for _, format := range []string{"json", "toml"} {
					converted, _, err := config.Convert("d.json", asJSON, format)
					require.NoError(t, err)
					assert.Equal(t, want, parse(t, "d."+format, converted))
				}
			}
		})
	}
}

func snakeCase(camel string) string {
	var b strings.Builder
	for _, r := range camel {
		if unicode.IsUpper(r) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
