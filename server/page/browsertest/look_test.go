package browsertest

import (
	"encoding/json"
	"flag"
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

var update = flag.Bool("update", false, "write the pictures of docs/")

// hostile has values that would do harm as markup, as a link, or by what they make of the text
// around them.
var hostile = map[string]string{
	"a.toml": `[[datasets]]
short_name = "</script><script>alert(1)</script>"
derived_scalar_type = "mlp_post_act"
user_visible_name = "\"><img src=x onerror=alert(2)>"
neuron_dataset_path = "javascript:alert(3)"
homepage = "https://host.example/\"onmouseover=alert(4)"
model = "{{.}}${1}<b>"
tags = ["<style>*{display:none}</style>", "\u202Eright to left"]
description = "a\u0000b\u202Ec\u200Bd"
evil = { "<i>" = ["&lt;", 1] }

[[datasets]]
short_name = ".."
derived_scalar_type = "mlp_post_act"
user_visible_name = "dots"
neuron_dataset_path = "data:text/html,<script>alert(5)</script>"

[[datasets]]
short_name = "a/b?c#d%2F e"
derived_scalar_type = "mlp_post_act"
user_visible_name = "slash"
neuron_dataset_path = "//host.example/x"

[[datasets]]
short_name = "long"
derived_scalar_type = "mlp_post_act"
user_visible_name = "` + strings.Repeat("W", 1<<20) + `"
neuron_dataset_path = "p"
`,
	"b.toml": "x = <script>alert(6)</script>\n",
}

func TestHostile(t *testing.T) {
	s, tb := newSite(t, hostile), newTab(t)
	tb.open(s.url("/"))
	assert.Equal(t, `"><img src=x onerror=alert(2)>|dots|slash|`+strings.Repeat("W", 200)+"… 1,048,576 characters in all", tb.text(rows))
	for _, tt := range []struct{ row, path string }{
		{"1", `%3C%2Fscript%3E%3Cscript%3Ealert%281%29%3C%2Fscript%3E`}, {"2", "/datasets?"}, {"3", "a%2Fb%3Fc%23d%252F%20e"}, {"4", "/long/"},
	} {
		tb.open(s.url("/"))
		tb.click("tbody tr:nth-child(" + tt.row + ") th a")
		tb.until(`!!document.querySelector(".dataset h1") && document.documentElement.dataset.live === "true"`)
		assert.Contains(t, tb.text(`location.href`), tt.path)
		assert.Empty(t, tb.text(`[...document.querySelectorAll("main a[href]")].map((a) => a.protocol).filter((p) => p !== "http:" && p !== "https:").join()`), "links to other schemes")
		assert.LessOrEqual(t, len(tb.text(`document.body.innerText`)), 100_000)
	}
	tb.open(s.url("/datasets/" + `%3C%2Fscript%3E%3Cscript%3Ealert%281%29%3C%2Fscript%3E/mlp_post_act`))
	fields := tb.text(`document.querySelector(".fields").innerText`)
	for _, want := range []string{"aU+0000bU+202EcU+200Bd", `{"<i>":["&lt;",1]}`, "javascript:alert(3)", "U+202Eright to left"} {
		assert.Contains(t, fields, want)
	}
	tb.open(s.url("/documents"))
	assert.Contains(t, tb.text(`document.querySelector(".findings pre").textContent`), "x = <script>alert(6)</script>")
	tb.open(s.url("/?q=%3Cscript%3Ealert(1)%3C/script%3E&tag=%22%3E%3Csvg%20onload%3Dalert(1)%3E"))
	assert.Equal(t, "0", tb.text(`document.querySelector("#count b").textContent`))
}

// pages are the pages of a site with something of everything.
var pages = []string{"/", "/?q=gpt&deprecated=1&sort=-layers", "/?q=nothing", "/datasets/pythia/mlp_post_act", "/datasets/none/none", "/documents", "/changes"}

var everything = map[string]string{
	"a.toml": toml("gpt2-small", "gpt2-xl"), "b.toml": toml("pythia", "gpt2-small") + "replaced_by = \"gpt2-xl\"\nhomepage = \"https://host.example\"\nextra = 1\n",
	"c.toml": "short_name = broken\n",
}

// checkAxe runs axe-core on what a tab shows.
func (t *tab) checkAxe(name string) {
	t.Helper()
	axe, err := os.ReadFile("testdata/axe-core/axe.min.js")
	require.NoError(t, err)
	t.do(chromedp.Evaluate[chromedp.Void](string(axe)))
	found, err := chromedp.Run(t.ctx, chromedp.Evaluate[json.RawMessage](`axe.run().then((r) => r.violations.map((v) => [v.id, v.impact, v.nodes.map((n) => n.html + " " + n.failureSummary)]))`, chromedp.EvalAwaitPromise))
	require.NoError(t, err)
	assert.JSONEq(t, "[]", string(found), name)
}

// TestAccessible runs axe-core on every page, in both themes, at three widths.
func TestAccessible(t *testing.T) {
	s, empty, tb := newSite(t, everything), newSite(t, nil), newTab(t, "/datasets/none/none") // which is not found
	for _, theme := range []string{"light", "dark"} {
		tb.media("", "prefers-color-scheme", theme)
		for _, width := range []int64{1280, 768, 360} {
			tb.size(width, 800)
			for _, path := range pages {
				tb.open(s.url(path))
				if path == "/changes" {
					s.write("d.toml", toml(fmt.Sprint("new", theme, width)))
					tb.until(`!!document.querySelector(".changes li")`)
				}
				tb.checkAxe(fmt.Sprint(theme, " ", width, " ", path))
			}
		}
		tb.press("?")
		tb.until(`document.getElementById("keys").open`)
		tb.checkAxe(theme + " keys")
		tb.press(kb.Escape)
	}
	for _, path := range []string{"/", "/documents", "/changes"} {
		tb.open(empty.url(path))
		tb.checkAxe("empty " + path)
	}
}

// TestWidths checks that nothing is wider than the window, on a phone and with a zoom of 200 %,
// which halves the width of a small laptop.
func TestWidths(t *testing.T) {
	s, evil, tb := newSite(t, everything), newSite(t, hostile), newTab(t, "/datasets/none/none") // which is not found
	for _, width := range []int64{320, 360, 640, 768, 1280, 2560} {
		tb.size(width, 800)
		for _, path := range pages {
			tb.open(s.url(path))
			assert.Equal(t, "true", tb.text(`String(document.documentElement.scrollWidth <= innerWidth)`), "%d %s", width, path)
		}
		for _, path := range []string{"/", "/datasets/long/mlp_post_act", "/documents"} {
			tb.open(evil.url(path))
			assert.Equal(t, "true", tb.text(`String(document.documentElement.scrollWidth <= innerWidth)`), "%d hostile %s", width, path)
		}
	}
}

// TestStill checks that the table does not move while someone types.
func TestStill(t *testing.T) {
	s, tb := newSite(t, everything), newTab(t)
	tb.open(s.url("/"))
	const places = `[...document.querySelectorAll("thead th")].map((th) => { const r = th.getBoundingClientRect(); return [r.x, r.y, r.width].join() }).join("|")`
	want := tb.text(places)
	tb.press("/", "x", "l")
	tb.until(rows + ` === "GPT2-XL"`)
	assert.Equal(t, want, tb.text(places))
}

// TestWithoutScript reads, searches and pages without JavaScript.
func TestWithoutScript(t *testing.T) {
	var names []string
	for i := range 120 {
		names = append(names, fmt.Sprintf("name-%03d", i))
	}
	s, tb := newSite(t, map[string]string{"a.toml": toml(names...)}), newTab(t)
	_, err := chromedp.Call(tb.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	require.NoError(t, err)
	tb.do(chromedp.Navigate(s.url("/")))
	assert.Contains(t, tb.text(`document.getElementById("live").textContent`), "As of")
	tb.click("a[rel=next]")
	tb.until(`location.search === "?page=2" && document.querySelector("tbody th a")?.textContent === "NAME-050"`)
	tb.do(chromedp.SendKeys(chromedp.CSS("#q"), "name-11"+kb.Enter))
	tb.until(`location.search === "?q=name-11" && document.querySelector("#count b")?.textContent === "10"`)
	tb.click("thead .name a")
	tb.until(`location.search === "?q=name-11&sort=user_visible_name"`)
	tb.click("tbody th a")
	tb.until(`document.querySelector("h1")?.textContent === "NAME-110"`)
	assert.Equal(t, "none", tb.text(`getComputedStyle(document.querySelector("[data-copy]")).display`), "buttons that need a script")
}

// TestMotion checks that nothing moves for those who do not want it.
func TestMotion(t *testing.T) {
	s, tb := newSite(t, two), newTab(t)
	for value, want := range map[string]string{"reduce": "0s", "no-preference": "0.6s"} {
		tb.media("", "prefers-reduced-motion", value)
		tb.open(s.url("/"))
		assert.Equal(t, want, tb.text(`getComputedStyle(document.querySelector("tbody tr")).transitionDuration`))
	}
}

// TestPrint checks that what is of no use on paper is not printed.
func TestPrint(t *testing.T) {
	s, tb := newSite(t, everything), newTab(t)
	tb.open(s.url("/"))
	tb.media("print", "", "")
	for selector, want := range map[string]string{"#search": "none", "aside": "none", "footer": "none", "table": "table", "h1": "block"} {
		assert.Equal(t, want, tb.text(`getComputedStyle(document.querySelector("`+selector+`")).display`), selector)
	}
}

// TestPictures takes the pictures of docs/: each page in a theme and at a width. Without -update
// it checks that they can be taken.
func TestPictures(t *testing.T) {
	nine := make(map[string]string)
	for _, pattern := range []string{"*.toml", "*.json"} {
		files, err := filepath.Glob("../../../examples/datasets/" + pattern)
		require.NoError(t, err)
		for _, name := range files {
			content, err := os.ReadFile(name)
			require.NoError(t, err)
			nine[filepath.Base(name)] = string(content)
		}
	}
	broken := map[string]string{
		"50-llama.toml":  "[[datasets]]\nshort_name = \"llama-3-8b\"\nderived_scalar_type = \"mlp_post_atc\"\nuser_visible_name = \"Llama 3 8B - MLP neurons\"\nneuron_dataset_path = \"https://host.example/llama\"\nlayers = \"32\"\n",
		"60-pythia.toml": "[[datasets]]\nshort_name = “pythia-70m”\n",
		"70-gemma.json":  `{"datasets": [{"shortName": "gemma-2-2b", "derivedScalarType": "mlp_post_act" "layers": 26}]}` + "\n",
	}
	for name, content := range nine {
		broken[name] = content
	}
	sites := map[string]*site{"nine": newSite(t, nine), "none": newSite(t, nil), "invalid": newSite(t, broken), "many": newSite(t, many()), "stored": newSite(t, stored(t))}
	tb := newTab(t)
	for _, p := range []struct {
		name, site, path, theme string
		width, height           int64
	}{
		{"datasets", "many", "/?q=sae&explained=1", "light", 1280, 860},
		{"datasets-dark", "many", "/?model=pythia-1.4b&sort=-nodes_per_layer", "dark", 1280, 860},
		{"datasets-tablet", "many", "/", "light", 768, 860},
		{"datasets-phone", "many", "/?tag=sparse", "light", 360, 740},
		{"datasets-phone-dark", "nine", "/", "dark", 360, 740},
		{"nine", "nine", "/", "light", 1280, 860},
		{"none", "none", "/", "light", 1280, 520},
		{"dataset", "nine", "/datasets/gpt2-xl/mlp_post_act", "light", 1280, 1100},
		{"dataset-phone-dark", "nine", "/datasets/gpt2-xl/mlp_post_act", "dark", 360, 740},
		{"invalid", "invalid", "/documents", "light", 1280, 860},
		{"invalid-dark", "invalid", "/documents", "dark", 1280, 860},
		{"invalid-phone", "invalid", "/documents", "light", 360, 740},
		{"changes", "many", "/changes", "light", 1280, 520},
		{"record", "stored", neuronPath, "light", 1280, 1000},
		{"record-dark", "stored", neuronPath, "dark", 1280, 1000},
		{"record-phone", "stored", neuronPath + "#record", "light", 360, 740},
		{"record-phone-dark", "stored", neuronPath + "#record", "dark", 360, 740},
		{"head", "stored", headPath, "light", 1280, 1000},
	} {
		s := sites[p.site]
		tb.media("", "prefers-color-scheme", p.theme)
		tb.size(p.width, p.height)
		tb.open(s.url(p.path))
		if p.name == "changes" {
			s.write("zz.toml", toml("gpt2-large", "pythia-12b"))
			tb.until(`document.querySelectorAll(".changes > li").length === 1`)
			s.write("zz.toml", toml("gpt2-large")+"version = \"2\"\n")
			tb.until(`document.querySelectorAll(".changes > li").length === 2`)
			s.write("zz.toml", "broken")
			tb.until(`document.querySelectorAll(".changes > li").length === 3 && !document.querySelector(".fresh")`)
		}
		png, err := chromedp.Run(tb.ctx, chromedp.CaptureScreenshot())
		require.NoError(t, err)
		assert.Greater(t, len(png), 5000, p.name)
		if *update {
			require.NoError(t, os.WriteFile("../../../docs/page/"+p.name+".png", png, 0o644))
		}
	}
}
