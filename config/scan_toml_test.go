package config

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestScanTOML checks what counts as a value, and that separators in strings and comments do
// not.
func TestScanTOML(t *testing.T) {
	for doc, want := range map[string]string{
		"a = [1, 2, 3, 4]":                          "exceeds the limit of 3 values",
		"a = [1,]":                                  "",
		"a = {b = 1, c = 2}":                        "exceeds the limit of 3 values",
		"[[a]]\n[[a]]\n[[a]]":                       "",
		"a = [[[[1]]]]":                             "exceeds the limit of 3 values",
		"[a]\n[b]\n[c]\n[d]":                        "exceeds the limit of 3 values",
		"a = 1\nb = 2\nc = 3\nd = 4":                "exceeds the limit of 3 values",
		"a = ',,,,'":                                "",
		`a = ",,\",,,"`:                             "",
		`a = ",,\\" # ,,,,`:                         "",
		"a = ''',,'',,\n,,''''' # ,,,":              "",
		`a = """,,"",,\""",,"""""` + "# ,,,,":       "",
		`a = """,,\\"""` + "\nb = [1,2,3,4]":        "exceeds the limit of 3 values",
		"a = '''x'''''\nb = [1, 2, 3, 4]":           "exceeds the limit of 3 values",
		"# ' \" ,,,,\na = [1, 2, 3, 4]":             "exceeds the limit of 3 values",
		"a = '\nb = [1, 2, 3, 4]":                   "exceeds the limit of 3 values", // not well-formed
		"a = [1.5, 2.5]":                            "",
		strings.Repeat("a.", 65) + "b = 1":          "nesting exceeds 64 levels",
		"[" + strings.Repeat("a.", 65) + "b]":       "nesting exceeds 64 levels",
		strings.Repeat("a.a.a.a.b # c\n", 100):      "",
		"# " + strings.Repeat("a.", 65):             "",
		strings.Repeat("a.a.a.a.b\n", 100):          "",
		"a = '" + strings.Repeat("a.", 65) + "b'":   "",
		"a = \"\"\"" + strings.Repeat(",", 100):     "",
		"a = '''" + strings.Repeat(",", 100) + "''": "",
	} {
		l := &loader{maxValues: 3}
		got := ""
		if fault := l.scanTOML([]byte(doc)); fault != nil {
			got = fault.Error()
		}
		assert.Equal(t, want, got, "%q", doc)
	}
}
