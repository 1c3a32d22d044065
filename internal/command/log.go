package command

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	terminallog "charm.land/log/v2"
)

// newLogger returns a logger in the form of --log-format. On a terminal, text is for reading.
func (s *settings) newLogger(level slog.Level, w io.Writer) *slog.Logger {
	o := &slog.HandlerOptions{Level: level}
	switch {
	case s.GetString("log-format") == "json":
		return slog.New(slog.NewJSONHandler(w, o))
	case isTerminal(w):
		// It omits the colors if NO_COLOR is set, and escapes the values.
		return slog.New(terminallog.NewWithOptions(w, terminallog.Options{Level: terminallog.Level(level), ReportTimestamp: true, TimeFormat: time.DateTime}))
	default:
		return slog.New(slog.NewTextHandler(w, o))
	}
}

// The limits of the log of a server. The server never waits for the log to be written.
const (
	queuedLines  = 4096
	flushTimeout = time.Second // at the end
)

// A queuedHandler passes records on to a handler in a goroutine of its own. It drops those for
// which the queue has no room, and says how many.
type queuedHandler struct {
	slog.Handler
	queue *logQueue
}

type logQueue struct {
	records chan *queuedRecord // pointers: an empty queue takes little memory
	dropped atomic.Int64
	end     chan struct{} // closed to end the goroutine
	done    chan struct{} // closed by the goroutine when it has ended
}

type queuedRecord struct {
	handler slog.Handler
	record  slog.Record
}

// newQueuedLogger returns a logger that never blocks, and a function that ends its goroutine once
// everything is written, or after a second.
func newQueuedLogger(log *slog.Logger) (*slog.Logger, func()) {
	q := &logQueue{records: make(chan *queuedRecord, queuedLines), end: make(chan struct{}), done: make(chan struct{})}
	go q.run(log)
	return slog.New(queuedHandler{log.Handler(), q}), func() {
		close(q.end)
		select {
		case <-q.done:
		case <-time.After(flushTimeout):
		}
	}
}

func (q *logQueue) run(log *slog.Logger) {
	defer close(q.done)
	for {
		select {
		case r := <-q.records:
			q.write(r, log)
			continue
		default:
		}
		select {
		case r := <-q.records:
			q.write(r, log)
		case <-q.end:
			return // the queue is empty
		}
	}
}

func (q *logQueue) write(r *queuedRecord, log *slog.Logger) {
	_ = r.handler.Handle(context.Background(), r.record)
	if n := q.dropped.Swap(0); n > 0 {
		log.Warn("log lines were dropped, as nothing read the log", "lines", n)
	}
}

// Handle implements [slog.Handler].
func (h queuedHandler) Handle(_ context.Context, r slog.Record) error {
	select {
	case h.queue.records <- &queuedRecord{h.Handler, r.Clone()}:
	default:
		h.queue.dropped.Add(1)
	}
	return nil
}

// WithAttrs implements [slog.Handler].
func (h queuedHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return queuedHandler{h.Handler.WithAttrs(attrs), h.queue}
}

// WithGroup implements [slog.Handler].
func (h queuedHandler) WithGroup(name string) slog.Handler {
	return queuedHandler{h.Handler.WithGroup(name), h.queue}
}

// warnings is a handler that passes on warnings and errors only.
type warnings struct{ slog.Handler }

// Enabled implements [slog.Handler].
func (h warnings) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && h.Handler.Enabled(ctx, level)
}

// logAccess logs a request, unless it asks for the health of the server.
func logAccess(log *slog.Logger, r *http.Request, route string, status int, elapsed time.Duration) {
	if isHealth(r.URL.Path) {
		return
	}
	remote := r.RemoteAddr
	if host, _, err := net.SplitHostPort(remote); err == nil {
		remote = host
	}
	log.Info("request", "method", truncate(r.Method), "path", truncate(r.URL.RequestURI()), "route", route,
		"status", status, "seconds", elapsed.Round(time.Microsecond).Seconds(), "remote", remote, "agent", truncate(r.UserAgent()))
}

// maxLogged is the length to which what a client sends is logged, in bytes.
const maxLogged = 512

func truncate(s string) string {
	if len(s) > maxLogged {
		return s[:maxLogged] + "…"
	}
	return s
}
