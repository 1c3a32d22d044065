package config

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMaxValuesByFormat checks that every codec counts all values of a document.
func TestMaxValuesByFormat(t *testing.T) {
	for name, tt := range map[string]struct {
		format, start, item, end string
		unlimited                bool
	}{
		"JSON list":     {"json", "[", "1,", "1]", false},
		"JSON objects":  {"json", "[", "{},", "1]", false},
		"JSONC list":    {"jsonc", "[", "1,", "]", false},
		"TOML list":     {"toml", "x = [", "1,", "]", false},
		"TOML lists":    {"toml", "x = [", "[],", "]", false},
		"TOML headers":  {"toml", "", "[[x]]\n", "", false},
		"TOML string":   {"toml", "x = '''", ",", "'''", true},
		"TOML comment":  {"toml", "x = 1 #", ",", "", true},
		"JSON string":   {"json", `["`, ",", `"]`, true},
		"JSONC comment": {"jsonc", "[/*", ",", "*/]", true},
	} {
		load := func(n int) *problem {
			l := loaders.New().(*loader)
			_, fault := l.load(tt.format, []byte(tt.start+strings.Repeat(tt.item, n)+tt.end), 100)
			return fault
		}
		require.Nil(t, load(45), name) // an empty list of TOML counts twice
		fault := load(110)
		if tt.unlimited {
			require.Nil(t, fault, name)
			continue
		}
		require.NotNil(t, fault, name)
		assert.Equal(t, RuleTooLarge, fault.rule, name)
		assert.Equal(t, "exceeds the limit of 100 values", fault.message, name)
	}
}
