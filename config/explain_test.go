package config_test

import (
	"strings"
	"testing"

	"github.com/neurondex/neurondex/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	mergeConflict = "merge conflict; keep one of the versions, and remove the lines that begin with <<<<<<<, ======= and >>>>>>>"
	singleTable   = "[datasets] is a single table; each dataset has a header of its own, [[datasets]] (did you mean \"[[datasets]]\"?)"
	wordQuote     = ", a quotation mark of word processors (did you mean `\"x\"`?)"
	lfsPointer    = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n"
	htmlPage      = "<!DOCTYPE html>\n<html><body>Sign in // here</body></html>"
	isHTML        = "file is an HTML page, perhaps an error or login page of the server it was loaded from, not "
)

// explained are documents with a common mistake, and what is said about it without the name of the
// document, the severity and the rule.
var explained = []struct{ file, data, want string }{
	{"a.toml", "a = “x”", "1:5: unexpected character U+201C '“'" + wordQuote},
	{"a.toml", "a = [1, ‘x’]", "1:9: unexpected character U+2018 '‘'" + wordQuote},
	{"a.toml", "“x” = 1", "1:1: unexpected character U+201C '“'" + wordQuote},
	{"a.toml", "a = \"x”\nb = 1", "1:7: string is not closed: U+201D '”' is a quotation mark of word processors (did you mean `\"`?)"},
	{"a.toml", "a =\u00a01", "1:4: unexpected character U+00A0, a space of word processors; replace it by a plain space"},
	{"a.toml", "a = \u200b1", "1:5: unexpected character U+200B, which is invisible; remove it"},
	{"a.toml", "a ＝ 1", `1:3: unexpected character U+FF1D '＝' (did you mean "="?)`},
	{"a.toml", "a = 1 é", "1:5: a string needs quotes (did you mean `\"1 é\"`?)"},
	{"a.toml", `a = "\é"`, "1:6: invalid escape character U+00E9 'é'; in single quotes a backslash stands for itself (did you mean `'\\é'`?)"},
	{"a.toml", "é = 1", "1:1: a key with other characters than letters, digits, - and _ needs quotes (did you mean `\"é\"`?)"},
	{"a.toml", "a.b\u00e9", "1:4: expected '=' after key"},

	{"a.toml", "a = hello world # c", "1:5: a string needs quotes (did you mean `\"hello world\"`?)"},
	{"a.toml", "a = foo", "1:5: a string needs quotes (did you mean `\"foo\"`?)"},
	{"a.toml", "a = 1.2.3", "1:5: a string needs quotes (did you mean `\"1.2.3\"`?)"},
	{"a.toml", "a = 3 layers\r\nb = 1", "1:5: a string needs quotes (did you mean `\"3 layers\"`?)"},
	{"a.toml", "a = https://h/x#y", "1:5: a string needs quotes (did you mean `\"https://h/x#y\"`?)"},
	{"a.toml", "a = [x, y]", "1:6: a string needs quotes (did you mean `\"x\"`?)"},
	{"a.toml", "a = { b = x }", "1:11: a string needs quotes (did you mean `\"x\"`?)"},
	{"a.toml", `a = C:\x`, "1:5: a string needs quotes (did you mean `'C:\\x'`?)"},
	{"a.toml", "a = " + strings.Repeat("long ", 50), "1:5: a string needs quotes"},
	{"a.toml", "a = True", `1:5: invalid value True (did you mean "true"?)`},
	{"a.toml", "a = [FALSE]", `1:6: invalid value FALSE (did you mean "false"?)`},
	{"a.toml", "a = None", "1:5: TOML has no null; leave the field out"},
	{"a.toml", "a = null", "1:5: TOML has no null; leave the field out"},
	{"a.toml", "a = NaN", `1:5: invalid value NaN (did you mean "nan"?)`},
	{"a.toml", "a = -Infinity", `1:5: invalid value -Infinity (did you mean "-inf"?)`},
	{"a.toml", "a = .5", `1:5: invalid number .5 (did you mean "0.5"?)`},
	{"a.toml", "a = 007", `1:5: invalid number 007 (did you mean "7"?)`},
	{"a.toml", "a = 12,288", `1:5: invalid number 12,288 (did you mean "12288"?)`},
	{"a.toml", "a =\r\nb = 1", "1:4: value is missing"},
	{"a.toml", "a = # later", "1:5: value is missing"},
	{"a.toml", "= 1", "1:1: key is missing"},
	{"a.toml", `a = "say "hi""`, "1:5: the string ends at the quote inside it (did you mean `'say \"hi\"'`?)"},
	{"a.toml", `a = 'it's'`, "1:5: the string ends at the quote inside it (did you mean `\"it's\"`?)"},
	{"a.toml", `a = "C:\data"`, "1:8: invalid escape character U+0064 'd'; in single quotes a backslash stands for itself (did you mean `'C:\\data'`?)"},
	{"a.toml", `a = "x",`, "1:8: a value ends with its line; remove the comma"},
	{"a.toml", `a = 1; # c`, "1:6: a value ends with its line; remove the semicolon"},
	{"a.toml", `a = "x", "y"`, "1:5: a list is in brackets (did you mean `[\"x\", \"y\"]`?)"},
	{"a.toml", `a: "x",`, "1:2: a key is followed by = (did you mean `a = \"x\"`?)"},
	{"a.toml", "my key = 1", "1:1: a key with other characters than letters, digits, - and _ needs quotes (did you mean `\"my key\"`?)"},
	{"a.toml", "a = 1 // c", `1:7: a comment begins with # (did you mean "# c"?)`},
	{"a.toml", "/* c */", `1:1: a comment begins with # (did you mean "# c "?)`},

	{"a.toml", "[datasets]\n" + good, "1:2: datasets: " + singleTable},
	{"a.toml", "[datasets]\nshort_name = 'x'", "1:2: datasets: " + singleTable},
	{"a.toml", "[datasets]\n" + good + "[datasets]\n" + good, "1:2: " + singleTable},
	{"a.toml", "[datasets]\n" + good + "[[datasets]]\n" + good, "1:2: " + singleTable},
	{"a.toml", "[[datasets]]\n" + good + " [ datasets ]\n" + good, "6:4: " + singleTable},
	{"a.toml", "[[datasets]\n" + good, "1:11: a header has as many closing brackets as opening ones (did you mean \"[[datasets]]\"?)"},
	{"a.toml", "[datasets]]\n" + good, "1:11: a header has as many closing brackets as opening ones (did you mean \"[[datasets]]\"?)"},
	{"a.toml", "[[datasets", "1:10: a header has as many closing brackets as opening ones (did you mean \"[[datasets]]\"?)"},
	{"a.toml", "[a", "1:2: a header has as many closing brackets as opening ones (did you mean \"[a]\"?)"},
	{"a.json", `{"datasets": ` + goodJSON + "}}", "1:2: datasets: must be a list of datasets, not a single dataset (did you mean `\"datasets\": [{...}]`?)"},

	{"a.toml", good + "<<<<<<< HEAD\nlayers = 1\n=======\nlayers = 2\n>>>>>>> b\n", "5:1: " + mergeConflict},
	{"a.toml", good + "=======\nlayers = 2", "5:1: " + mergeConflict},
	{"a.json", "{\"a\": 1,\n<<<<<<< HEAD\n\"b\": 2\n=======\n\"b\": 3\n>>>>>>> x\n}", "2:1: " + mergeConflict},
	{"a.json", "{\"a\": 1\n||||||| base\n}", "2:1: " + mergeConflict},
	{"a.jsonc", "[\n>>>>>>> b\n]", "2:1: " + mergeConflict},
	{"a.toml", lfsPointer, "1:1: file is a Git LFS pointer, not its content; run git lfs pull"},
	{"a.json", lfsPointer, "1:1: file is a Git LFS pointer, not its content; run git lfs pull"},
	{"a.jsonc", lfsPointer, "1:1: file is a Git LFS pointer, not its content; run git lfs pull"},
	{"a.toml", htmlPage, "1:1: " + isHTML + "TOML"},
	{"a.json", "\n " + htmlPage, "2:2: " + isHTML + "JSON"},
	{"a.jsonc", htmlPage, "1:1: " + isHTML + "JSON"},
	{"a.json", "<HTML>", "1:1: " + isHTML + "JSON"},
	{"a.json", `<?xml version="1.0"?>`, "1:1: file is XML, not JSON"},
	{"a.toml", "---\na: 1", "1:1: file is YAML, not TOML; only TOML and JSON are read"},
	{"a.json", "datasets:\n- a: 1", "1:1: file is YAML, not JSON; only TOML and JSON are read"},
	{"a.toml", goodJSON + "}", "1:1: file is JSON, not TOML; name it .json"},
	{"a.toml", "[\n " + goodJSON + "}]", "1:1: file is JSON, not TOML; name it .json"},
	{"a.toml", "[[\"a b\"]]\nx = True", `2:5: invalid value True (did you mean "true"?)`},
	{"a.json", "# mine\n\n[[datasets]]\n" + good, "1:1: file is TOML, not JSON; name it .toml"},
	{"a.json", good, "1:1: file is TOML, not JSON; name it .toml"},

	{"a.json", `{"a": “x”}`, "1:7: unexpected character U+201C '“'" + wordQuote},
	{"a.json", `{“x”: 1}`, "1:2: unexpected character U+201C '“'" + wordQuote},
	{"a.json", "{\"a\": \"x”,\n\"b\": 1}", "1:9: string is not closed: U+201D '”' is a quotation mark of word processors (did you mean `\"`?)"},
	{"a.json", "{\"a\":\u00a01}", "1:6: unexpected character U+00A0, a space of word processors; replace it by a plain space"},
	{"a.json", `{'a': 1}`, "1:2: a string is in double quotes (did you mean `\"a\"`?)"},
	{"a.jsonc", `{"a": 'x'}`, "1:7: a string is in double quotes (did you mean `\"x\"`?)"},
	{"a.json", "{\"a\": 1,\n}", "1:8: trailing comma is not allowed in JSON; remove it, or name the file .jsonc"},
	{"a.json", "{\"a\": 1 // c\n}", "1:9: comments are not allowed in JSON; remove them, or name the file .jsonc"},
	{"a.jsonc", "# c\n{}", `1:1: a comment begins with // (did you mean "// c"?)`},
	{"a.json", `{"a": True}`, `1:7: invalid value True (did you mean "true"?)`},
	{"a.json", `[None]`, `1:2: invalid value None (did you mean "null"?)`},
	{"a.json", `{"a": undefined, "b": 1}`, `1:7: invalid value undefined (did you mean "null"?)`},
	{"a.json", "{\"a\": tru\n}", `1:7: invalid value tru (did you mean "true"?)`},
	{"a.json", `{"a": NaN}`, `1:7: JSON has no NaN; leave the field out, or use null (did you mean "null"?)`},
	{"a.json", `{"a": -Infinity}`, `1:7: JSON has no -Infinity; leave the field out, or use null (did you mean "null"?)`},
	{"a.json", `{"a": 0x1F}`, `1:7: invalid number 0x1F (did you mean "31"?)`},
	{"a.json", `{"a": 1_000}`, `1:7: invalid number 1_000 (did you mean "1000"?)`},
	{"a.json", `{"a": +1}`, `1:7: invalid number +1 (did you mean "1"?)`},
	{"a.json", `{"a": 1.}`, `1:7: invalid number 1. (did you mean "1"?)`},
	{"a.json", `{"a": 007}`, `1:7: invalid number 007 (did you mean "7"?)`},
	{"a.json", `{"a": hello}`, "1:7: a string needs quotes (did you mean `\"hello\"`?)"},
	{"a.json", `{"a": https://h/x}`, "1:7: a string needs quotes (did you mean `\"https://h/x\"`?)"},
	{"a.json", `{"a": 3 layers}`, "1:7: a string needs quotes (did you mean `\"3 layers\"`?)"},
	{"a.json", `{short_name: "x"}`, "1:2: a key is in double quotes (did you mean `\"short_name\"`?)"},
	{"a.json", "{\"a\": 1,\nb: 2}", "2:1: a key is in double quotes (did you mean `\"b\"`?)"},
	{"a.json", "{\"a\": 1\n\"b\": 2}", "2:1: comma is missing"},
	{"a.json", `[1 2]`, "1:4: comma is missing"},
	{"a.json", `[1,,2]`, "1:4: value is missing before the comma"},
	{"a.json", `{"a": 1; "b": 2}`, `1:8: values are separated by commas (did you mean ","?)`},
	{"a.json", `{"a" = 1}`, `1:6: a key is followed by a colon (did you mean ":"?)`},
	{"a.json", `{"a": "say "hi""}`, "1:13: a quote inside a string is written with a backslash (did you mean `\\\"`?)"},
	{"a.json", `{"a": "C:\data"}`, "1:10: invalid escape sequence `\\d` in string; write a backslash as two (did you mean `\"C:\\\\data\"`?)"},
	{"a.json", "{\"a\": \"x\n\"}", `1:9: string is not closed, or has a line break, which is written as \n`},
	{"a.json", "{\"a\": \"x\ty\"}", `1:9: a tab in a string is written as \t`},
}

// TestExplained checks that a common mistake is one error, with what was probably meant.
func TestExplained(t *testing.T) {
	for _, tt := range explained {
		_, found := config.Parse(tt.file, []byte(tt.data))
		require.Len(t, found, 1, "%s: %q", tt.file, tt.data)
		d := found[0].String()
		d = strings.Replace(strings.TrimPrefix(d, tt.file+":"), " error:", "", 1)
		assert.Equal(t, tt.want+" ["+string(found[0].Rule)+"]", d)
	}
}

// TestNotExplained checks that a document with the text of a common mistake in the wrong place is
// not explained by it.
func TestNotExplained(t *testing.T) {
	for _, tt := range []struct{ file, data string }{
		{"a.toml", good + "description = '''\n=======\n<<<<<<< x\n'''"},
		{"a.toml", good + "description = '“x”'"},
		{"a.toml", "datasets.x.derived_scalar_type = 'mlp_post_act'\ndatasets.x.user_visible_name = 'X'\ndatasets.x.neuron_dataset_path = 'p'"},
		{"a.json", strings.Replace(goodJSON, `"X"`, `"<html> # // “x”"`, 1) + "}"},
	} {
		_, found := config.Parse(tt.file, []byte(tt.data))
		assert.NoError(t, found.Err(), tt.data)
	}
}
