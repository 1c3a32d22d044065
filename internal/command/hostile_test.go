//go:build unix

package command

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// memory returns how much memory a process has, in KiB.
func memory(t *testing.T, pid int) int {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Skip("this system has no /proc")
	}
	_, rest, _ := strings.Cut(string(data), "VmRSS:")
	n, err := strconv.Atoi(strings.Fields(rest)[0])
	require.NoError(t, err)
	return n
}

// zeros is a body of zeros without an end.
type zeros struct{}

// Read implements [io.Reader].
func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// TestServeHostileClients checks that a server answers others, and that its memory stays bounded,
// while clients do their worst.
func TestServeHostileClients(t *testing.T) {
	s, cmd := startProcess(t, "exec neurondex serve --listen 127.0.0.1:0")
	defer http.DefaultClient.CloseIdleConnections()
	addr := strings.TrimPrefix(s.url, "http://")
	dial := func() net.Conn {
		t.Helper()
		c, err := net.Dial("tcp", addr)
		require.NoError(t, err)
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	others := func() {
		t.Helper()
		code, _ := s.ask(http.MethodPost, "/neuron_datasets_metadata")
		assert.Equal(t, 200, code)
	}
	others()
	before := memory(t, cmd.Process.Pid)

	// Headers that do not end, and answers that nobody reads.
	for range 500 {
		_, err := io.WriteString(dial(), "GET /v1/datasets HTTP/1.1\r\nHost: localhost\r\nX-A: ")
		require.NoError(t, err)
		_, err = io.WriteString(dial(), strings.Repeat("GET /v1/datasets HTTP/1.1\r\nHost: localhost\r\n\r\n", 20))
		require.NoError(t, err)
	}
	others()

	// A body of 1 GiB, announced and not.
	for _, length := range []int64{1 << 30, -1} {
		r, err := http.NewRequest(http.MethodPost, s.url+"/neuron_datasets_metadata", io.LimitReader(zeros{}, 1<<30))
		require.NoError(t, err)
		r.ContentLength = length
		if resp, err := http.DefaultClient.Do(r); err == nil { // or the connection ends first
			_ = resp.Body.Close()
			assert.Contains(t, []int{200, 413}, resp.StatusCode)
		}
		others()
	}

	// 100,000 headers.
	c := dial()
	go func() {
		_, _ = io.WriteString(c, "GET /v1/datasets HTTP/1.1\r\nHost: localhost\r\n")
		for i := range 100_000 {
			if _, err := fmt.Fprintf(c, "X-%d: a\r\n", i); err != nil {
				return
			}
		}
		_, _ = io.WriteString(c, "\r\n")
	}()
	if resp, err := http.ReadResponse(bufio.NewReader(c), nil); err == nil { // or the connection is reset first
		_ = resp.Body.Close()
		assert.Equal(t, http.StatusRequestHeaderFieldsTooLarge, resp.StatusCode)
	}
	others()
	assert.Less(t, memory(t, cmd.Process.Pid)-before, 512<<10, "KiB; the race detector needs several times as much as a program without it")
}

// TestQueuedLogger checks that a log that is not read blocks nothing, and that the lines that
// were dropped are counted.
func TestQueuedLogger(t *testing.T) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	log, flush := newQueuedLogger(slog.New(slog.NewTextHandler(w, nil)))
	line := strings.Repeat("x", 1000)
	total := 2 * queuedLines
	for range total {
		log.With("a", 1).WithGroup("g").Info(line, "b", 2)
	}
	lines, dropped := 0, 0
	read := make(chan struct{})
	go func() {
		defer close(read)
		for s := bufio.NewScanner(r); s.Scan(); {
			n := 0
			_, message, _ := strings.Cut(s.Text(), "msg=")
			if _, err := fmt.Sscanf(message, `"log lines were dropped, as nothing read the log" lines=%d`, &n); err == nil {
				dropped += n
				continue
			}
			assert.True(t, strings.HasSuffix(s.Text(), "msg="+line+" a=1 g.b=2"))
			lines++
		}
	}()
	flush()
	w.Close()
	<-read
	assert.Positive(t, dropped)
	assert.Equal(t, total, lines+dropped)
}

// A stallingLog is a log whose reader stops reading.
type stallingLog struct {
	io.Writer
	stalled atomic.Bool
	resume  chan struct{} // closed when it reads again
}

// Write implements [io.Writer].
func (l *stallingLog) Write(p []byte) (int, error) {
	if l.stalled.Load() {
		<-l.resume
	}
	return l.Writer.Write(p)
}

// TestServeWithStalledLog checks that a server whose log nobody reads still answers and follows
// files.
func TestServeWithStalledLog(t *testing.T) {
	dir := t.TempDir()
	log := &stallingLog{resume: make(chan struct{})}
	s := startServerLogging(t, func(w io.Writer) io.Writer { log.Writer = w; return log }, "--access-log", "--dir", dir)
	log.stalled.Store(true)
	for range queuedLines + 100 {
		require.Equal(t, http.StatusOK, s.code(s.url+"/v1/status", ""))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.toml"), []byte(entry("a", "1")), 0o644))
	for s.names() != "a=1" {
	}
	log.stalled.Store(false)
	close(log.resume)
	s.waitForLog(0, "log lines were dropped.* lines=[1-9]")
}
