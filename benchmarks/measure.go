package main

import (
	"math"
	"slices"
	"syscall"
	"time"
)

// cpuTime returns what the process has used of all cores so far.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// quantile returns the smallest value that the given share of the values does not exceed.
// Of none it is not a number.
func quantile[T ~int64 | ~float64](values []T, share float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	i := int(math.Ceil(share*float64(len(sorted)))) - 1
	return float64(sorted[max(i, 0)])
}

func median[T ~int64 | ~float64](values []T) float64 { return quantile(values, 0.5) }
