package config_test

import (
	"encoding/json"
	"testing"

	"github.com/neurondex/neurondex/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSeverityText(t *testing.T) {
	for s, want := range map[config.Severity]string{config.SeverityError: "error", config.SeverityWarning: "warning", config.SeverityHint: "hint"} {
		text, err := s.MarshalText()
		require.NoError(t, err)
		assert.Equal(t, want, string(text))
		assert.Equal(t, want, s.String())
		var got config.Severity
		require.NoError(t, got.UnmarshalText(text))
		assert.Equal(t, s, got)
	}
	assert.Equal(t, "Severity(3)", config.Severity(3).String())
	_, err := config.Severity(3).MarshalText()
	require.EqualError(t, err, "config: invalid Severity(3)")
	s := config.SeverityHint
	require.EqualError(t, s.UnmarshalText([]byte("fatal")), `config: invalid severity "fatal"`)
	assert.Equal(t, config.SeverityHint, s, "the value is unchanged after an error")
}

func TestDiagnosticJSON(t *testing.T) {
	for _, tt := range []struct {
		diagnostic config.Diagnostic
		want       string
	}{
		{config.Diagnostic{}, `{"file":"","severity":"error","message":"","rule":""}`},
		{
			config.Diagnostic{
				File: "a.toml", Line: 2, Column: 3, Severity: config.SeverityWarning, Field: "f", Value: "v", Message: "m", Suggestion: "s", Rule: config.RuleUnknownField,
			},
			`{"file":"a.toml","line":2,"column":3,"severity":"warning","field":"f","value":"v","message":"m","suggestion":"s","rule":"unknown-field"}`,
		},
		{
			config.Diagnostic{File: "a.toml", Line: 7, Column: 1, Severity: config.SeverityWarning, Message: "m", Datasets: 5, Rule: config.RuleUnknownField},
			`{"file":"a.toml","line":7,"column":1,"severity":"warning","message":"m","datasets":5,"rule":"unknown-field"}`,
		},
	} {
		b, err := json.Marshal(tt.diagnostic)
		require.NoError(t, err)
		assert.Equal(t, tt.want, string(b))
		var got config.Diagnostic
		require.NoError(t, json.Unmarshal(b, &got))
		assert.Equal(t, tt.diagnostic, got)
	}
}
