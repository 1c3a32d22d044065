package browsertest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	cdplog "github.com/chromedp/cdproto/log"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/neurondex/neurondex/internal/loopbacktest"
	"github.com/neurondex/neurondex/records"
	"github.com/neurondex/neurondex/server"
	"github.com/neurondex/neurondex/server/page"
	"github.com/neurondex/neurondex/watcher"
)

// timeout is how long a test waits for what must happen.
const timeout = 30 * time.Second

// browser is the context of the browser that all tests share. Each has a tab of its own.
var browser context.Context

// TestMain starts the browser: the one that CHROMIUM names, or one that is found. Without any the
// tests are skipped, unless CHROMIUM is set, as the gate does.
func TestMain(m *testing.M) {
	options := []chromedp.ExecAllocatorOption{chromedp.Headless, chromedp.NoSandbox}
	path := os.Getenv("CHROMIUM")
	if path != "" {
		options = append(options, chromedp.ExecPath(path))
	}
	ctx, cancel := chromedp.NewContext(context.Background(), chromedp.WithAllocatorOptions(options...))
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		fmt.Fprintln(os.Stderr, "cannot start a browser; install chromium:", err)
		if path == "" && errors.Is(err, exec.ErrNotFound) {
			os.Exit(0)
		}
		os.Exit(1)
	}
	browser = ctx
	code := m.Run()
	cancel()
	os.Exit(code)
}

// A site is a server that follows a directory.
type site struct {
	*testing.T
	dir  string
	addr string
	http *http.Server
	stop func()
}

// newSite serves a directory with some files until the test ends.
func newSite(t *testing.T, files map[string]string) *site {
	t.Helper()
	s := &site{T: t, dir: t.TempDir(), addr: loopbacktest.Address(t)}
	for name, content := range files {
		s.write(name, content)
	}
	s.start()
	t.Cleanup(func() { s.stop() })
	return s
}

// start starts the server, at the same address as before.
func (s *site) start() {
	s.Helper()
	log := slog.New(slog.DiscardHandler)
	w, err := watcher.Open(context.Background(), s.dir, watcher.WithLogger(log))
	require.NoError(s, err)
	pages := page.New(w, page.Options{
		Log: log, Status: w.Status, CheckHealth: w.CheckHealth, Dir: s.dir, ViewerURL: "http://localhost:1234", Records: new(records.Store),
		Source: func(document string) ([]byte, error) { return os.ReadFile(filepath.Join(s.dir, document)) },
	})
	api := server.New(w, server.Options{Log: log, Status: w.Status, CheckHealth: w.CheckHealth, Page: pages})
	s.http = &http.Server{Handler: api}
	s.listen()
	s.stop = func() {
		api.Drain()
		_ = s.http.Close()
		pages.Close()
		_ = w.Close()
	}
}

// listen accepts connections, at the same address as before.
func (s *site) listen() {
	s.Helper()
	l, err := net.Listen("tcp", s.addr)
	require.NoError(s, err)
	go func(h *http.Server) { _ = h.Serve(l) }(s.http)
}

// cut closes all connections, as a network may, and accepts no more until listen.
func (s *site) cut() {
	_ = s.http.Close()
	s.http = &http.Server{Handler: s.http.Handler}
}

// url returns the URL of a path.
func (s *site) url(path string) string { return "http://" + s.addr + path }

// write puts a file into the directory at once, as programs should.
func (s *site) write(name, content string) {
	s.Helper()
	whole := filepath.Join(s.TempDir(), "file")
	require.NoError(s, os.WriteFile(whole, []byte(content), 0o644))
	require.NoError(s, os.Rename(whole, filepath.Join(s.dir, name)))
}

// A tab is a tab of the browser. At the end of its test no script may have failed, and nothing
// may have violated the content security policy.
type tab struct {
	*testing.T
	ctx    context.Context
	allow  []string // parts of the texts of errors that are expected
	mu     sync.Mutex
	faults []string // other errors; guarded by mu
}

// newTab opens a tab until the test ends. Errors whose text contains one of allow are expected.
func newTab(t *testing.T, allow ...string) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser)
	ctx, stop := context.WithTimeout(ctx, 4*timeout)
	tb := &tab{T: t, ctx: ctx, allow: allow}
	require.NoError(t, chromedp.Listen(ctx, tb.listen))
	_, err := chromedp.Call(ctx, cdplog.Enable, cdp.Empty{})
	require.NoError(t, err)
	_, err = chromedp.Call(ctx, cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{
		Source: `addEventListener("securitypolicyviolation", (e) => console.error("CSP", e.violatedDirective, e.blockedURI))`,
	})
	require.NoError(t, err)
	tb.size(1280, 900)
	t.Cleanup(func() {
		tb.mu.Lock()
		assert.Empty(t, tb.faults, "errors in the console")
		tb.mu.Unlock()
		stop()
		cancel()
	})
	return tb
}

func (t *tab) listen(ev any) {
	var text string
	switch e := ev.(type) {
	case *runtime.EventExceptionThrown:
		text = "exception: " + e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			text += " " + e.ExceptionDetails.Exception.Description
		}
	case *runtime.EventConsoleAPICalled:
		if e.Type != "error" && e.Type != "warning" {
			return
		}
		for _, arg := range e.Args {
			text += " " + string(arg.Value) + arg.Description
		}
	case *cdplog.EventEntryAdded:
		if e.Entry.Level != "error" && e.Entry.Level != "warning" {
			return
		}
		text = e.Entry.Text + " " + e.Entry.URL
	default:
		return
	}
	if slices.ContainsFunc(t.allow, func(part string) bool { return strings.Contains(text, part) }) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.faults = append(t.faults, text)
}

// do runs actions, all of which must succeed.
func (t *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	require.NoError(t, chromedp.Do(t.ctx, steps...))
}

// open opens a page and waits until it is live.
func (t *tab) open(url string) {
	t.Helper()
	t.do(chromedp.Navigate(url))
	t.until(`document.documentElement.dataset.live === "true"`)
}

// until waits until an expression is true, on this page or on one that a link leads to, once all of
// it is there. It asks again and again, since a page cannot watch itself where scripts are disabled.
// While a page is replaced by another, asking may fail.
func (t *tab) until(expression string) {
	t.Helper()
	again, late := time.NewTicker(10*time.Millisecond), time.After(timeout)
	defer again.Stop()
	for {
		isTrue, err := chromedp.Run(t.ctx, chromedp.Evaluate[bool](`document.readyState !== "loading" && Boolean(`+expression+`)`))
		if isTrue && err == nil {
			return
		}
		select {
		case <-again.C:
		case <-late:
			require.NoError(t, err, expression)
			require.Fail(t, "not true in time", expression)
		}
	}
}

// text returns the value of an expression.
func (t *tab) text(expression string) string {
	t.Helper()
	v, err := chromedp.Run(t.ctx, chromedp.Evaluate[string](expression))
	require.NoError(t, err, expression)
	return v
}

// press presses keys, without an element in particular. A script can prevent that a key is
// typed.
func (t *tab) press(keys ...string) {
	t.Helper()
	for _, key := range keys {
		if len(key) > 1 || key < " " { // of package kb
			t.do(chromedp.KeyEvent(key))
			continue
		}
		for _, p := range []input.DispatchKeyEventParams{{Type: input.DispatchKeyEventTypeKeyDown, Key: key, Text: key}, {Type: input.DispatchKeyEventTypeKeyUp, Key: key}} {
			_, err := chromedp.Call(t.ctx, input.DispatchKeyEvent, p)
			require.NoError(t, err)
		}
	}
}

// click clicks on the first element that a selector finds.
func (t *tab) click(selector string) {
	t.Helper()
	t.do(chromedp.Click(chromedp.CSS(selector)))
}

func (t *tab) size(width, height int64) {
	t.Helper()
	t.do(chromedp.EmulateViewport(width, height))
}

// media emulates a feature of the device, such as a dark theme, or a medium, such as print.
func (t *tab) media(medium, feature, value string) {
	t.Helper()
	p := emulation.SetEmulatedMediaParams{Media: medium}
	if feature != "" {
		p.Features = []*emulation.MediaFeature{{Name: feature, Value: value}}
	}
	_, err := chromedp.Call(t.ctx, emulation.SetEmulatedMedia, p)
	require.NoError(t, err)
}

// rows is an expression for the names of the rows that are shown.
const rows = `[...document.querySelectorAll("tbody th a")].map((a) => a.textContent).join("|")`

// toml returns a document with a dataset of each name.
func toml(names ...string) string {
	var b strings.Builder
	for _, name := range names {
		fmt.Fprintf(&b, "[[datasets]]\nshort_name = %q\nderived_scalar_type = \"mlp_post_act\"\nuser_visible_name = %q\nneuron_dataset_path = \"https://host.example/%s\"\n%s\n", name, strings.ToUpper(name), name, extra(name))
	}
	return b.String()
}

// extra returns optional fields, which depend on a name.
func extra(name string) string {
	if strings.HasPrefix(name, "gpt2") {
		return "model = \"gpt2\"\nlayers = 12\ntags = [\"old\"]\n"
	}
	return "model = \"other\"\nlayers = 6\ntags = [\"new\", \"old\"]\ndeprecated = true\n"
}
