//go:build unix

package command

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/neurondex/neurondex/internal/loopbacktest"
	"github.com/neurondex/neurondex/internal/watchtest"
)

// startServe runs serve with arguments, which may not contain spaces, as a process of its own.
func startServe(t *testing.T, args ...string) (*process, *exec.Cmd) {
	t.Helper()
	if !strings.Contains(strings.Join(args, " "), "--listen") {
		args = append(args, "--listen", "127.0.0.1:0")
	}
	return startProcess(t, "exec neurondex serve "+strings.Join(args, " "))
}

type releaseStatus struct {
	Ready       bool
	Epoch       string
	Chain       []string
	SourceError string
	Source      struct {
		Problem string
		Release struct {
			Number int
			Time   time.Time
			Cached bool
		}
	}
}

func (s *process) status(authorization string) (st releaseStatus) {
	s.Helper()
	code, body := s.get(http.DefaultClient, s.url+"/v1/status", authorization)
	require.Equal(s, http.StatusOK, code, body)
	require.NoError(s, json.Unmarshal([]byte(body), &st))
	return st
}

// waitForStatus waits until the status is as it should be.
func (s *process) waitForStatus(is func(releaseStatus) bool) releaseStatus {
	s.Helper()
	var st releaseStatus
	require.Eventually(s, func() bool { st = s.status(""); return is(st) }, 20*time.Second, 20*time.Millisecond, "%+v", &st)
	return st
}

// TestServeFrom has three processes follow each other, with access control, and stops each of
// them.
func TestServeFrom(t *testing.T) {
	dir := t.TempDir()
	store, token := "file://"+filepath.Join(dir, "store"), filepath.Join(dir, "token")
	require.NoError(t, os.Mkdir(filepath.Join(dir, "store"), 0o755))
	require.NoError(t, os.WriteFile(token, []byte("secret\n"), 0o600))
	pushFile(t, store, entry("a", "1"))
	cache := func(name string) string { return filepath.Join(dir, name) }

	origin, _ := startServe(t, "--store", store, "--cache", cache("origin"), "--store-interval", "100ms")
	relayAddress := loopbacktest.Address(t)
	relayArgs := []string{"--from", origin.url, "--cache", cache("relay"), "--token-file", token, "--listen", relayAddress}
	relay, relayCmd := startServe(t, relayArgs...)
	followerArgs := []string{"--from", relay.url, "--from-token-file", token, "--cache", cache("follower"), "--store-interval"}
	follower, followerCmd := startServe(t, append(followerArgs, "2s")...)
	assert.Equal(t, "a=1", follower.names())

	pushFile(t, store, entry("a", "2"))
	follower.waitForLog(0, "0 added, 1 updated, 0 removed")
	st := follower.waitForStatus(func(st releaseStatus) bool { return st.Source.Release.Number == 2 })
	assert.Equal(t, []string{origin.status("").Epoch, relay.status("Bearer secret").Epoch}, st.Chain)
	assert.WithinDuration(t, time.Now(), st.Source.Release.Time, time.Minute)
	assert.Empty(t, st.SourceError)
	assert.Equal(t, http.StatusUnauthorized, relay.code(relay.url+"/v1/releases", ""))

	// The relay is away: the last release stays, and a restart serves it from the cache.
	require.NoError(t, relayCmd.Process.Kill())
	_ = relayCmd.Wait()
	follower.waitForLog(0, "cannot read source; serving last good data.*connection refused")
	assert.Equal(t, "a=2", follower.names())
	code, _ := follower.ask(http.MethodGet, "/readyz")
	assert.Equal(t, http.StatusOK, code)
	require.NoError(t, followerCmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, followerCmd.Wait())
	follower, _ = startServe(t, append(followerArgs, "100ms")...)
	assert.Equal(t, "a=2", follower.names())
	code, _ = follower.ask(http.MethodGet, "/readyz")
	assert.Equal(t, http.StatusOK, code)
	assert.True(t, follower.status("").Source.Release.Cached)

	// It comes back by itself, with what was published meanwhile.
	pushFile(t, store, entry("a", "3"))
	relay, _ = startServe(t, relayArgs...)
	st = follower.waitForStatus(func(st releaseStatus) bool { return st.Source.Release.Number == 3 })
	assert.False(t, st.Source.Release.Cached)
	assert.Equal(t, "a=3", follower.names())
	follower.waitForLog(0, "source can be read again")
	assert.NotContains(t, relay.text()+follower.text(), "secret")
}

// TestServeFromNowhere checks what is said of servers that cannot be followed.
func TestServeFromNowhere(t *testing.T) {
	store := t.TempDir()
	pushFile(t, "file://"+store, entry("a", "1"))
	plain, _ := startServe(t, "--store", "file://"+store)
	two := filepath.Join(t.TempDir(), "two")
	require.NoError(t, os.WriteFile(two, []byte("first\nsecond\n"), 0o600))
	users := strings.Replace(plain.url, "://", "://ada:secret@", 1)
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"--from", users}, plain.url + `: 404 Not Found: "this server has no releases to pass on; start it with --cache DIR, and with --store URL or --from URL"`},
		{[]string{"--from", "http://ada:secret@" + loopbacktest.Address(t)}, "connection refused"},
		{[]string{"--from", "ftp://ada:secret@relay.example"}, "--from: must be the URL of a server, like https://relay.example"},
		{[]string{"--from", plain.url, "--store", "file://" + store}, "--from: use either it or --store, not both"},
		{[]string{"--store", plain.url}, "--store: is the URL of a server; follow it by --from"},
		{[]string{"--from", plain.url, "--from-token-file", "nowhere"}, "--from-token-file: "},
		{[]string{"--from", plain.url, "--from-token-file", two}, "two: must hold one token"},
	} {
		out, err := exec.Command("neurondex", append([]string{"serve", "--listen", "127.0.0.1:0"}, tt.args...)...).CombinedOutput()
		require.Error(t, err)
		assert.Contains(t, string(out), tt.want)
		assert.NotContains(t, string(out), "secret")
	}
}

// TestServeLoops checks that a server that follows itself says so at the start, and that two
// that follow each other do, whichever way they came to it.
func TestServeLoops(t *testing.T) {
	const loop = "servers follow each other in a loop; let one of them follow a store: "
	t.Run("itself", func(t *testing.T) {
		address := loopbacktest.Address(t)
		out, err := exec.Command("neurondex", "serve", "--from", "http://"+address, "--listen", address, "--cache", t.TempDir()).CombinedOutput()
		require.Error(t, err)
		assert.Regexp(t, "--from: http://"+address+": "+loop+"([0-9a-f]+) -> [0-9a-f]+\n", string(out))
	})
	t.Run("itself, later", func(t *testing.T) {
		address := loopbacktest.Address(t)
		s, _ := startServe(t, "--from", "http://"+address, "--listen", address, "--cache", t.TempDir(), "--wait-dir")
		s.waitForLog(0, loop)
		st := s.status("")
		assert.Contains(t, st.SourceError, st.Epoch+" -> "+st.Epoch)
	})
	t.Run("each other", func(t *testing.T) {
		dir := t.TempDir()
		pushFile(t, "file://"+dir, entry("a", "1"))
		addresses := []string{loopbacktest.Address(t), loopbacktest.Address(t)}
		args := func(i int) []string {
			return []string{"--listen", addresses[i], "--cache", filepath.Join(dir, fmt.Sprint("cache", i)), "--store-interval", "500ms"}
		}
		first, cmd := startServe(t, append(args(0), "--store", "file://"+dir)...)
		second, _ := startServe(t, append(args(1), "--from", first.url)...)
		outside, _ := startServe(t, "--from", second.url, "--store-interval", "500ms")
		require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
		require.NoError(t, cmd.Wait())
		first, _ = startServe(t, append(args(0), "--from", second.url)...)
		for _, s := range []*process{first, second} {
			s.waitForLog(0, loop)
			s.waitForStatus(func(st releaseStatus) bool { return strings.Contains(st.SourceError, " -> "+st.Epoch) })
			assert.Equal(t, "a=1", s.names())
			code, _ := s.ask(http.MethodGet, "/readyz")
			assert.Equal(t, http.StatusOK, code)
		}
		assert.Equal(t, "a=1", outside.names())
		assert.NotContains(t, outside.text(), loop)
	})
}

// TestServeWhileLoading checks that health is answered before the datasets are loaded, on every
// address: what watches a server must not take one that loads for one that hangs.
func TestServeWhileLoading(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer silent.Close()
	asked := make(chan net.Conn, 1)
	go func() {
		if c, err := silent.Accept(); err == nil {
			asked <- c
		}
	}()
	public, management := loopbacktest.Address(t), loopbacktest.Address(t)
	s := &process{T: t, log: watchtest.NewBuffer()}
	cmd := exec.Command("neurondex", "serve", "--from", "http://"+silent.Addr().String(), "--listen", public, "--management-listen", management)
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	cmd.Stderr = s.log
	require.NoError(t, cmd.Start())
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	select {
	case c := <-asked:
		defer c.Close()
	case <-time.After(20 * time.Second):
		t.Fatal("the server to follow was not asked", s.text())
	}
	for _, address := range []string{public, management} {
		code, body := s.get(http.DefaultClient, "http://"+address+"/healthz", "")
		assert.Equal(t, http.StatusOK, code, body)
		code, body = s.get(http.DefaultClient, "http://"+address+"/readyz", "")
		assert.Equal(t, http.StatusServiceUnavailable, code, body)
		assert.Contains(t, body, "datasets are not loaded yet")
	}
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, cmd.Wait(), s.text())
	assert.Empty(t, s.text())
}
