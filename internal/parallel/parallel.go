// Package parallel calls a function for each of many things, several at a time.
package parallel

import (
	"sync"
	"sync/atomic"
)

// For calls f for 0 to n-1 from at most the given number of goroutines, and returns when
// all calls have. Which goroutine calls for which number is left open.
func For(n, goroutines int, f func(int)) {
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(goroutines, n) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	workers.Wait()
}
