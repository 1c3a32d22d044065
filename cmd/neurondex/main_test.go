//go:build unix

package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/neurondex/neurondex/internal/watchtest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"neurondex": main})
}

// TestScripts runs the scripts in testdata/script. If UPDATE_SCRIPTS is set, it updates the
// output in them.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: os.Getenv("UPDATE_SCRIPTS") != "",
		Setup: func(env *testscript.Env) error {
			examples, err := filepath.Abs("../../examples")
			env.Setenv("EXAMPLES", examples)
			// The race detector delays the exit of a process by a second, to report races of
			// goroutines that still run. There are none.
			env.Setenv("GORACE", "atexit_sleep_ms=0")
			return err
		},
	})
}

// A process is a command that runs in the test.
type process struct {
	*testing.T
	url  string // of its server
	log  *watchtest.Buffer
	exit chan int
	stop context.CancelFunc
}

// waitForLog waits until the log contains a match at or after an offset, and returns the
// last group of the match.
func (s *process) waitForLog(from int, pattern string) string {
	s.Helper()
	re := regexp.MustCompile(pattern)
	timeout := time.After(20 * time.Second)
	for {
		text, more := s.log.Read()
		if m := re.FindStringSubmatch(text[from:]); m != nil {
			return m[len(m)-1]
		}
		select {
		case <-more:
		case <-timeout:
			require.FailNow(s, "no such log line: "+pattern, text)
		}
	}
}

func (s *process) text() string {
	return s.log.String()
}

func (s *process) logSize() int { return len(s.text()) }

// startServer runs a server until the test ends.
func startServer(t *testing.T, args ...string) *process {
	t.Helper()
	return startServerLogging(t, func(w io.Writer) io.Writer { return w }, args...)
}

// startServerLogging is startServer with a log that may pass on less than it gets.
func startServerLogging(t *testing.T, stderr func(io.Writer) io.Writer, args ...string) *process {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &process{T: t, log: watchtest.NewBuffer(), exit: make(chan int, 1), stop: cancel}
	args = append([]string{"serve"}, args...)
	if !slices.Contains(args, "--listen") {
		args = append(args, "--listen", "127.0.0.1:0")
	}
	go func() { s.exit <- run(ctx, args, nil, io.Discard, stderr(s.log)) }()
	s.url = s.waitForLog(0, `msg=serving url=(\S+)`)
	t.Cleanup(func() {
		cancel()
		assert.Equal(t, exitOK, <-s.exit)
		http.DefaultClient.CloseIdleConnections()
		goleak.VerifyNone(t)
	})
	return s
}

func (s *process) ask(method, path string) (int, string) {
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

func (s *process) names() string {
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

func TestServeBuiltin(t *testing.T) {
	want, err := os.ReadFile("../../examples/testdata/transformer_debugger_datasets.json")
	require.NoError(t, err)
	s := startServer(t)
	code, body := s.ask(http.MethodPost, "/neuron_datasets_metadata")
	assert.Equal(t, http.StatusOK, code)
	assert.JSONEq(t, string(want), body)
}

func entry(name, path string) string {
	return "short_name = \"" + name + "\"\nderived_scalar_type = \"mlp_post_act\"\nuser_visible_name = \"N\"\nneuron_dataset_path = \"" + path + "\"\n"
}

func TestServeFollowsDirectory(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644))
	}
	s := startServer(t, "--dir", dir)
	_, body := s.ask(http.MethodPost, "/neuron_datasets_metadata")
	assert.Equal(t, "[]\n", body, "datasets of an empty directory")

	from := s.logSize()
	write("a.toml", entry("a", "1"))
	s.waitForLog(from, "1 added, 0 updated, 0 removed.* added=.a/mlp_post_act")
	assert.Equal(t, "a=1", s.names())

	from = s.logSize()
	write("a.toml", strings.Replace(entry("a", "2"), "mlp_post_act", "mlp_post_akt", 1))
	s.waitForLog(from, `level=ERROR .*file=a.toml line=2 column=23 field=derived_scalar_type .*mlp_post_akt`)
	assert.Equal(t, "a=1", s.names())

	from = s.logSize()
	write("a.toml", entry("a", "2"))
	s.waitForLog(from, "0 added, 1 updated, 0 removed")
	s.waitForLog(0, "invalid file is fixed.*file=a.toml")
	assert.Equal(t, "a=2", s.names())

	from = s.logSize()
	require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGHUP))
	s.waitForLog(from, "reloaded on SIGHUP")
	from = s.logSize()
	require.NoError(t, os.Remove(filepath.Join(dir, "a.toml")))
	s.waitForLog(from, "0 added, 0 updated, 1 removed")
	assert.Empty(t, s.names())
}

func TestServeSeveralDirectories(t *testing.T) {
	base, site := t.TempDir(), t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(base, "a.toml"), []byte(entry("a", "base")), 0o644))
	s := startServer(t, "--dir", base, "--dir", site, "--builtin", "--enable-reload")
	assert.Contains(t, s.names(), "gpt2-xl=https://")
	assert.Contains(t, s.names(), " a=base")
	override := filepath.Join(site, "a.toml")
	from := s.logSize()
	require.NoError(t, os.WriteFile(override, []byte(entry("a", "site")), 0o644))
	s.waitForLog(from, "dataset is overridden.*file=2-.*/a.toml line=1 by=3-")
	s.waitForLog(from, "0 added, 1 updated, 0 removed")
	assert.Contains(t, s.names(), " a=site")
	code, body := s.ask(http.MethodPost, "/-/reload")
	assert.Equal(t, http.StatusOK, code, body)
	from = s.logSize()
	require.NoError(t, os.Remove(override))
	s.waitForLog(from, "0 added, 1 updated, 0 removed")
	assert.Contains(t, s.names(), " a=base")
}

func TestServeWaitsForDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "later")
	s := startServer(t, "--dir", dir, "--wait-dir")
	code, body := s.ask(http.MethodGet, "/readyz")
	assert.Equal(t, http.StatusServiceUnavailable, code)
	assert.Contains(t, body, "no such file or directory")
	require.NoError(t, os.Mkdir(dir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.toml"), []byte(entry("a", "1")), 0o644))
	s.waitForLog(0, "1 added, 0 updated")
	code, _ = s.ask(http.MethodGet, "/readyz")
	assert.Equal(t, http.StatusOK, code)
	assert.Equal(t, "a=1", s.names())
}

func TestServeHoldsChange(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a", "b", "c"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name+".toml"), []byte(entry(name, "1")), 0o644))
	}
	s := startServer(t, "--dir", dir, "--max-shrink", "0.5", "--settle", "20ms", "--enable-reload")
	code, body := s.ask(http.MethodPost, "/-/reload")
	assert.Equal(t, http.StatusOK, code)
	assert.Regexp(t, `{"generation":1,"hash":"[0-9a-f]{64}","datasets":3,"counts":{"added":0,"updated":0,"removed":0},"added":\[\],"updated":\[\],"removed":\[\]}`, body)

	from := s.logSize()
	require.NoError(t, os.Remove(filepath.Join(dir, "a.toml")))
	require.NoError(t, os.Remove(filepath.Join(dir, "b.toml")))
	s.waitForLog(from, `change held.*2 of 3`)
	assert.Equal(t, "a=1 b=1 c=1", s.names())
	_, body = s.ask(http.MethodGet, "/v1/status")
	assert.Contains(t, body, `"held":"removing 2 of 3 datasets exceeds the limit of 50 %; reload to accept`)
	// A later change is held, too, because a change is applied as a whole.
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

// TestWatch prints changes as text and as JSON.
func TestWatch(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a.toml")
	require.NoError(t, os.WriteFile(file, []byte(entry("a", "1")), 0o644))
	ctx, cancel := context.WithCancel(context.Background())
	exit := make(chan int, 2)
	start := func(args ...string) *process {
		s := &process{T: t, log: watchtest.NewBuffer()}
		go func() { exit <- run(ctx, append([]string{"watch", "--dir", dir}, args...), nil, s.log, io.Discard) }()
		return s
	}
	text, structured := start(), start("-o", "json")
	text.waitForLog(0, `generation 1: 1 added, 0 updated, 0 removed; 1 in all\n\+ a/mlp_post_act  N  1\n`)
	structured.waitForLog(0, `"generation":1,.*"added":\[{"shortName":"a",`)
	require.NoError(t, os.WriteFile(file, []byte(entry("a", "2")+"layers = 3\n"), 0o644))
	text.waitForLog(0, `generation 2: .*\n~ a/mlp_post_act\n    neuron_dataset_path: 2, was 1\n    layers: now 3\n`)
	structured.waitForLog(0, `"generation":2,.*"updated":\[{"before":{.*"neuronDatasetPath":"1"},"after":{.*"neuronDatasetPath":"2","layers":3}}\]`)
	require.NoError(t, os.WriteFile(file, []byte(entry("a", "2")), 0o644))
	text.waitForLog(0, `generation 3: .*\n~ a/mlp_post_act\n    layers: not given, was 3\n`)
	structured.waitForLog(0, `"generation":3,`) // the commands have different watchers
	require.NoError(t, os.Remove(file))
	text.waitForLog(0, `generation 4: 0 added, 0 updated, 1 removed; 0 in all\n- a/mlp_post_act\n`)
	structured.waitForLog(0, `"generation":4,.*"removed":\[{"shortName":"a",`)
	for _, line := range strings.Split(strings.TrimSpace(structured.text()), "\n") {
		assert.True(t, json.Valid([]byte(line)), line)
	}
	cancel()
	assert.Equal(t, exitOK, <-exit)
	assert.Equal(t, exitOK, <-exit)
	goleak.VerifyNone(t)
}

func TestServeStopsOnSignal(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		s := startServer(t)
		require.NoError(t, syscall.Kill(os.Getpid(), sig))
		code := <-s.exit
		assert.Equal(t, exitOK, code)
		s.exit <- code // for the cleanup
	}
}
