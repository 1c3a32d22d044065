package records_test

import (
	"io"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/neurondex/neurondex/records"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sequenceOf returns a record of n tokens that attend only to the first.
func sequenceOf(n int) string {
	return `{"most_positive_activation_records":[{"tokens":[` + strings.Repeat(`" token",`, n-1) + `" token"],"activations":[` + strings.Repeat("0.12345678,", n-1) + `1]}]}`
}

// A gauge is a writer that measures the live heap after every so many bytes.
type gauge struct {
	written, measured int
	most              uint64
}

func (g *gauge) Write(p []byte) (int, error) {
	if g.written += len(p); g.measured == 0 || g.written-g.measured > 128<<20 {
		g.measured = g.written
		g.measure()
	}
	return len(p), nil
}

func (g *gauge) measure() {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	g.most = max(g.most, m.HeapAlloc)
}

// TestMillionTokens answers with records that are about as large as a file may be.
func TestMillionTokens(t *testing.T) {
	stored := []byte(sequenceOf(1e6))
	require.GreaterOrEqual(t, len(stored), int(20e6))
	require.LessOrEqual(t, len(stored), records.DefaultMaxFile)
	for name, answer := range map[string]func(*records.Record, string) (io.WriterTo, error){
		"neuron": (*records.Record).Neuron, "attention head": (*records.Record).AttentionHead,
	} {
		t.Run(name, func(t *testing.T) {
			var before, live gauge
			before.measure()
			total := allocated(func() {
				r, err := records.Parse(stored)
				require.NoError(t, err)
				a, err := answer(r, "p")
				require.NoError(t, err)
				n, err := a.WriteTo(&live)
				require.NoError(t, err)
				assert.Greater(t, n, int64(60e6))
				live.measure()
			})
			t.Logf("%d MiB stored, %d MiB live, %d MiB allocated, %d MiB written", len(stored)>>20, (live.most-before.most)>>20, total>>20, live.written>>20)
			assert.Less(t, live.most-before.most, uint64(8*len(stored)), "bytes that are in use at once")
			assert.Less(t, total, uint64(20*len(stored)), "bytes allocated in all, most of them garbage")
		})
	}
}

// TestMemoryOfHostileFiles reads files that say as much as they can in their size, which is enough
// for the limits of what is kept.
func TestMemoryOfHostileFiles(t *testing.T) {
	const size = 8 << 20
	fill := func(begin, item, end string) []byte {
		n := (size - len(begin) - len(end) - 1) / len(item)
		return []byte(begin + strings.Repeat(item, n) + strings.TrimSuffix(item, ",") + end)
	}
	for name, stored := range map[string][]byte{
		"activations":  fill(`{"random_sample":[{"activations":[`, "1,", "]}]}"),
		"tokens":       fill(`{"random_sample":[{"tokens":[`, `"",`, "]}]}"),
		"sequences":    fill(`{"random_sample":[`, "{},", "]}"),
		"lists":        fill(`{"random_sample":[`, `{"tokens":[""],"activations":[1]},`, "]}"),
		"repeated":     fill(`{`, `"random_sample":[{"tokens":["",""]}],`, "}"),
		"a token":      fill(`{"random_sample":[{"tokens":["`, `\u0000`, `"],"activations":[1]}]}`),
		"NaN":          fill(`{"random_sample":[],"x":[`, "NaN,", "]}"),
		"depth":        []byte(`{"x":` + strings.Repeat("[", size-5)),
		"explanations": fill(`{"scored_explanations":[`, "{},", "]}"),
	} {
		t.Run(name, func(t *testing.T) {
			total := allocated(func() {
				_, _ = records.ParseExplanations(stored) // whether it is valid is not the question
				r, err := records.Parse(stored)
				if err != nil {
					return
				}
				for _, answer := range []func(string) (io.WriterTo, error){r.Neuron, r.AttentionHead} {
					if a, err := answer("p"); err == nil {
						_, err = a.WriteTo(io.Discard)
						require.NoError(t, err)
					}
				}
			})
			t.Logf("%d MiB allocated", total>>20)
			assert.Less(t, total, uint64(32*size), "bytes allocated in all, most of them garbage")
		})
	}
}

// allocated returns the bytes that a function allocates.
func allocated(f func()) uint64 {
	defer debug.SetGCPercent(debug.SetGCPercent(50))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
