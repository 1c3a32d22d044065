package config

import (
	"testing"

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
		l.tree.reset([]byte(data))
		require.NoError(t, d.Decode(nil, into))
		tree := into[treeKey].(*tree)
		assert.Equal(t, "b", string(tree.textOf(&tree.nodes[tree.child(0, "a")])), format)
	}
	_, err := loaders.New().(*loader).Decoder("yaml")
	assert.ErrorContains(t, err, `format "yaml": unsupported operation`)
}
