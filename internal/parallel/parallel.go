// Package parallel calls a function for many indexes, on several goroutines.
package parallel

import (
	"sync"
	"sync/atomic"
)

// For calls f once for each number from 0 to n-1, on at most the given number of
// goroutines, and returns when all calls have returned. The order of the calls is
// unspecified.
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
