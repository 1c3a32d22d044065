package metrics_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/server/metrics"
	"github.com/neurondex/neurondex/source"
	"github.com/neurondex/neurondex/watcher"
)

// state is a status in which each value differs from the others.
func state() watcher.Status {
	return watcher.Status{
		Ready: true, Generation: 4, Datasets: 9, Held: "removing 2 of 3 datasets", Reloads: 3,
		LoadTimes:   watcher.LoadTimes{Seconds: 1.5, Within: [16]uint64{0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 3, 3, 3, 3}},
		LastSuccess: time.Unix(1_700_000_000, 5e8),
		Source: source.Health{
			Mode: "inotify", Notified: true, LastScan: time.Unix(1_700_000_100, 0),
			Events: 11, Overflows: 12, WatchErrors: 13, Resyncs: 14, ResyncChanges: 15,
			Release: &source.Release{Number: 16, Time: time.Unix(1_700_000_200, 0), Cached: true},
		},
		Overrides: make([]registry.Override, 6),
		Documents: []watcher.DocumentStatus{
			{State: watcher.StateOK}, {State: watcher.StateOK}, {State: watcher.StateStale}, {State: watcher.StateHeld},
		},
	}
}

func TestMetrics(t *testing.T) {
	m := metrics.New(state)
	m.CountStreams(func() int { return 7 })
	r := httptest.NewRequest(http.MethodGet, "/v1/datasets/a/b", nil)
	m.Observe(r, "GET /v1/datasets/{short_name}/{derived_scalar_type}", 200, 3*time.Millisecond)
	m.Observe(r, "GET /v1/datasets/{short_name}/{derived_scalar_type}", 200, 30*time.Millisecond)
	m.Observe(httptest.NewRequest("BREW", "/coffee", nil), "", 404, time.Millisecond)
	want, err := os.Open("testdata/metrics.txt")
	require.NoError(t, err)
	defer want.Close()
	assert.NoError(t, testutil.CollectAndCompare(m, want, names(t)...))
}

// names returns the names of the metrics whose values are the same on every machine.
func names(t *testing.T) (all []string) {
	text, err := os.ReadFile("testdata/metrics.txt")
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "# TYPE "); ok {
			name, _, _ := strings.Cut(rest, " ")
			all = append(all, name)
		}
	}
	return all
}

// TestSuccess checks when the last reload counts as successful.
func TestSuccess(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*watcher.Status)
		want   string
	}{
		"all is served":           {func(*watcher.Status) {}, "1"},
		"not ready":               {func(s *watcher.Status) { s.Ready = false }, "0"},
		"source cannot be read":   {func(s *watcher.Status) { s.SourceError = errors.ErrUnsupported.Error() }, "0"},
		"a change is held":        {func(s *watcher.Status) { s.Held = "held" }, "0"},
		"a document is pending":   {func(s *watcher.Status) { s.Documents[0].State = watcher.StatePending }, "1"},
		"a document is invalid":   {func(s *watcher.Status) { s.Documents[0].State = watcher.StateInvalid }, "0"},
		"last good ones of it":    {func(s *watcher.Status) { s.Documents[0].State = watcher.StateStale }, "0"},
		"nothing is there at all": {func(s *watcher.Status) { s.Documents = nil }, "1"},
	} {
		s := watcher.Status{Ready: true, Documents: []watcher.DocumentStatus{{State: watcher.StateOK}}}
		test.change(&s)
		want := "# HELP neurondex_config_last_reload_successful Whether everything in the source is served: 0 while a document is invalid, a change is held or the source cannot be read.\n" +
			"# TYPE neurondex_config_last_reload_successful gauge\nneurondex_config_last_reload_successful " + test.want + "\n"
		m := metrics.New(func() watcher.Status { return s })
		assert.NoError(t, testutil.CollectAndCompare(m, strings.NewReader(want), "neurondex_config_last_reload_successful"), name)
	}
}

// TestLint checks the names and the help of all metrics as promtool does.
func TestLint(t *testing.T) {
	m := metrics.New(state)
	m.CountStreams(func() int { return 0 })
	m.Observe(httptest.NewRequest(http.MethodGet, "/", nil), "GET /", 200, time.Second)
	problems, err := testutil.CollectAndLint(m)
	require.NoError(t, err)
	assert.Empty(t, problems)
}

// TestOfWatcher checks the metrics of a real watcher.
func TestOfWatcher(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(dir+"/a.toml", []byte("short_name = \"a\"\nderived_scalar_type = \"mlp_post_act\"\nuser_visible_name = \"A\"\nneuron_dataset_path = \"p\"\n"), 0o644))
	before := time.Now()
	w, err := watcher.Open(t.Context(), dir, watcher.WithLogger(slog.New(slog.DiscardHandler)))
	require.NoError(t, err)
	defer w.Close()
	s := w.Status()
	assert.WithinRange(t, s.LastSuccess, before, time.Now())
	assert.InDelta(t, s.LoadSeconds, s.LoadTimes.Seconds, 0)
	assert.EqualValues(t, 1, s.LoadTimes.Within[len(s.LoadTimes.Within)-1])

	require.NoError(t, os.WriteFile(dir+"/a.toml", []byte("x"), 0o644))
	require.ErrorIs(t, w.Reload(t.Context()), watcher.ErrStale)
	s = w.Status()
	require.ErrorIs(t, w.Reload(t.Context()), watcher.ErrStale)
	assert.Equal(t, s.LastSuccess, w.Status().LastSuccess, "a reload of an invalid document is no success")
}
