package browsertest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var two = map[string]string{"a.toml": toml("gpt2-small", "gpt2-xl"), "b.toml": toml("pythia")}

func TestLoad(t *testing.T) {
	s, tb := newSite(t, two), newTab(t)
	tb.open(s.url("/"))
	assert.Equal(t, "GPT2-SMALL|GPT2-XL|PYTHIA", tb.text(rows))
	assert.Equal(t, "3 datasets · neurondex", tb.text(`document.title`))
	assert.Equal(t, "Live", tb.text(`document.getElementById("live").textContent`))
}

func TestSearch(t *testing.T) {
	s, tb := newSite(t, two), newTab(t)
	tb.open(s.url("/"))
	tb.do(chromedp.SendKeys(chromedp.CSS("#q"), "GPT2 sm"))
	tb.until(rows + ` === "GPT2-SMALL"`)
	tb.until(`location.search === "?q=GPT2+sm"`)
	assert.Equal(t, "1 of 3 datasets with “GPT2 sm” · neurondex", tb.text(`document.title`))
	assert.Equal(t, "q", tb.text(`document.activeElement.id`), "the focus stays")
	tb.do(chromedp.SendKeys(chromedp.CSS("#q"), "zzz"))
	tb.until(`document.querySelector(".empty h2")?.textContent === "Nothing matches"`)
	tb.press(kb.Escape)
	tb.open(s.url("/?q=pythia"))
	assert.Equal(t, "PYTHIA", tb.text(rows), "a link shows what was searched for")
}

func TestFacets(t *testing.T) {
	s, tb := newSite(t, two), newTab(t)
	tb.open(s.url("/"))
	tb.click(`aside a[href="?model=gpt2"]`)
	tb.until(rows + ` === "GPT2-SMALL|GPT2-XL"`)
	assert.Equal(t, "?model=gpt2", tb.text(`location.search`))
	assert.Equal(t, "gpt2", tb.text(`document.querySelector("aside [aria-current] span").textContent`))
	tb.click(`.chips a`)
	tb.until(rows + ` === "GPT2-SMALL|GPT2-XL|PYTHIA"`)
	tb.click(`aside a[href="?deprecated=1"]`)
	tb.until(rows + ` === "PYTHIA"`)
	tb.do(chromedp.Evaluate[chromedp.Void](`history.back()`))
	tb.until(rows + ` === "GPT2-SMALL|GPT2-XL|PYTHIA"`)
}

func TestSort(t *testing.T) {
	s, tb := newSite(t, two), newTab(t)
	tb.open(s.url("/"))
	for _, tt := range []struct{ column, order, rows string }{
		{"layers", "ascending", "PYTHIA|GPT2-SMALL|GPT2-XL"},
		{"layers", "descending", "GPT2-XL|GPT2-SMALL|PYTHIA"},
		{"layers", "", "GPT2-SMALL|GPT2-XL|PYTHIA"},
		{"name", "ascending", "GPT2-SMALL|GPT2-XL|PYTHIA"},
		{"name", "descending", "PYTHIA|GPT2-XL|GPT2-SMALL"},
	} {
		tb.click("thead ." + tt.column + " a")
		tb.until(`(document.querySelector("[aria-sort]")?.ariaSort ?? "") === "` + tt.order + `"`)
		assert.Equal(t, tt.rows, tb.text(rows), "%+v", tt)
	}
}

func TestLiveUpdate(t *testing.T) {
	s, tb := newSite(t, two), newTab(t)
	tb.open(s.url("/"))
	tb.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("tbody tr").id = "same"`), chromedp.Focus(chromedp.CSS("tbody th a")))
	s.write("c.toml", toml("zeta"))
	tb.until(rows + ` === "GPT2-SMALL|GPT2-XL|PYTHIA|ZETA"`)
	assert.Equal(t, "zeta/mlp_post_act", tb.text(`[...document.querySelectorAll("tr.fresh")].map((tr) => tr.dataset.key).join()`), "only what is new is marked")
	assert.Equal(t, "GPT2-SMALL", tb.text(`document.activeElement.textContent`), "the focus stays")
	tb.until(`!document.querySelector(".fresh")`)
	s.write("b.toml", toml("pythia")+"[[datasets]]\nshort_name = \"eta\"\nderived_scalar_type = \"mlp_post_act\"\nuser_visible_name = \"ETA\"\nneuron_dataset_path = \"p\"\n")
	tb.until(rows + ` === "GPT2-SMALL|GPT2-XL|PYTHIA|ETA|ZETA"`)
	require.NoError(t, os.Remove(filepath.Join(s.dir, "a.toml")))
	tb.until(rows + ` === "PYTHIA|ETA|ZETA"`)

	// Every page follows.
	tb.open(s.url("/changes"))
	assert.Contains(t, tb.text(`document.querySelector(".changes li").innerText`), "2 removed")
	s.write("d.toml", toml("theta"))
	tb.until(`document.querySelector(".changes li").innerText.includes("theta/mlp_post_act")`)
	tb.open(s.url("/datasets/theta/mlp_post_act"))
	assert.Contains(t, tb.text(`document.querySelector(".history").innerText`), "added")
	s.write("d.toml", toml("theta")+"version = \"2\"\n")
	tb.until(`document.querySelector(".fields").innerText.includes("version")`)
	tb.until(`document.querySelector(".history").innerText.includes("changed")`)
}

func TestInvalidAndMended(t *testing.T) {
	s, tb := newSite(t, two), newTab(t)
	tb.open(s.url("/"))
	s.write("a.toml", "short_name = broken\n")
	tb.until(`document.querySelector(".banner.serious")?.textContent.includes("1 document is invalid: a.toml. Its last good datasets are served.")`)
	assert.Equal(t, "GPT2-SMALL|GPT2-XL|PYTHIA", tb.text(rows))
	tb.click(".banner a")
	tb.until(`document.querySelector(".findings pre")?.textContent.startsWith("a.toml:1:14: error: ")`)
	assert.Contains(t, tb.text(`document.querySelector(".findings pre").textContent`), "\n    short_name = broken\n                 ^")
	s.write("a.toml", two["a.toml"])
	tb.until(`!document.querySelector(".banner") && !document.querySelector(".findings")`)
}

func TestReconnect(t *testing.T) {
	s, tb := newSite(t, two), newTab(t, "Failed to load resource") // while there is no server
	tb.open(s.url("/"))
	s.stop()
	tb.until(`document.getElementById("live").textContent.startsWith("Connection lost. Data from ")`)
	assert.Equal(t, "GPT2-SMALL|GPT2-XL|PYTHIA", tb.text(rows), "the last data stays")
	s.write("c.toml", toml("zeta"))
	s.start()
	tb.until(rows + ` === "GPT2-SMALL|GPT2-XL|PYTHIA|ZETA"`)
	tb.until(`document.getElementById("live").textContent === "Live"`)
	s.write("d.toml", toml("theta"))
	tb.until(rows + `.endsWith("THETA")`)
}

// TestCut checks that a page is live again after a connection was lost and nothing happened.
func TestCut(t *testing.T) {
	s, tb := newSite(t, two), newTab(t, "Failed to load resource") // while there is no connection
	tb.open(s.url("/"))
	s.cut()
	tb.until(`document.getElementById("live").textContent.startsWith("Connection lost. Data from ")`)
	s.listen()
	tb.until(`document.getElementById("live").textContent === "Live"`)
	s.write("c.toml", toml("zeta"))
	tb.until(rows + `.endsWith("ZETA")`)
}

func TestKeyboard(t *testing.T) {
	s, tb := newSite(t, two), newTab(t)
	tb.open(s.url("/"))
	tb.press("/")
	assert.Equal(t, "q", tb.text(`document.activeElement.id`))
	tb.press("g", "p", "t")
	tb.until(rows + ` === "GPT2-SMALL|GPT2-XL"`)
	assert.Equal(t, "gpt", tb.text(`document.getElementById("q").value`))
	tb.press(kb.ArrowDown)
	assert.Equal(t, "GPT2-SMALL", tb.text(`document.activeElement.textContent`))
	tb.press(kb.ArrowDown, kb.ArrowDown)
	assert.Equal(t, "GPT2-XL", tb.text(`document.activeElement.textContent`))
	tb.press(kb.ArrowUp, kb.ArrowUp)
	assert.Equal(t, "q", tb.text(`document.activeElement.id`))
	tb.press(kb.Escape, "?")
	tb.until(`document.getElementById("keys").open`)
	tb.click("#use-keys")
	tb.press(kb.Escape)
	tb.until(`!document.getElementById("keys").open`)
	tb.press("?")
	assert.Equal(t, "false", tb.text(`String(document.getElementById("keys").open)`), "keys that are turned off")
	tb.click("[data-keys]")
	tb.click("#use-keys")
	tb.press(kb.Escape)
	tb.until(`!document.getElementById("keys").open`)
	tb.press(kb.ArrowDown, kb.Enter)
	tb.until(`location.pathname === "/datasets/gpt2-small/mlp_post_act" && document.querySelector("h1")?.textContent === "GPT2-SMALL"`)
	tb.press("/")
	tb.until(`location.pathname === "/" && !!document.getElementById("q")`)
}

func TestCopy(t *testing.T) {
	s, tb := newSite(t, map[string]string{"a.toml": "short_name = \"a\"\nderived_scalar_type = \"mlp_post_act\"\nuser_visible_name = \"n\"\nneuron_dataset_path = \"x\\u202Ey\"\n"}), newTab(t)
	tb.do(chromedp.Navigate("about:blank"))
	tb.open(s.url("/datasets/a/mlp_post_act"))
	tb.do(chromedp.Evaluate[chromedp.Void](`navigator.clipboard.writeText = async (text) => { window.copied = text }`))
	assert.Equal(t, "xU+202Ey", tb.text(`document.getElementById("copy-path").textContent`))
	tb.click(`[data-copy=copy-path]`)
	tb.until(`window.copied === "x\u202ey"`)
	tb.until(`document.querySelector("[data-copy=copy-path]").textContent.startsWith("Copied")`)
}
