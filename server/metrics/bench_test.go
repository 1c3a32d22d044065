package metrics_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/neurondex/neurondex/server/metrics"
	"github.com/neurondex/neurondex/watcher"
)

// BenchmarkObserve counts requests on all cores.
func BenchmarkObserve(b *testing.B) {
	m := metrics.New(func() watcher.Status { return watcher.Status{} })
	r := httptest.NewRequest(http.MethodGet, "/v1/datasets", http.NoBody)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			m.Observe(r, "GET /v1/datasets", http.StatusNotModified, time.Millisecond)
		}
	})
}
