package config_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/neurondex/neurondex/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestUnknownScheme checks that a path that looks like a URL, but not like one of a known scheme, is
// a warning that says what was probably meant.
func TestUnknownScheme(t *testing.T) {
	for path, want := range map[string]string{
		"htp://host/x":    `unknown scheme htp (did you mean "http"?)`,
		"htps://host/x":   `unknown scheme htps (did you mean "https"?)`,
		"hhtps://host/x":  `unknown scheme hhtps (did you mean "https"?)`,
		"HTTPSS://host/x": `unknown scheme httpss (did you mean "https"?)`,
		"s4://bucket/x":   `unknown scheme s4 (did you mean "s3"?)`,
		"magnet://host/x": `unknown scheme magnet`,
		"https:/host/x":   `https is not followed by :// (did you mean "https://host/x"?)`,
		"https:host/x":    `https is not followed by :// (did you mean "https://host/x"?)`,
		"https//host/x":   `https is not followed by :// (did you mean "https://host/x"?)`,
		"s3:bucket/x":     `s3 is not followed by :// (did you mean "s3://bucket/x"?)`,
		"http://host/x":   "",
		"HTTPS://host/x":  "",
		"az://account/x":  "",
		"s3://bucket/x":   "",
		"gs://bucket/x":   "",
		"hf://datasets/x": "",
		"file:///data/x":  "",
		"file:/data/x":    "",
		"/data/x":         "",
		"https/x":         "",
		"data//x":         "",
		`C:\data\x`:       "",
		"C://data/x":      "",
		"gpt2:small/x":    "",
	} {
		for _, explanation := range []bool{false, true} {
			quoted, err := json.Marshal(path)
			require.NoError(t, err)
			data, field := strings.Replace(goodJSON, `"p"`, string(quoted), 1)+"}", "neuronDatasetPath"
			if explanation {
				data, field = goodJSON+`, "explanationDatasetPaths": ["q", `+string(quoted)+"]}", "explanationDatasetPaths[1]"
			}
			specs, found := config.Parse("a.json", []byte(data))
			assert.Len(t, specs, 1, path)
			var got string
			for _, d := range found {
				if d.Rule == config.RuleUnknownScheme {
					assert.Equal(t, config.SeverityWarning, d.Severity)
					got += d.Text()
				}
			}
			if want == "" {
				assert.Empty(t, got, path)
			} else {
				assert.Equal(t, field+": "+want, got, path)
			}
		}
	}
}

// TestUnknownSchemeOnce checks that a scheme is one warning for a document.
func TestUnknownSchemeOnce(t *testing.T) {
	var items []string
	for i := range 50 {
		items = append(items, strings.Replace(fmt.Sprintf(goodItem, i), `"p"`, fmt.Sprintf(`"%s://host/%d"`, []string{"own", "mine"}[i%2], i), 1)+"}")
	}
	_, found := config.Parse("a.json", []byte("["+strings.Join(items, ",\n")+"]"))
	require.Len(t, found, 2)
	assert.Equal(t, "a.json:1:113: warning: [0].neuronDatasetPath: unknown scheme own (in 25 datasets, first at line 1) [unknown-scheme]", found[0].String())
}
