//go:build unix

package command

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/neurondex/neurondex/internal/watchtest"
)

// startProcess runs the command as a process of its own until the test ends. Its shell may set
// variables.
func startProcess(t *testing.T, script string, files ...*os.File) (*process, *exec.Cmd) {
	t.Helper()
	s := &process{T: t, log: watchtest.NewBuffer()}
	cmd := exec.Command("sh", "-c", script)
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	cmd.ExtraFiles = files
	cmd.Stderr = s.log
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	s.url = s.waitForLog(0, `msg=serving url=(\S+)`)
	return s, cmd
}

// TestServeShutdown checks that the server stops being ready, says goodbye to the streams, and
// waits for active requests no longer than it should.
func TestServeShutdown(t *testing.T) {
	s, cmd := startProcess(t, "exec neurondex serve --listen 127.0.0.1:0 --shutdown-timeout 200ms")
	stream, err := http.Get(s.url + "/v1/events")
	require.NoError(t, err)
	defer stream.Body.Close()
	// A request that never ends: the server asks for its body once it is active.
	c, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	require.NoError(t, err)
	defer c.Close()
	_, err = io.WriteString(c, "POST /neuron_record HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n")
	require.NoError(t, err)
	_, err = bufio.NewReader(c).ReadString('\n')
	require.NoError(t, err)
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	events, err := io.ReadAll(stream.Body)
	require.NoError(t, err)
	assert.Contains(t, string(events), `"type":"bye"`)
	assert.NoError(t, cmd.Wait())
	assert.Contains(t, s.text(), "active requests were cut off")
	assert.Contains(t, s.text(), "msg=stopped")
}

// TestServeSecondSignal checks that a second signal ends the process though a request is active.
func TestServeSecondSignal(t *testing.T) {
	s, cmd := startProcess(t, "exec neurondex serve --listen 127.0.0.1:0 --shutdown-timeout 1h")
	c, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	require.NoError(t, err)
	defer c.Close()
	_, err = io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /")
	require.NoError(t, err)
	_, err = bufio.NewReader(c).ReadString('\n')
	require.NoError(t, err)
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	s.waitForLog(0, "msg=stopping")
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case <-ended:
			return
		default: // the first signal may still be taken to be handled
			_ = cmd.Process.Signal(syscall.SIGTERM)
			runtime.Gosched()
		}
	}
}

// TestWatchReloads checks that SIGHUP has watch read its files again.
func TestWatchReloads(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.toml"), []byte(entry("a", "1")), 0o644))
	ctx, cancel := context.WithCancel(t.Context())
	out, log, exit := &process{T: t, log: watchtest.NewBuffer()}, watchtest.NewBuffer(), make(chan int)
	// The log is at warnings: an invalid file that only a reload reads again is reported there.
	go func() { exit <- run(ctx, []string{"watch", "--dir", dir, "--resync", "1h"}, nil, out.log, log) }()
	out.waitForLog(0, `\+ a/mlp_post_act`)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "b.toml"), []byte("x"), 0o644))
	require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGHUP))
	(&process{T: t, log: log}).waitForLog(0, "reloaded on SIGHUP with errors")
	cancel()
	assert.Equal(t, exitOK, <-exit)
}
