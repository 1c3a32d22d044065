package config

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/neurondex/neurondex/registry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// plainDocuments are documents with lines in a plain form, and with lines that are nearly so.
var plainDocuments = []string{
	"", "\n", "\r\n", "\r", " ", "a", "a=", "a = ", "[", "[[", "[[]]", "[[]]\n", "[[a]", "[[a]]", "[[a]]x", "[[a]]\r", "[[a]]\r\n",
	"a=1", "a\t=\t1\n", "a = 1 \n", "a = 1 # one\n", "a = 1\r\n", "a = 1\r", "a = 0\n", "a = 00\n", "a = 01\n", "a = -1\n", "a = +1\n",
	"a = 123456789012345678\n", "a = 1234567890123456789\n", "a = 9223372036854775808\n", "a = 1_000\n", "a = 0x1\n", "a = 1.5\n", "a = 1e3\n", "a = 1979-05-27\n", "a = 07:32:00\n",
	"a = true\n", "a = false", "a = truex\n", "a = tru\n", "a = True\n", "a = inf\n",
	`a = ""`, `a = "x"`, "a = \"x\"\n", "a = \"x\n", `a = "`, `a = """x"""`, `a = """"x"""`, `a = "x"y`, `a = "\n"`, `a = "\\"`, `a = "é"`, "a = \"\t\"", "a = \"\x7f\"", "a = 'x'\n",
	`a = "x" b = "y"`, "a = \"x\"\nb = \"y\"\n", "a = 1\na = 2\n", "a.b = 1\na.c = 2\n", "a = 1\na.b = 2\n", "a = 1\n[[a]]\n", "[a]\n[[a]]\n", "[[a]]\n[a]\n", "[[a]]\n[a.b]\nc = 1\n",
	"[[a]]\nb = 1\n[[a]]\nb = 2\n", "[[a.b]]\nc = 1\n[[a]]\n", "[a.b]\nc = 1\n[a]\nb = 1\n", "\"a\" = 1\na = 2\n", "\"\" = [1]\n", "[[\"a\"]]\nb = 1\n[[a]]\nb = 1\n",
	"a = [\n\"x\",\n\"y\"\n]\nb = 1\n", "a = [\nb = 1\n]\n", "a = \"\"\"\nb = 1\n\"\"\"\nc = 2\n", "a = '''\n[[b]]\n'''\nc = 2\n", "# b = 1\na = 1\n", "  a = 1\n", "a = 1\n  b = 2\nc = 3\n",
	"1 = 1\n-_ = 2\n", "é = 1\n", "a b = 1\n", "= 1\n", "a == 1\n", "a = = 1\n", "a = {b = 1}\nc = {}\n", "[a] # note\nb = 1\n[[c]] # note\nd = 1\n",
}

// FuzzPlainLines checks that a document has the same tree, or the same problem, as if the parser
// read every line.
func FuzzPlainLines(f *testing.F) {
	for _, text := range plainDocuments {
		f.Add([]byte(text))
	}
	files, err := filepath.Glob("testdata/*/*.toml")
	require.NoError(f, err)
	require.NotEmpty(f, files)
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(data)
		f.Add(bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n")))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, fault := decodeText(data); fault != nil {
			return
		}
		got, gotErr := decodeLines(data, (*loader).decodeTOML)
		want, wantErr := decodeLines(data, func(l *loader) error {
			b := &tomlBuilder{tree: &l.tree, parser: &l.toml}
			b.tree.nodes = append(b.tree.nodes, node{kind: registry.KindObject, toml: headed})
			for at := 0; at < len(data); {
				next, err := b.expression(at)
				if err != nil {
					return err
				}
				at = next
			}
			return nil
		})
		require.Equal(t, wantErr, gotErr)
		if wantErr == nil {
			require.Equal(t, want, got)
		}
	})
}

// A plainNode is a node with its texts.
type plainNode struct {
	node
	key, text string
}

func decodeLines(data []byte, decode func(*loader) error) ([]plainNode, error) {
	l := loaders.New().(*loader)
	l.maxValues = len(data) + 1
	l.tree.reset(data)
	err := decode(l)
	nodes := make([]plainNode, len(l.tree.nodes))
	for i, n := range l.tree.nodes {
		nodes[i] = plainNode{n, string(l.tree.key(&n)), string(l.tree.textOf(&n))}
		nodes[i].node.key, nodes[i].node.text = span{}, span{}
	}
	return nodes, err
}

// TestPlainLine checks which documents the parser need not read at all.
func TestPlainLine(t *testing.T) {
	for text, want := range map[string]bool{
		"[[datasets]]\nshort_name = \"a\"\nlayers = 12\ndeprecated = true\n": true,
		"[[a]]\r\nb = \"é {}#\"\r\n\r\nc\t=\t0\r\n":                          true,
		"a=\"\"\nb=false":  true,
		"":                 true,
		"a = 1 # one\n":    false,
		"# one\n":          false,
		"a = \"\\n\"\n":    false,
		"a = 'x'\n":        false,
		"a.b = 1\n":        false,
		"[a]\n":            false,
		"a = [1]\n":        false,
		"a = 1.5\nb = -2":  true,
		"a = 1e3\n":        false,
		"a = 1_000\n":      false,
		"a = 1979-05-27\n": false,
	} {
		l := loaders.New().(*loader)
		l.tree.reset([]byte(text))
		l.tree.nodes = append(l.tree.nodes, node{kind: registry.KindObject})
		b, at := &tomlBuilder{tree: &l.tree}, 0
		for at < len(text) {
			next, ok, err := b.plainLine(at)
			require.Nil(t, err)
			if !ok {
				break
			}
			at = next
		}
		assert.Equal(t, want, at == len(text), "%q", text)
	}
}

// TestListPosition checks that a list has the offset of its key, and an item that is a list that of
// the list around it.
func TestListPosition(t *testing.T) {
	nodes, err := decodeLines([]byte("# one\n  a = [[1]]\n"), (*loader).decodeTOML)
	require.NoError(t, err)
	require.Len(t, nodes, 4)
	assert.Equal(t, []int32{8, 8, 14}, []int32{nodes[1].at, nodes[2].at, nodes[3].at})
}

// TestPlainTextEnd puts each byte at each place of a text.
func TestPlainTextEnd(t *testing.T) {
	for c := range 256 {
		for at := range 20 {
			for _, around := range []string{"a", "\xff", " ", "!", "#", "[", "]", "\x7e"} {
				text := []byte(strings.Repeat(around, 20))
				text[at] = byte(c)
				want := at
				if c >= ' ' && c != '"' && c != '\\' && c != 0x7f {
					want = len(text)
				}
				for from := range at + 1 {
					require.Equal(t, want, plainTextEnd(text, from), "%q from %d", text, from)
				}
			}
		}
	}
	assert.Equal(t, 0, plainTextEnd(nil, 0))
}
