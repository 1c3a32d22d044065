package dir_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/neurondex/neurondex/internal/watchtest"
	"github.com/neurondex/neurondex/source"
	"github.com/neurondex/neurondex/source/dir"
	"github.com/neurondex/neurondex/watcher"
)

// settledFiles returns a directory of files that have settled.
func settledFiles(b *testing.B, n int) string {
	b.Helper()
	root := filepath.Join(b.TempDir(), "datasets")
	if err := os.Mkdir(root, 0o755); err != nil {
		b.Fatal(err)
	}
	old := time.Now().Add(-time.Hour)
	for i := range n {
		path := filepath.Join(root, fmt.Sprintf("%05d.toml", i))
		if err := os.WriteFile(path, []byte(watchtest.TOML("1", fmt.Sprint(i))), 0o644); err != nil {
			b.Fatal(err)
		}
		if err := os.Chtimes(path, old, old); err != nil {
			b.Fatal(err)
		}
	}
	return root
}

// BenchmarkPoll measures a full scan of 10,000 unchanged files. That is the cost of a resync
// and of polling, which scans once a second.
func BenchmarkPoll(b *testing.B) {
	d := &dir.Dir{Path: settledFiles(b, 10_000), Polling: true}
	if _, err := d.Poll(b.Context(), source.PollAll); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		batch, err := d.Poll(b.Context(), source.PollAll)
		if err != nil || len(batch.Changed) > 0 {
			b.Fatal(err, len(batch.Changed))
		}
	}
	if err := d.Close(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkSync measures Watcher.Sync where nothing changed, and where a file was renamed
// into place right before, with the 99th percentile besides the mean.
func BenchmarkSync(b *testing.B) {
	for _, n := range []int{1_000, 10_000} {
		for _, change := range []bool{false, true} {
			b.Run(fmt.Sprintf("files=%d/renamed=%v", n, change), func(b *testing.B) {
				root := settledFiles(b, n)
				w, err := watcher.Open(b.Context(), root, watcher.WithLogger(nil))
				if err != nil {
					b.Fatal(err)
				}
				defer w.Close()
				var took []time.Duration
				next := filepath.Join(filepath.Dir(root), "next")
				for i := 0; b.Loop(); i++ {
					if change {
						b.StopTimer()
						if err := os.WriteFile(next, []byte(watchtest.TOML(fmt.Sprint(i), "0")), 0o644); err != nil {
							b.Fatal(err)
						}
						b.StartTimer()
						if err := os.Rename(next, filepath.Join(root, "00000.toml")); err != nil {
							b.Fatal(err)
						}
					}
					start := time.Now()
					if err := w.Sync(b.Context()); err != nil {
						b.Fatal(err)
					}
					took = append(took, time.Since(start))
				}
				slices.Sort(took)
				b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
				b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
			})
		}
	}
}
