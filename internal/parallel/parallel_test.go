package parallel_test

import (
	"sync/atomic"
	"testing"

	"github.com/neurondex/neurondex/internal/parallel"
	"github.com/stretchr/testify/assert"
)

func TestFor(t *testing.T) {
	for _, n := range []int{0, 1, 100} {
		for _, goroutines := range []int{1, 3, 1000} {
			called := make([]atomic.Int64, n)
			parallel.For(n, goroutines, func(i int) { called[i].Add(1) })
			for i := range called {
				assert.Equal(t, int64(1), called[i].Load())
			}
		}
	}
}
