package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// A stream is a client of /v1/events that records all it sees, and connects again whenever
// its connection ends.
type stream struct {
	address string
	names   *names
	start   time.Time

	history []entry // for others once run has returned

	// For others at any time.
	last     atomic.Int32 // the state that it knows
	sessions atomic.Int32 // connections that brought one
	bytes    atomic.Int64
	conn     atomic.Pointer[net.TCPConn]
	failure  atomic.Pointer[error] // why the last connection ended, if any has

	isNew  bool // the connection, which has brought no state
	lastID string
	retry  time.Duration
}

// run follows the events until ctx is done.
func (s *stream) run(ctx context.Context) {
	s.retry = time.Second
	for ctx.Err() == nil {
		// The history says what the connection brought, and the checker whether that is enough.
		if err := s.connect(ctx); err != nil {
			s.failure.Store(&err)
		}
		pause := time.Duration((0.5 + rand.Float64()) * float64(s.retry))
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// connect follows the events of one connection until it ends.
func (s *stream) connect(ctx context.Context) error {
	dialer := net.Dialer{Timeout: 10 * time.Second, KeepAlive: -1} // the server finds out by itself
	c, err := dialer.DialContext(ctx, "tcp", s.address)
	if err != nil {
		return err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	s.conn.Store(c.(*net.TCPConn))
	s.isNew = true

	request := "GET /v1/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n"
	if s.lastID != "" {
		request += "Last-Event-ID: " + s.lastID + "\r\n"
	}
	if _, err := io.WriteString(c, request+"\r\n"); err != nil {
		return err
	}
	response, err := http.ReadResponse(bufio.NewReader(counter{c, &s.bytes}), nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("status %s", response.Status)
	}
	s.record(entry{kind: connected})
	defer s.record(entry{kind: disconnected})
	return s.read(response.Body)
}

// A counter counts the bytes of a connection.
type counter struct {
	net.Conn
	n *atomic.Int64
}

// Read implements [io.Reader].
func (c counter) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// read reads Server-Sent Events. Each field is on one line, and an empty line ends an event.
func (s *stream) read(r io.Reader) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 16<<20)
	var id, data []byte
	for lines.Scan() {
		line := lines.Bytes()
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(name) {
		case "id":
			id = append(id[:0], value...)
		case "data":
			data = append(append(data, value...), '\n')
		case "retry":
			if ms, err := strconv.Atoi(string(value)); err == nil {
				s.retry = time.Duration(ms) * time.Millisecond
			}
		}
		if len(line) == 0 && len(data) > 0 {
			if err := s.dispatch(id, data); err != nil {
				return err
			}
			data = data[:0]
		}
	}
	return lines.Err()
}

var kinds = map[string]kind{
	"snapshot": snapshotEvent, "change": changeEvent, "reset": resetEvent, "documents": documentsEvent, "bye": byeEvent,
}

func (s *stream) dispatch(id, data []byte) error {
	var event struct{ Type, Hash, Before, After string }
	if err := json.Unmarshal(data, &event); err != nil {
		return err
	}
	e := entry{before: s.names.number([]byte(event.Before)), after: s.names.number([]byte(event.After + event.Hash))} // it has one of them
	var ok bool
	if e.kind, ok = kinds[event.Type]; !ok {
		return nil // of a later version
	}
	if dot := bytes.LastIndexByte(id, '.'); dot >= 0 {
		generation, err := strconv.ParseUint(string(id[dot+1:]), 10, 64)
		if err != nil {
			return err
		}
		s.lastID, e.epoch, e.generation = string(id), s.names.number(id[:dot]), generation
	}
	s.record(e)
	if e.kind == snapshotEvent || e.kind == changeEvent {
		s.last.Store(e.after)
		if s.isNew {
			s.isNew = false
			s.sessions.Add(1)
		}
	}
	return nil
}

func (s *stream) record(e entry) {
	e.at = time.Since(s.start)
	s.history = append(s.history, e)
}
