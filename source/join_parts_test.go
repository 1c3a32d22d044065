package source_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/neurondex/neurondex/source"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A part returns what it is given.
type part struct {
	batch   source.Batch
	err     error
	wakes   time.Duration // when Wait returns
	lingers time.Duration // how long Wait takes to return when its context is done
	waitErr error
	waiting bool
}

func (p *part) Wait(ctx context.Context) error {
	p.waiting = true
	defer func() { p.waiting = false }()
	select {
	case <-time.After(p.wakes):
		return p.waitErr
	case <-ctx.Done():
		time.Sleep(p.lingers)
		return ctx.Err()
	}
}

func (p *part) Poll(context.Context, source.Depth) (source.Batch, error) { return p.batch, p.err }
func (p *part) Close() error                                             { return nil }

func join(t *testing.T, parts ...*part) source.Source {
	t.Helper()
	var all []source.Part
	for i, p := range parts {
		all = append(all, source.Part{Prefix: string(rune('a'+i)) + "/", Source: p})
	}
	s, err := source.Join(all...)
	require.NoError(t, err)
	return s
}

// TestJoinBatch: what all parts deliver, and their health, come together.
func TestJoinBatch(t *testing.T) {
	at := func(s int64) time.Time { return time.Unix(s, 0) }
	a := &part{batch: source.Batch{Removed: []string{"r"}, Pending: []string{"p"}, Health: source.Health{Mode: "inotify", Notified: true, LastScan: at(20),
		Events: 1, Overflows: 2, WatchErrors: 3, Resyncs: 4, ResyncChanges: 5}}}
	b := &part{batch: source.Batch{Changed: []source.Document{{Name: "c"}}, Pending: []string{"q"}, Health: source.Health{Mode: "poll", Problem: "one", LastScan: at(10),
		Release: &source.Release{Number: 2}, Events: 10, Overflows: 20, WatchErrors: 30, Resyncs: 40, ResyncChanges: 50}}}
	c := &part{err: errors.New("unreachable"), batch: source.Batch{Health: source.Health{Mode: "poll", Notified: true, Problem: "two", Release: &source.Release{Number: 3}}}}
	got, err := join(t, a, b, c).Poll(t.Context(), source.PollAll)
	require.EqualError(t, err, "c/: unreachable")
	assert.Equal(t, source.Batch{Changed: []source.Document{{Name: "b/c"}}, Removed: []string{"a/r"}, Pending: []string{"a/p", "b/q"},
		Health: source.Health{Mode: "inotify,poll", Problem: "one", Release: &source.Release{Number: 2}, LastScan: at(10), Events: 11, Overflows: 22, WatchErrors: 33, Resyncs: 44, ResyncChanges: 55}}, got)

	for name, tt := range map[string]struct{ first, second, want time.Time }{
		"the earlier is first":  {at(1), at(2), at(1)},
		"the earlier is second": {at(2), at(1), at(1)},
		"the first never":       {time.Time{}, at(2), at(2)},
		"the second never":      {at(1), time.Time{}, at(1)},
	} {
		a.batch.Health.LastScan, b.batch.Health.LastScan = tt.first, tt.second
		a.batch.Health.Notified, b.batch.Health.Notified = true, true
		got, err := join(t, a, b).Poll(t.Context(), source.PollAll)
		require.NoError(t, err)
		assert.True(t, got.Health.LastScan.Equal(tt.want), name)
		assert.True(t, got.Health.Notified)
	}
}

// TestJoinWait: the first part that returns ends the wait of the others, and they have returned
// when the wait is over.
func TestJoinWait(t *testing.T) {
	failed := errors.New("cannot wait")
	for name, tt := range map[string]struct {
		parts   []*part
		timeout time.Duration
		want    error
		takes   time.Duration
	}{
		"the first":       {[]*part{{wakes: time.Second}, {wakes: time.Hour}}, time.Hour, nil, time.Second},
		"the last":        {[]*part{{wakes: time.Hour}, {wakes: time.Hour}, {wakes: time.Second}}, time.Hour, nil, time.Second},
		"one lingers":     {[]*part{{wakes: time.Hour, lingers: time.Minute}, {wakes: time.Second}}, time.Hour, nil, time.Second + time.Minute},
		"one fails":       {[]*part{{wakes: time.Hour}, {wakes: time.Second, waitErr: failed}}, time.Hour, failed, time.Second},
		"the context":     {[]*part{{wakes: time.Hour}, {wakes: time.Hour}}, time.Second, context.DeadlineExceeded, time.Second},
		"both, it counts": {[]*part{{wakes: time.Second}, {wakes: time.Hour, lingers: time.Minute}}, 30 * time.Second, context.DeadlineExceeded, time.Second + time.Minute},
		"no parts":        {nil, time.Second, context.DeadlineExceeded, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), tt.timeout)
				defer cancel()
				start := time.Now()
				assert.Equal(t, tt.want, join(t, tt.parts...).Wait(ctx))
				assert.Equal(t, tt.takes, time.Since(start))
				for _, p := range tt.parts {
					assert.False(t, p.waiting)
				}
			})
		})
	}
}
