package config

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tailscale/hujson"
)

// jsoncSeeds are valid and invalid documents with comments and trailing commas.
var jsoncSeeds = []string{
	"1e700",
	"", " ", "[]", "{}", "[,]", "{,}", "[1,]", "[1,,]", "[1,2,/**/]", "[1 /*,*/]", "[,1]", `{"a":1,}`, `{"a":,}`, `{"a",}`, `{,"a":1}`, `{"a":1,,}`, "[[],]", "[{},]", "1,", ",",
	"//", "[]//", "[]//x", "// x\n[]", "/**/[]", "[]/**/", "[]/*", "[]/*/", "[]/* * /**/", "[/]", "[1/2]", "[]/", "[] //\n,", "[1,//\n]", "[1//,\n]", "[1/**/,/**/]",
	`["//"]`, `["/*"]`, `["\"//"]`, `["\\"//` + "\n]", `["\\\"",]`, `["`, `["\`, `["\"`, "[\"\n\"]", "#", "[#\n]", `["a",]`, `{"a":"b",}`, "[true,]", "[null,]", "[1,}", "[1,]]", "[-]", "[- 1]",
	"[1 2]", "[1/**/2]", "[tr/**/ue]", "[\"a\"/**/\"b\"]",
}

// TestStandardize compares with hujson, which reads the same language.
func TestStandardize(t *testing.T) {
	for _, doc := range jsoncSeeds {
		sameAsHuJSON(t, []byte(doc))
	}
}

func FuzzStandardize(f *testing.F) {
	for _, doc := range jsoncSeeds {
		f.Add([]byte(doc))
	}
	f.Fuzz(sameAsHuJSON)
}

// sameAsHuJSON checks that a document is JSON after standardize if it is after hujson, and that
// it is then the same.
func sameAsHuJSON(t *testing.T, data []byte) {
	t.Helper()
	if !utf8.Valid(data) || bytes.ContainsAny(data, "\u2028\u2029") || bytes.Count(data, []byte("["))+bytes.Count(data, []byte("{")) > 1000 {
		return // hujson rejects line separators in comments, and has no limit on the nesting
	}
	comments := 0
	got, fault := standardize(data, func(at int) {
		assert.Equal(t, byte('/'), data[at])
		comments++
	})
	want, err := hujson.Standardize(append(bytes.Clone(data), '\n'))
	if err != nil {
		assert.True(t, fault != nil || !json.Valid(got), "%q becomes %q, and hujson returns %v", data, got, err)
		return
	}
	require.Nil(t, fault, "%q", data)
	assert.Len(t, got, len(data))
	assert.Equal(t, compact(t, want), compact(t, got)) // JSONEq cannot read a number like 1e700
	if comments == 0 && !bytes.Contains(data, []byte(",")) {
		assert.Equal(t, string(data), string(got))
	}
}

func compact(t *testing.T, doc []byte) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, json.Compact(&b, doc))
	return b.String()
}
