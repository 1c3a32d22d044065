package main

import (
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// distance returns the time that a cache line needs from one core to another, in nanoseconds: the
// shortest mean of many rounds of two goroutines that answer each other. It is 0 on one core.
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

// near reports whether cores at such a distance share a cache. Where these benchmarks were written,
// cores are 25 ns apart if they do, and 150 ns if they do not.
func near(distance float64) bool { return distance < 75 }
