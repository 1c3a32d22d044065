package main

import (
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// distance returns the time that a cache line takes from one core to another, in nanoseconds. Two
// goroutines write to the line in turn; the result is the shortest of several means, or 0 on one core.
//
// The cores of a virtual machine may share a cache at one time and not at another, because the host
// moves them. Without a shared cache, reading what the other core wrote takes several times as long.
func distance() float64 {
	if runtime.GOMAXPROCS(0) < 2 {
		return 0
	}
	var line struct {
		_     [128]byte // more than a line, since processors may fetch two
		turns atomic.Uint64
		_     [128]byte
	}
	const tries, turns = 50, 200 // of 10 to 100 microseconds each
	var wg sync.WaitGroup
	wg.Go(func() {
		for turn := uint64(1); turn < 2*tries*turns; turn += 2 {
			for line.turns.Load() != turn {
			}
			line.turns.Store(turn + 1)
		}
	})
	shortest := math.Inf(1)
	turn := uint64(0)
	for range tries {
		start := time.Now()
		for range turns {
			line.turns.Store(turn + 1)
			for turn += 2; line.turns.Load() != turn; {
			}
		}
		shortest = min(shortest, float64(time.Since(start).Nanoseconds())/(2*turns))
	}
	wg.Wait()
	return shortest
}

// near reports whether cores at a distance share a cache. On the machines that these benchmarks were
// written on, a line takes 25 ns between cores that do, and 150 ns between others.
func near(distance float64) bool { return distance < 75 }
