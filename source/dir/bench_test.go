package dir_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/neurondex/neurondex/internal/watchtest"
	"github.com/neurondex/neurondex/source"
	"github.com/neurondex/neurondex/source/dir"
)

// BenchmarkPoll measures a full scan of 10,000 unchanged files. That is the cost of a resync,
// of Sync, and of polling, which scans once a second.
func BenchmarkPoll(b *testing.B) {
	root := b.TempDir()
	old := time.Now().Add(-time.Hour)
	for i := range 10_000 {
		path := filepath.Join(root, fmt.Sprintf("%05d.toml", i))
		if err := os.WriteFile(path, []byte(watchtest.TOML("1", fmt.Sprint(i))), 0o644); err != nil {
			b.Fatal(err)
		}
		if err := os.Chtimes(path, old, old); err != nil {
			b.Fatal(err)
		}
	}
	d := &dir.Dir{Path: root, Polling: true}
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
