package config

import (
	"bytes"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestDecode calls the codecs as Viper does.
func TestDecode(t *testing.T) {
	for format, data := range map[string]string{"toml": `a = "b"`, "json": `{"a": "b"}`} {
		l := loaders.New().(*loader)
		l.maxValues = 2
		d, err := l.Decoder(format)
		require.NoError(t, err)
		into := map[string]any{}
		require.NoError(t, d.Decode([]byte(data), into))
		tree := into[treeKey].(*tree)
		assert.Equal(t, "b", string(tree.textOf(&tree.nodes[tree.child(0, "a")])), format)
	}
	_, err := loaders.New().(*loader).Decoder("yaml")
	assert.ErrorContains(t, err, `format "yaml": unsupported operation`)
}

func TestInput(t *testing.T) {
	for _, size := range []int{0, 1, 512, 5000} {
		data := bytes.Repeat([]byte("x"), size)
		assert.NoError(t, iotest.TestReader(&input{data}, data))
	}
}
