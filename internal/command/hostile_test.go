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
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// dial connects to the server without the limits of an HTTP client.
func (s *process) dial() net.Conn {
	s.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	require.NoError(s, err)
	s.Cleanup(func() { c.Close() })
	return c
}

// TestServeHostileClients checks that the server answers others while clients misbehave, and
// what these get.
func TestServeHostileClients(t *testing.T) {
	s := startServer(t)
	answer := func(c net.Conn) string {
		line, err := bufio.NewReader(c).ReadString('\n')
		if err != nil {
			return err.Error()
		}
		return strings.TrimSpace(line)
	}
	// Half a header, and no more.
	for range 100 {
		_, err := io.WriteString(s.dial(), "GET /v1/datasets HTTP/1.1\r\nHost: localhost\r\nX: ")
		require.NoError(t, err)
	}
	// A response that nobody reads.
	for range 100 {
		_, err := io.WriteString(s.dial(), strings.Repeat("GET /v1/datasets HTTP/1.1\r\nHost: localhost\r\n\r\n", 100))
		require.NoError(t, err)
	}
	assert.Equal(t, http.StatusOK, s.code(s.url+"/v1/datasets", ""))

	c := s.dial()
	_, err := io.WriteString(c, "POST /neuron_datasets_metadata HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1073741824\r\n\r\n")
	require.NoError(t, err)
	assert.Equal(t, "HTTP/1.1 413 Request Entity Too Large", answer(c), "a body of 1 GiB")

	c = s.dial()
	go func() {
		var b strings.Builder
		b.WriteString("GET /v1/datasets HTTP/1.1\r\nHost: localhost\r\n")
		for i := range 100_000 {
			fmt.Fprintf(&b, "X-%d: y\r\n", i)
		}
		_, _ = io.WriteString(c, b.String()+"\r\n") // the server closes the connection
	}()
	assert.Equal(t, "HTTP/1.1 431 Request Header Fields Too Large", answer(c), "100,000 headers")
	assert.Equal(t, http.StatusOK, s.code(s.url+"/v1/datasets", ""))
}

// TestQueuedLogger checks that a log which nobody reads holds up nobody, and that the lines which
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
