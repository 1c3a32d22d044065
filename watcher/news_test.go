package watcher_test

import (
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/neurondex/neurondex/internal/watchtest"
	"github.com/neurondex/neurondex/source/sourcetest"
	"github.com/neurondex/neurondex/watcher"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestLogSaysEachThingOnce checks that an edit of a document logs only what is new about it.
func TestLogSaysEachThingOnce(t *testing.T) {
	dataset := func(name, extra string) string { return watchtest.TOML("1", name) + extra + "\n" }
	const invalid = "[[datasets]]\nshort_name = \"x\"\n"
	for name, tt := range map[string]struct {
		steps []string // the content of a document
		want  []string // what each step logs
	}{
		"a warning": {
			[]string{dataset("a", "l0 = 1"), dataset("a", "l0 = 2"), "\n\n" + dataset("b", "") + dataset("a", "l0 = 2"), dataset("a", "l0 = 2") + dataset("b", "l0 = 2")},
			[]string{"l0", "", "", ""},
		},
		"another warning": {
			[]string{dataset("a", "l0 = 1"), dataset("a", "l0 = 1\nl1 = 1"), dataset("a", "l1 = 1")},
			[]string{"l0", "l1", ""},
		},
		"a warning that was gone": {
			[]string{dataset("a", "l0 = 1"), dataset("a", ""), dataset("a", "l0 = 1")},
			[]string{"l0", "", "l0"},
		},
		"errors": {
			[]string{invalid, invalid + "# edited\n", invalid + "user_visible_name = \"X\"\n", invalid + "user_visible_name = \"X\"\nlayers = true", dataset("a", "")},
			[]string{"derived_scalar_type user_visible_name neuron_dataset_path", "still", "still", "layers", "fixed"},
		},
		"an error of one more dataset": {
			[]string{dataset("a", "layers = -1"), dataset("a", "layers = -1") + dataset("b", "layers = -1")},
			[]string{"datasets[0].layers", "datasets[1].layers"},
		},
		"another syntax error": {
			[]string{"x = [", "\nx = [", "x = {"},
			[]string{"array", "still", "inline"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, log := sourcetest.NewMemory(), watchtest.NewBuffer()
				put(t, m, "a.toml", tt.steps[0])
				w, err := watcher.Follow(t.Context(), m.Open(), watcher.WithLogger(slog.New(slog.NewTextHandler(log, nil))))
				require.NoError(t, err)
				defer w.Close()
				from := 0
				for i, content := range tt.steps {
					put(t, m, "a.toml", content)
					synctest.Wait()
					text := log.String()
					lines := regexp.MustCompile(`(?m)^.*(file has|invalid file).*$`).FindAllString(text[from:], -1)
					from = len(text)
					want := strings.Fields(tt.want[i])
					if assert.Len(t, lines, len(want), "step %d: %s", i, text) {
						for j, part := range want {
							assert.Contains(t, lines[j], part, "step %d", i)
						}
					}
				}
			})
		})
	}
}

// TestLogCountsDatasets checks that the log and the status say how many datasets a diagnostic is
// about.
func TestLogCountsDatasets(t *testing.T) {
	r := watchtest.New(t)
	r.Write("a.toml", strings.ReplaceAll(watchtest.TOML("1", "a", "b", "c"), "short_name", "l0 = 1\nshort_name"))
	r.Open()
	found := r.W.Status().Documents[0].Diagnostics
	require.Len(t, found, 1)
	assert.Equal(t, 3, found[0].Datasets)
	assert.Equal(t, 1, strings.Count(r.LogText.String(), "file has a warning"))
	assert.Contains(t, r.LogText.String(), "file=a.toml line=2 column=1 field=datasets[0].l0 problem=")
	assert.Regexp(t, `file has a warning.* datasets=3 rule=`, r.LogText.String())
}

// TestLogLimitsOverrides checks that the log names the first overrides and says how many more
// there are.
func TestLogLimitsOverrides(t *testing.T) {
	names := make([]string, 30)
	for i := range names {
		names[i] = fmt.Sprint("m", i)
	}
	r := watchtest.New(t)
	r.Write("10.toml", watchtest.TOML("1", names...))
	r.Write("20.toml", watchtest.TOML("2", names...))
	r.Open()
	assert.Equal(t, 20, strings.Count(r.LogText.String(), "dataset is overridden"))
	assert.Contains(t, r.LogText.String(), `"more datasets are overridden; see the status" more=10`)
	assert.Len(t, r.W.Status().Overrides, 30)
}
