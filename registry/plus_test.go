package registry_test

import (
	"testing"

	"github.com/neurondex/neurondex/registry"
	"github.com/stretchr/testify/assert"
)

// TestHashPlus adds the hashes of two registries, in both orders.
func TestHashPlus(t *testing.T) {
	var a, b, both registry.Registry
	apply(t, &a, put(doc("a", spec("x", "p"))))
	apply(t, &b, put(doc("b", spec("y", "q"))))
	apply(t, &both, put(doc("a", spec("x", "p")), doc("b", spec("y", "q"))))
	ha, hb := a.Snapshot().Hash(), b.Snapshot().Hash()
	assert.Equal(t, both.Snapshot().Hash(), ha.Plus(hb))
	assert.Equal(t, both.Snapshot().Hash(), hb.Plus(ha))
	assert.Equal(t, a.Snapshot().Hash(), ha, "Plus changes neither")
}
