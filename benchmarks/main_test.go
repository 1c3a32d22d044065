package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestSections runs each section in its quick form and checks the shape of its results, but
// no times.
func TestSections(t *testing.T) {
	for _, section := range sections {
		t.Run(section.name, func(t *testing.T) {
			res, err := section.run(t.Context(), quick)
			require.NoError(t, err)
			require.NotEmpty(t, res.tables)
			for _, table := range res.tables {
				assert.NotEmpty(t, table.title)
				require.Greater(t, len(table.rows), 1, table.title)
				ours := false
				for _, row := range table.rows {
					assert.Len(t, row, len(table.head), table.title)
					ours = ours || isOurs(row[0])
				}
				assert.True(t, ours, "%s: no row of neurondex", table.title)
			}
			if len(res.panels) == 0 {
				return
			}
			file := filepath.Join(t.TempDir(), "picture.svg")
			require.NoError(t, draw(file, "a machine", res.panels))
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			for _, p := range res.panels {
				require.NotEmpty(t, p.title)
				assert.Contains(t, string(data), p.title)
			}
		})
	}
}

func TestFlags(t *testing.T) {
	var out, errs strings.Builder
	require.NoError(t, run(t.Context(), []string{"-quick", "-run", "^memory$", "-markdown"}, &out, &errs))
	assert.Contains(t, out.String(), "| --- | ---: |")
	assert.Contains(t, out.String(), "| neurondex ")

	for _, args := range [][]string{
		{"-run", "("}, {"-run", "nothing"}, {"extra"}, {"-unknown"},
		{"-quick", "-run", "^scan$", "-out", filepath.Join(t.TempDir(), "picture.svg")},
	} {
		assert.Error(t, run(t.Context(), args, &out, &errs), args)
	}
}

func TestNumbers(t *testing.T) {
	for want, got := range map[string]string{
		"1.00": ratio(1), "0.0056": ratio(0.0056), "12.3": ratio(12.34), "1,235": ratio(1234.5),
		"0": digits(0), "0.00123": digits(0.001234), "99.9": digits(99.9),
		"1.50 ms": span(1.5e6), "90.0 µs": span(9e4), "12.0 ns": span(12), "3.00 s": span(3e9),
		"7": grouped(7), "1,000,000": grouped(1_000_000),
	} {
		assert.Equal(t, want, got)
	}
	assert.InDelta(t, 2, median([]float64{3, 1, 2}), 0)
	assert.InDelta(t, 99, quantile(upTo(100), 0.99), 0)
}

func upTo(n int) []float64 {
	values := make([]float64, n)
	for i := range values {
		values[i] = float64(i + 1)
	}
	return values
}

// TestDrawNothing draws a panel without a positive value.
func TestDrawNothing(t *testing.T) {
	p := panel{title: "nothing", log: true}
	p.dot("zero", 0, 0)
	p.dot("lost", quantile([]float64{}, 0.5), quantile([]float64{}, 0.99))
	require.NoError(t, draw(filepath.Join(t.TempDir(), "picture.svg"), "a machine", []panel{p}))
}
