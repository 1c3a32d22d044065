package main

import (
	"context"
	"math"
	"slices"
	"syscall"
	"time"
)

// cpuTime returns the CPU time that the process has used so far, on all cores.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// quantile returns the smallest value that at least the given share of the values does not
// exceed, or NaN if there are no values.
func quantile[T ~int64 | ~float64](values []T, share float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	i := int(math.Ceil(share*float64(len(sorted)))) - 1
	return float64(sorted[max(i, 0)])
}

func median[T ~int64 | ~float64](values []T) float64 { return quantile(values, 0.5) }

// sleep pauses for d. It returns the context's error if ctx is done first.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
