//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"neurondex": main})
}

// TestScripts runs the command line as the scripts of testdata/script say. With
// UPDATE_SCRIPTS=1 in the environment it rewrites their expected output.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: os.Getenv("UPDATE_SCRIPTS") != "",
		Setup: func(env *testscript.Env) error {
			examples, err := filepath.Abs("../../examples")
			env.Setenv("EXAMPLES", examples)
			// The race detector delays the exit of a process by a second, to report late races.
			// These processes have no goroutines left at exit.
			env.Setenv("GORACE", "atexit_sleep_ms=0")
			return err
		},
	})
}

// A served is a server that runs in the test, and its log.
type served struct {
	*testing.T
	url  string
	log  *lines
	exit chan int
	stop context.CancelFunc
}

// lines is a log that can be waited on.
type lines struct {
	mu   sync.Mutex // guards the rest
	text bytes.Buffer
	more chan struct{} // closed when there is more
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.more)
	l.more = make(chan struct{})
	return l.text.Write(p)
}

func (l *lines) look() (string, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String(), l.more
}

// logged waits until the log holds a match and returns its first group. What was there
// before from is passed over.
func (s *served) logged(from int, pattern string) string {
	s.Helper()
	re := regexp.MustCompile(pattern)
	timeout := time.After(20 * time.Second)
	for {
		text, more := s.log.look()
		if m := re.FindStringSubmatch(text[from:]); m != nil {
			return m[len(m)-1]
		}
		select {
		case <-more:
		case <-timeout:
			require.FailNow(s, "not logged: "+pattern, text)
		}
	}
}

func (s *served) text() string {
	text, _ := s.log.look()
	return text
}

func (s *served) logSize() int { return len(s.text()) }

func serveInTest(t *testing.T, args ...string) *served {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &served{T: t, log: &lines{more: make(chan struct{})}, exit: make(chan int, 1), stop: cancel}
	go func() {
		s.exit <- run(ctx, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...), nil, io.Discard, s.log)
	}()
	s.url = s.logged(0, `msg=serving url=(\S+)`)
	t.Cleanup(func() {
		cancel()
		assert.Equal(t, exitOK, <-s.exit)
		http.DefaultClient.CloseIdleConnections()
		goleak.VerifyNone(t)
	})
	return s
}

func (s *served) ask(method, path string) (int, string) {
	s.Helper()
	r, err := http.NewRequest(method, s.url+path, nil)
	require.NoError(s, err)
	resp, err := http.DefaultClient.Do(r)
	require.NoError(s, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(s, err)
	return resp.StatusCode, string(b)
}

func (s *served) names() string {
	s.Helper()
	_, body := s.ask(http.MethodGet, "/neuron_datasets_metadata")
	var list []struct{ ShortName, NeuronDatasetPath string }
	require.NoError(s, json.Unmarshal([]byte(body), &list))
	var out []string
	for _, d := range list {
		out = append(out, d.ShortName+"="+d.NeuronDatasetPath)
	}
	return strings.Join(out, " ")
}

func TestServeTheNine(t *testing.T) {
	want, err := os.ReadFile("../../examples/testdata/transformer_debugger_datasets.json")
	require.NoError(t, err)
	s := serveInTest(t)
	code, body := s.ask(http.MethodPost, "/neuron_datasets_metadata")
	assert.Equal(t, http.StatusOK, code)
	assert.JSONEq(t, string(want), body)
}

func entry(name, path string) string {
	return "short_name = \"" + name + "\"\nderived_scalar_type = \"mlp_post_act\"\nuser_visible_name = \"N\"\nneuron_dataset_path = \"" + path + "\"\n"
}

func TestServeFollowsTheDirectory(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644))
	}
	s := serveInTest(t, "--dir", dir)
	_, body := s.ask(http.MethodPost, "/neuron_datasets_metadata")
	assert.Equal(t, "[]\n", body, "an empty directory is an empty list")

	from := s.logSize()
	write("a.toml", entry("a", "1"))
	s.logged(from, "1 added, 0 updated, 0 removed.* added=.a/mlp_post_act")
	assert.Equal(t, "a=1", s.names())

	from = s.logSize()
	write("a.toml", strings.Replace(entry("a", "2"), "mlp_post_act", "mlp_post_akt", 1))
	s.logged(from, `level=ERROR .*file=a.toml line=2 column=23 field=derived_scalar_type .*mlp_post_akt`)
	assert.Equal(t, "a=1", s.names())

	from = s.logSize()
	write("a.toml", entry("a", "2"))
	s.logged(from, "0 added, 1 updated, 0 removed")
	s.logged(0, "invalid file is fixed.*file=a.toml")
	assert.Equal(t, "a=2", s.names())

	from = s.logSize()
	require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGHUP))
	s.logged(from, "reloaded on SIGHUP")
	from = s.logSize()
	require.NoError(t, os.Remove(filepath.Join(dir, "a.toml")))
	s.logged(from, "0 added, 0 updated, 1 removed")
	assert.Empty(t, s.names())
}

func TestServeSeveralDirectories(t *testing.T) {
	base, site := t.TempDir(), t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(base, "a.toml"), []byte(entry("a", "base")), 0o644))
	s := serveInTest(t, "--dir", base, "--dir", site, "--builtin")
	assert.Contains(t, s.names(), "gpt2-xl=https://")
	assert.Contains(t, s.names(), " a=base")
	override := filepath.Join(site, "a.toml")
	from := s.logSize()
	require.NoError(t, os.WriteFile(override, []byte(entry("a", "site")), 0o644))
	s.logged(from, "dataset is overridden.*file=2-.*/a.toml line=1 by=3-")
	s.logged(from, "0 added, 1 updated, 0 removed")
	assert.Contains(t, s.names(), " a=site")
	code, body := s.ask(http.MethodPost, "/-/reload")
	assert.Equal(t, http.StatusOK, code, body)
	from = s.logSize()
	require.NoError(t, os.Remove(override))
	s.logged(from, "0 added, 1 updated, 0 removed")
	assert.Contains(t, s.names(), " a=base")
}

func TestServeWaitsForTheDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "later")
	s := serveInTest(t, "--dir", dir, "--wait-dir")
	code, body := s.ask(http.MethodGet, "/readyz")
	assert.Equal(t, http.StatusServiceUnavailable, code)
	assert.Contains(t, body, "no such file or directory")
	require.NoError(t, os.Mkdir(dir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.toml"), []byte(entry("a", "1")), 0o644))
	s.logged(0, "1 added, 0 updated")
	code, _ = s.ask(http.MethodGet, "/readyz")
	assert.Equal(t, http.StatusOK, code)
	assert.Equal(t, "a=1", s.names())
}

func TestServeReloadsAndHoldsBack(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a", "b", "c"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name+".toml"), []byte(entry(name, "1")), 0o644))
	}
	s := serveInTest(t, "--dir", dir, "--max-shrink", "0.5", "--settle", "20ms")
	code, body := s.ask(http.MethodPost, "/-/reload")
	assert.Equal(t, http.StatusOK, code)
	assert.Regexp(t, `{"generation":1,"hash":"[0-9a-f]{64}","datasets":3}`, body)

	from := s.logSize()
	require.NoError(t, os.Remove(filepath.Join(dir, "a.toml")))
	require.NoError(t, os.Remove(filepath.Join(dir, "b.toml")))
	s.logged(from, `change held.*2 of 3`)
	assert.Equal(t, "a=1 b=1 c=1", s.names())
	_, body = s.ask(http.MethodGet, "/v1/status")
	assert.Contains(t, body, `"held":"removing 2 of 3 datasets exceeds the limit of 50 %; reload to accept`)
	// What changes meanwhile is held, too: a change is applied whole.
	require.NoError(t, os.WriteFile(filepath.Join(dir, "c.toml"), []byte(entry("c", "2")), 0o644))
	code, body = s.ask(http.MethodPost, "/-/reload")
	assert.Equal(t, http.StatusOK, code, body)
	assert.Equal(t, "c=2", s.names(), "a reload accepts the change")
	_, body = s.ask(http.MethodGet, "/v1/status")
	assert.NotContains(t, body, `"held"`)

	require.NoError(t, os.WriteFile(filepath.Join(dir, "c.toml"), []byte("x"), 0o644))
	code, body = s.ask(http.MethodPost, "/-/reload")
	assert.Equal(t, http.StatusUnprocessableEntity, code)
	assert.Contains(t, body, `"code":"stale"`)
	assert.Contains(t, body, "c.toml:1:1: error:")
	require.NoError(t, os.RemoveAll(dir))
	code, body = s.ask(http.MethodPost, "/-/reload")
	assert.Equal(t, http.StatusServiceUnavailable, code)
	assert.Contains(t, body, "no such file or directory")
	assert.Equal(t, "c=2", s.names())
	require.NoError(t, os.Mkdir(dir, 0o755))
}

// TestWatch prints changes as a person and as a program read them.
func TestWatch(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a.toml")
	require.NoError(t, os.WriteFile(file, []byte(entry("a", "1")), 0o644))
	ctx, cancel := context.WithCancel(context.Background())
	exit := make(chan int, 2)
	start := func(args ...string) *served {
		s := &served{T: t, log: &lines{more: make(chan struct{})}}
		problems := io.Discard
		go func() { exit <- run(ctx, append([]string{"watch", "--dir", dir}, args...), nil, s.log, problems) }()
		return s
	}
	text, program := start(), start("-o", "json")
	text.logged(0, `generation 1: 1 added, 0 updated, 0 removed; 1 in all\n\+ a/mlp_post_act  N  1\n`)
	program.logged(0, `"generation":1,.*"added":\[{"shortName":"a",`)
	require.NoError(t, os.WriteFile(file, []byte(entry("a", "2")+"layers = 3\n"), 0o644))
	text.logged(0, `generation 2: .*\n~ a/mlp_post_act\n    neuron_dataset_path: 2, was 1\n    layers: now 3\n`)
	program.logged(0, `"generation":2,.*"updated":\[{"before":{.*"neuronDatasetPath":"1"},"after":{.*"neuronDatasetPath":"2","layers":3}}\]`)
	require.NoError(t, os.WriteFile(file, []byte(entry("a", "2")), 0o644))
	text.logged(0, `generation 3: .*\n~ a/mlp_post_act\n    layers: not given, was 3\n`)
	program.logged(0, `"generation":3,`) // each has a watcher of its own
	require.NoError(t, os.Remove(file))
	text.logged(0, `generation 4: 0 added, 0 updated, 1 removed; 0 in all\n- a/mlp_post_act\n`)
	program.logged(0, `"generation":4,.*"removed":\[{"shortName":"a",`)
	for _, line := range strings.Split(strings.TrimSpace(program.text()), "\n") {
		assert.True(t, json.Valid([]byte(line)), line)
	}
	cancel()
	assert.Equal(t, exitOK, <-exit)
	assert.Equal(t, exitOK, <-exit)
	goleak.VerifyNone(t)
}

func TestServeStopsOnSignal(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		s := serveInTest(t)
		require.NoError(t, syscall.Kill(os.Getpid(), sig))
		code := <-s.exit
		assert.Equal(t, exitOK, code)
		s.exit <- code // for the clean-up
	}
}
