package watcher_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/neurondex/neurondex/internal/watchtest"
	"github.com/neurondex/neurondex/source"
	"github.com/stretchr/testify/assert"
)

// TestLoadTimes checks how loads are counted by the time that they take: the source takes it.
func TestLoadTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, source.Batch{})
		assert.Zero(t, r.w.Status().LoadTimes)
		var seconds float64
		for i, took := range []time.Duration{time.Microsecond, 3 * time.Millisecond, 10 * time.Millisecond, time.Minute} {
			r.src.mu.Lock()
			r.src.takes = took
			r.src.mu.Unlock()
			r.poll(nil, documents("a.toml", watchtest.TOML(fmt.Sprint(i), "a")))
			time.Sleep(took)
			synctest.Wait()
			seconds += took.Seconds()
			s := r.w.Status()
			assert.EqualValues(t, i+1, s.Reloads)
			assert.InDelta(t, seconds, s.LoadTimes.Seconds, 1e-9)
		}
		s := r.w.Status()
		for i, bound := range s.LoadTimes.Bounds() {
			want := uint64(3)
			switch {
			case bound < 0.003:
				want = 1
			case bound < 0.01:
				want = 2
			}
			assert.Equal(t, want, s.LoadTimes.Within[i], "%g s", bound)
		}
	})
}

// TestLastSuccess checks when the registry last reflected the whole source.
func TestLastSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, source.Batch{})
		start := time.Now()
		assert.Equal(t, start, r.w.Status().LastSuccess)
		time.Sleep(time.Hour)
		r.poll(nil, documents("a.toml", "x"))
		assert.Equal(t, start, r.w.Status().LastSuccess, "an invalid document is no success")
		time.Sleep(time.Hour)
		r.poll(nil, documents("a.toml", watchtest.TOML("1", "a")))
		assert.Equal(t, start.Add(2*time.Hour), r.w.Status().LastSuccess)
	})
}
