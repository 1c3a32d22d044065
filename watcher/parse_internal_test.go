package watcher

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/neurondex/neurondex/registry"
)

// TestRelease checks that memory which is kept refers to nothing, and that only so much is kept.
func TestRelease(t *testing.T) {
	datasets := func(n int) []registry.Spec {
		specs := make([]registry.Spec, n)
		for i := range specs {
			specs[i].ShortName = "a"
		}
		return specs
	}
	first, last, more := datasets(1), datasets(maxReused-1), datasets(1)
	release([]registry.Document{{Datasets: first}, {Datasets: last}, {Datasets: more}})
	assert.Equal(t, make([]registry.Spec, 1), first)
	assert.Equal(t, make([]registry.Spec, maxReused-1), last)
	assert.Equal(t, datasets(1), more, "dropped")
	for range 10 {
		specs := newSpecs()
		assert.Empty(t, specs)
		for _, s := range specs[:cap(specs)] {
			assert.Zero(t, s)
		}
	}
}
