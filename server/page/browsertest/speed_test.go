package browsertest

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// many returns 200 files with 100,000 datasets.
func many() map[string]string {
	models := []struct {
		name          string
		layers, units int
	}{{"gpt2-small", 12, 3072}, {"gpt2-medium", 24, 4096}, {"gpt2-xl", 48, 6400}, {"pythia-70m", 6, 2048}, {"pythia-1.4b", 24, 8192}, {"llama-3-8b", 32, 14336}, {"gemma-2-2b", 26, 9216}, {"mistral-7b", 32, 14336}}
	types := []struct{ name, label string }{{"mlp_post_act", "MLP neurons"}, {"attn_write_norm", "Attention write by token pair"}, {"mlp_autoencoder_latent", "MLP autoencoder"}, {"attention_autoencoder_latent", "Attention autoencoder"}, {"autoencoder_latent", "Autoencoder latents"}}
	tags := []string{"sae", "attention", "baseline", "replication", "2024", "2025", "sparse", "topk", "gated"}
	files := make(map[string]string)
	n := 0
	for file := range 200 {
		var b strings.Builder
		for range 500 {
			m, typ := models[n*7%len(models)], types[n*3%len(types)]
			fmt.Fprintf(&b, "[[datasets]]\nshort_name = \"%s_run-%05d\"\nderived_scalar_type = %q\nuser_visible_name = \"%s - %s, run %d\"\nneuron_dataset_path = \"https://host.example/%s/%d/collated-activations\"\nmodel = %q\nlayers = %d\nnodes_per_layer = %d\nrecord_format = %q\ntags = [%q, %q]\n",
				m.name, n, typ.name, m.name, typ.label, n, m.name, n, m.name, m.layers, m.units, []string{"json", "pt"}[n%3%2], tags[n%len(tags)], tags[n/9%8+1])
			if n%4 == 1 {
				fmt.Fprintf(&b, "explanation_dataset_paths = [\"https://host.example/%s/%d/explanations\"]\n", m.name, n)
			}
			if n%23 == 5 {
				b.WriteString("deprecated = true\n")
			}
			n++
		}
		files[fmt.Sprintf("%03d-batch.toml", file)] = b.String()
	}
	return files
}

const (
	maxBytes     = 60_000                 // of HTML, CSS and JavaScript, on the first load
	maxFirstRows = 300 * time.Millisecond // from the request for the page to its rows
	maxKeystroke = 100 * time.Millisecond // from a key to the rows of the search, 95th percentile
)

// measured makes TestLarge hold the times against their limits. Others may use the machine of a
// gate.
var measured = flag.Bool("measured", false, "hold the times of TestLarge against their limits")

func get(t *testing.T, url string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	require.NoError(t, err)
	r.Header.Set("Accept", "text/html")
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode)
	return string(b)
}

// TestLarge checks that 100,000 datasets feel as nine do.
func TestLarge(t *testing.T) {
	s, tb := newSite(t, many()), newTab(t)
	size := len(get(t, s.url("/"))) + len(get(t, s.url("/assets/page.css"))) + len(get(t, s.url("/assets/page.js")))
	t.Logf("first load: %d bytes of HTML, CSS and JavaScript", size)
	assert.LessOrEqual(t, size, maxBytes)

	first := best(func(i int) float64 {
		s.write("zz.toml", toml(fmt.Sprint("zz", i))) // a change leaves nothing of what was computed
		tb.open(s.url("/changes"))
		tb.until(fmt.Sprintf(`document.querySelector(".changes li")?.innerText.includes("zz%d")`, i))
		tb.do(chromedp.Navigate(s.url("/")))
		v, err := chromedp.Run(tb.ctx, chromedp.Evaluate[float64](`performance.getEntriesByType("navigation")[0].domInteractive`))
		require.NoError(t, err)
		return v
	})
	t.Logf("first rows: %.0f ms", first)
	if *measured {
		assert.Less(t, first, float64(maxFirstRows.Milliseconds()))
	}
	tb.until(`document.documentElement.dataset.live === "true"`)
	tb.click("a[rel=next]")
	tb.until(`location.search === "?page=2"`)
	tb.open(s.url("/?page=2000"))
	tb.until(rows + `.includes("run 99998")`)

	// Keystrokes as a person types them: the next one comes when the rows of the last are there.
	tb.open(s.url("/"))
	const measure = `(async () => {
		const q = document.getElementById("q"), times = []
		q.focus()
		window.round = (window.round ?? 0) + 1
		for (let word of ["llama run 4", "pythia autoencoder", "mlp neurons 77", "sparse gpt2-xl"]) {
			word += String.fromCharCode(97 + window.round) // other words than in the last round
			for (let n = 1; n <= word.length; n++) {
				if (word[n - 1] === " ") continue
				const start = performance.now()
				const shown = new Promise((done) => new MutationObserver((_, o) => { o.disconnect(); done() }).observe(document.querySelector("title"), { childList: true, characterData: true, subtree: true }))
				q.value = word.slice(0, n)
				q.dispatchEvent(new InputEvent("input", { bubbles: true }))
				await shown
				await new Promise(requestAnimationFrame)
				times.push(performance.now() - start)
			}
		}
		return times
	})()`
	p95 := best(func(int) float64 {
		raw, err := chromedp.Run(tb.ctx, chromedp.Evaluate[json.RawMessage](measure, chromedp.EvalAwaitPromise))
		require.NoError(t, err)
		var times []float64
		require.NoError(t, json.Unmarshal(raw, &times))
		slices.Sort(times)
		p95 := times[len(times)*95/100]
		t.Logf("%d keystrokes: median %.0f ms, p95 %.0f ms, worst %.0f ms", len(times), times[len(times)/2], p95, times[len(times)-1])
		return p95
	})
	if *measured {
		assert.Less(t, p95, float64(maxKeystroke.Milliseconds()))
	}
}

// best returns the least of five measurements: others may use the machine, too.
func best(measure func(i int) float64) float64 {
	return min(measure(1), measure(2), measure(3), measure(4), measure(5))
}
