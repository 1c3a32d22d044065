package browsertest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// stored returns documents whose datasets have records in testdata.
func stored(t *testing.T) map[string]string {
	t.Helper()
	dir, err := filepath.Abs("testdata/records")
	require.NoError(t, err)
	entry := func(name, typ, label, path, more string) string {
		return fmt.Sprintf("[[datasets]]\nshort_name = %q\nderived_scalar_type = %q\nuser_visible_name = %q\nneuron_dataset_path = %q\n%s\n", name, typ, label, path, more)
	}
	return map[string]string{"a.toml": entry("gpt2-small", "mlp_post_act", "GPT-2 small - MLP neurons", filepath.Join(dir, "mlp"), fmt.Sprintf("layers = 12\nnodes_per_layer = 3072\nexplanation_dataset_paths = [%q]\n", filepath.Join(dir, "expl"))) +
		entry("gpt2-small", "attn_write_norm", "GPT-2 small - Attention write by token pair", filepath.Join(dir, "attn"), "") +
		entry("gpt2-small", "attn_query", "GPT-2 small - queries", "p", "") +
		entry("unreachable", "mlp_post_act", "Unreachable", "https://127.0.0.1:1/data", "")}
}

// The addresses of pages with records, and without the one that is asked for.
const (
	neuronPath      = "/datasets/gpt2-small/mlp_post_act?layer=5&index=131"
	headPath        = "/datasets/gpt2-small/attn_write_norm?layer=5&index=3"
	noRecordPath    = "/datasets/gpt2-small/mlp_post_act?layer=5&index=132"
	noTypePath      = "/datasets/gpt2-small/attn_query?layer=5&index=132"
	unreachablePath = "/datasets/unreachable/mlp_post_act?layer=5&index=132"
)

// shown is an expression for the title of the record that is shown.
const shown = `document.getElementById("record-title")?.textContent`

// strongest is an expression for the tokens that have the darkest shade.
const strongest = `[...new Set([...document.querySelectorAll(".text .s9")].map((s) => s.textContent))].join("|")`

// TestRecord asks for a record by the form, with and without JavaScript, and steps to another.
func TestRecord(t *testing.T) {
	for _, script := range []bool{true, false} {
		t.Run(fmt.Sprintf("script=%v", script), func(t *testing.T) {
			s, tb := newSite(t, stored(t)), newTab(t, "index=132") // which is not found
			_, err := chromedp.Call(tb.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !script})
			require.NoError(t, err)
			tb.do(chromedp.Navigate(s.url("/datasets/gpt2-small/mlp_post_act")))
			assert.Equal(t, "Record", tb.text(shown))
			tb.do(chromedp.SetValue(chromedp.CSS("#record [name=layer]"), "5"), chromedp.SetValue(chromedp.CSS("#record [name=index]"), "131"))
			tb.click("#record button")
			tb.until(shown + ` === "Record of layer 5, index 131"`)
			assert.Equal(t, "?layer=5&index=131#record", tb.text(`location.search + location.hash`))
			assert.Contains(t, tb.text(`document.querySelector("#record ul").innerText`), "names of months score 0.83, expl")
			assert.Regexp(t, `^( [A-Z][a-z]+\|?)+$`, tb.text(strongest), "months")
			assert.Equal(t, "http://localhost:1234/gpt2-small/mlp_neuron/5/131", tb.text(`document.querySelector(".actions a").href`))
			tb.click("#record [rel=next]")
			tb.until(`location.search === "?layer=5&index=132" && ` + shown + ` === "Record"`)
			assert.Equal(t, "There is no record of layer 5, index 132.", tb.text(`document.querySelector("#record .banner").textContent`))
			tb.click("#record [rel=prev]")
			tb.until(shown + ` === "Record of layer 5, index 131"`)
		})
	}
}

// TestRecordMessages checks what is said where no record is shown.
func TestRecordMessages(t *testing.T) {
	s, tb := newSite(t, stored(t)), newTab(t, "index=132") // which is not found
	for path, want := range map[string]string{
		noRecordPath:    "There is no record of layer 5, index 132.",
		noTypePath:      "Datasets of this type have no records",
		unreachablePath: "The record cannot be shown: Get",
	} {
		tb.open(s.url(path))
		assert.Contains(t, tb.text(`document.getElementById("record").innerText`), want)
	}
}

// TestRecordStays checks that an event does not read a record again, unless its dataset has
// changed.
func TestRecordStays(t *testing.T) {
	files := stored(t)
	s, tb := newSite(t, files), newTab(t)
	tb.open(s.url(neuronPath))
	tb.do(chromedp.Evaluate[chromedp.Void](`document.querySelector(".text").dataset.same = "yes"`))
	s.write("b.toml", "broken")
	tb.until(`!!document.querySelector(".banner")`)
	assert.Equal(t, "yes", tb.text(`document.querySelector(".text").dataset.same`))
	moved := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(moved, "5"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(moved, "5", "131.json"), []byte(`{"most_positive_activation_records":[{"tokens":["moved"],"activations":[1]}]}`), 0o644))
	s.write("c.toml", fmt.Sprintf("[[datasets]]\nshort_name = \"gpt2-small\"\nderived_scalar_type = \"mlp_post_act\"\nuser_visible_name = \"Moved\"\nneuron_dataset_path = %q\n", moved))
	tb.until(strongest + ` === "moved"`)
	assert.Equal(t, "Moved", tb.text(`document.querySelector("h1").textContent`))
}

// TestRecordKeys steps to the next record by a key.
func TestRecordKeys(t *testing.T) {
	s, tb := newSite(t, stored(t)), newTab(t, "index=2") // which is not found
	tb.open(s.url(headPath))
	tb.press("p")
	tb.until(`location.search === "?layer=5&index=2" && document.documentElement.dataset.live === "true"`)
	tb.press("n", kb.Escape)
	tb.until(shown + ` === "Record of layer 5, index 3"`)
}

// TestHostileRecord shows a record that would do harm as markup, or by its size.
func TestHostileRecord(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "0"), 0o755))
	record := `{"most_positive_activation_records":[{"tokens":["</p></main><script>alert(1)</script>","\u202e\u0000<img src=x onerror=alert(2)>"],"activations":[1,2]}` +
		strings.Repeat(`,{"tokens":["W","W","W"],"activations":[1,2,3]}`, 60_000) + `]}`
	require.NoError(t, os.WriteFile(filepath.Join(dir, "0", "0.json"), []byte(record), 0o644))
	s, tb := newSite(t, map[string]string{"a.toml": fmt.Sprintf("[[datasets]]\nshort_name = \"x\"\nderived_scalar_type = \"mlp_post_act\"\nuser_visible_name = \"X\"\nneuron_dataset_path = %q\n", dir)}), newTab(t)
	tb.open(s.url("/datasets/x/mlp_post_act?layer=0&index=0"))
	assert.Contains(t, tb.text(`document.querySelector(".text").textContent`), "</p></main><script>alert(1)</script>")
	assert.Contains(t, tb.text(`document.querySelector(".text").textContent`), "U+202EU+0000<img src=x onerror=alert(2)>")
	assert.Contains(t, tb.text(`document.getElementById("record").innerText`), "59,901 more texts not shown")
}

// TestAccessibleRecords runs axe-core on pages with records, in both themes, and checks that
// nothing is wider than the window.
func TestAccessibleRecords(t *testing.T) {
	s, tb := newSite(t, stored(t)), newTab(t, "index=132") // which is not found
	for _, theme := range []string{"light", "dark"} {
		tb.media("", "prefers-color-scheme", theme)
		for _, width := range []int64{1280, 768, 360, 320} {
			tb.size(width, 800)
			for _, path := range []string{neuronPath, headPath, noRecordPath, noTypePath} {
				tb.open(s.url(path))
				tb.checkAxe(fmt.Sprint(theme, " ", width, " ", path))
				assert.Equal(t, "true", tb.text(`String(document.documentElement.scrollWidth <= innerWidth)`), "%d %s", width, path)
			}
		}
	}
}
