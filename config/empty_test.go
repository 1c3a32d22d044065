package config_test

import (
	"encoding/binary"
	"testing"
	"unicode/utf16"

	"github.com/neurondex/neurondex/config"
	"github.com/stretchr/testify/assert"
)

// utf16Of returns a text as UTF-16 with a byte order mark.
func utf16Of(text string, order binary.AppendByteOrder) string {
	data := order.AppendUint16(nil, 0xfeff)
	for _, u := range utf16.Encode([]rune(text)) {
		data = order.AppendUint16(data, u)
	}
	return string(data)
}

// TestEmptyDocument checks that a document without datasets has RuleEmptyDocument, unless it
// says so by an empty list or map: the watcher keeps the last good datasets of a document that
// was emptied by accident.
func TestEmptyDocument(t *testing.T) {
	const toml, json, jsonc = "a.toml", "a.json", "a.jsonc"
	for name, tt := range map[string]struct {
		file, data string
		empty      bool
	}{
		"no bytes, TOML":       {toml, "", true},
		"no bytes, JSON":       {json, "", true},
		"no bytes, JSONC":      {jsonc, "", true},
		"spaces, TOML":         {toml, " \t\r\n\n", true},
		"spaces, JSON":         {json, " \t\r\n\n", true},
		"spaces, JSONC":        {jsonc, " \t\r\n\n", true},
		"BOM, TOML":            {toml, "\ufeff", true},
		"BOM, JSON":            {json, "\ufeff", true},
		"BOM, JSONC":           {jsonc, "\ufeff", true},
		"BOM and spaces, JSON": {json, "\ufeff \n", true},
		"UTF-16 BOM, TOML":     {toml, "\xff\xfe", true},
		"UTF-16 BOM, JSON":     {json, "\xfe\xff", true},
		"UTF-16 BOM, JSONC":    {jsonc, "\xfe\xff", true},
		"UTF-16 spaces":        {json, utf16Of(" \n", binary.LittleEndian), true},
		"UTF-16 comment":       {toml, utf16Of("# generated", binary.BigEndian), true},
		"comment, TOML":        {toml, "# generated", true},
		"comments, TOML":       {toml, "\ufeff# generated\n\n  # by hand\r\n", true},
		"line comment, JSONC":  {jsonc, "// generated", true},
		"line comments, JSONC": {jsonc, "// generated\n// by hand\n", true},
		"block comment, JSONC": {jsonc, "\ufeff/* generated */", true},
		"object, JSON":         {json, "{}", true},
		"object, JSONC":        {jsonc, "/**/ { // nothing\n}", true},
		"object, UTF-16":       {json, utf16Of("{}", binary.LittleEndian), true},
		"schema":               {json, `{"$schema": "https://host.example/schema.json"}`, true},
		"schema, JSONC":        {jsonc, `{"$schema": "https://host.example/schema.json",}`, true},
		"schema, TOML":         {toml, `"$schema" = "https://host.example/schema.json"`, true},
		"version":              {json, `{"schemaVersion": 1}`, true},
		"version, TOML":        {toml, "schema_version = 1 # generated", true},
		"types":                {json, `{"extraScalarTypes": ["a"], "schema_version": 1}`, true},
		"types, TOML":          {toml, `extra_scalar_types = []`, true},

		"empty list, TOML":        {toml, "datasets = []", false},
		"empty list and comment":  {toml, "# none\ndatasets = [ # none\n]", false},
		"empty list and version":  {toml, "schema_version = 1\ndatasets = []", false},
		"empty map, TOML":         {toml, "datasets = {}", false},
		"empty table, TOML":       {toml, "[datasets]", false},
		"empty list, UTF-16":      {toml, utf16Of("datasets = []", binary.BigEndian), false},
		"top-level list, JSON":    {json, "[]", false},
		"top-level list, JSONC":   {jsonc, "[ /* none */ ]", false},
		"top-level list with BOM": {json, "\ufeff[]", false},
		"empty list, JSON":        {json, `{"datasets": []}`, false},
		"empty list, JSONC":       {jsonc, `{"datasets": [],}`, false},
		"empty list with schema":  {json, `{"$schema": "s", "datasets": []}`, false},
		"empty map, JSON":         {json, `{"datasets": {}}`, false},
		"empty map, JSONC":        {jsonc, `{"datasets": { }}`, false},
		"empty list and unknown":  {json, `{"datasets": [], "x": 1}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			specs, found := config.Parse(tt.file, []byte(tt.data))
			assert.Empty(t, specs)
			assert.NoError(t, found.Err())
			n := 0
			for _, d := range found {
				if d.Rule == config.RuleEmptyDocument {
					n++
					assert.Equal(t, config.SeverityWarning, d.Severity)
				}
			}
			assert.Equal(t, tt.empty, n == 1, "%v", found)
		})
	}
}
