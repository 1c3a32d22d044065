package config

import (
	"testing"

	"github.com/neurondex/neurondex/registry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// withDecoder replaces the codec of JSON for the duration of a test.
func withDecoder(t *testing.T, decode func(*loader) error) {
	t.Helper()
	original := decoders["json"]
	decoders["json"] = decode
	t.Cleanup(func() { decoders["json"] = original })
}

// TestPanic checks that a panic while a document is read becomes its only diagnostic, and that
// the loader is not used again.
func TestPanic(t *testing.T) {
	for name, fault := range map[string]func(*loader) error{
		"in the codec": func(*loader) error { panic("oops") },
		"in the tree": func(l *loader) error {
			// An error, and then a child that does not exist.
			l.tree.duplicates = append(l.tree.duplicates, duplicateKey{})
			l.tree.nodes = append(l.tree.nodes, node{kind: registry.KindObject, length: 2, first: 1}, node{kind: registry.KindObject, next: 99})
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			var broken *loader
			withDecoder(t, func(l *loader) error {
				broken = l
				return fault(l)
			})
			specs, found := Parse("a.json", []byte("{}"))
			assert.Empty(t, specs)
			require.Len(t, found, 1)
			assert.Equal(t, RuleInternal, found[0].Rule)
			assert.Contains(t, found[0].String(), "a.json: error: parsing failed unexpectedly; please report it: ")
			require.ErrorIs(t, found.Err(), ErrInvalid)

			out, converted, err := Convert("a.json", []byte("{}"), "toml")
			assert.Empty(t, out)
			assert.Equal(t, found, converted)
			require.ErrorIs(t, err, ErrInvalid)

			for range 10 {
				l := loaders.Get().(*loader)
				assert.NotSame(t, broken, l)
			}
			specs, found = Parse("a.toml", []byte("datasets = []"))
			assert.Empty(t, specs)
			assert.Empty(t, found)
		})
	}
}
