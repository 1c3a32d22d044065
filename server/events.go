package server

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	random "math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/neurondex/neurondex/internal/changes"
	"github.com/neurondex/neurondex/registry"
)

const (
	heartbeatInterval = 15 * time.Second
	// eventTimeout is how long the connection of a stream may take no data.
	eventTimeout = 10 * time.Second
)

// NewEpoch returns a random epoch: see [Options].
func NewEpoch() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // it never fails
	return hex.EncodeToString(b[:])
}

// events responds with a stream of Server-Sent Events: the state, and then every change. Each
// stream holds a position in the log of changes, and no events, so that a slow client does not
// cost memory.
//
//	curl -N http://127.0.0.1:8000/v1/events
func (h *Handler) events(w http.ResponseWriter, r *http.Request) {
	leave, err := h.enter(w)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	defer leave()
	header := w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no") // for proxies that would hold events back
	header.Set("X-Content-Type-Options", "nosniff")
	if r.Method == http.MethodHead {
		return
	}
	h.streams.Add(1)
	defer h.streams.Add(-1)
	s := &stream{handler: h, log: h.feed.log, w: w, rc: http.NewResponseController(w)}
	_ = s.rc.SetReadDeadline(time.Time{}) // or the connection ends with the timeout for requests
	s.run(r)
}

// A stream is the response to one client.
type stream struct {
	handler *Handler
	log     *changes.Log
	w       http.ResponseWriter
	rc      *http.ResponseController
	at      changes.Position
	err     error // of writing; nothing is written after it
}

func (s *stream) run(r *http.Request) {
	s.retry()
	s.start(r.Header.Get("Last-Event-ID"))
	heartbeat := time.NewTicker(heartbeatInterval)
	defer heartbeat.Stop()
	for s.err == nil {
		e, more, ok := s.log.Next(s.at)
		switch {
		case !ok:
			s.reset("the client is too slow; events were dropped")
			continue // or end, if the connection failed
		case e != nil:
			s.at++
			s.send(e.Generation, e.JSON)
			continue
		}
		select {
		case <-more:
		case <-heartbeat.C:
			s.write(": heartbeat\n\n")
		case <-r.Context().Done():
			return
		case <-s.handler.drained:
			s.retry()
			s.write("data: " + `{"type":"bye","reason":"the server is stopping"}` + "\n\n")
			return
		}
	}
}

// start sets the position after the last event that the client has, or sends the state.
func (s *stream) start(lastEventID string) {
	if lastEventID == "" {
		s.snapshot()
		return
	}
	epoch, number, _ := strings.Cut(lastEventID, ".")
	generation, err := strconv.ParseUint(number, 10, 64)
	if epoch != s.handler.epoch || err != nil {
		s.reset("the last event is of another process")
		return
	}
	at, ok := s.log.At(generation)
	if !ok {
		s.reset("the last event is too old")
		return
	}
	s.at = at
}

// reset tells the client that it has missed events, and sends the state.
func (s *stream) reset(reason string) {
	s.write(fmt.Sprintf("data: {\"type\":\"reset\",\"reason\":%q}\n\n", reason))
	s.snapshot()
}

// snapshot sends the state after the last change of the log.
func (s *stream) snapshot() {
	latest, at := s.log.Latest()
	s.at = at
	event := s.handler.snapshotEvent(latest)
	s.send(latest.Generation(), event)
}

// send sends an event that a client can resume after.
func (s *stream) send(generation uint64, data []byte) {
	if s.err != nil {
		return
	}
	_ = s.rc.SetWriteDeadline(time.Now().Add(eventTimeout)) // if the connection can
	_, s.err = fmt.Fprintf(s.w, "id: %s.%d\ndata: %s\n\n", s.handler.epoch, generation, data)
	s.flush()
}

// retry says when to connect again, differently to each client, so that they do not all
// return at once.
func (s *stream) retry() { s.write(fmt.Sprintf("retry: %d\n\n", 2000+random.IntN(3000))) }

// write sends text that is no event to resume after.
func (s *stream) write(text string) {
	if s.err != nil {
		return
	}
	_ = s.rc.SetWriteDeadline(time.Now().Add(eventTimeout))
	_, s.err = s.w.Write([]byte(text))
	s.flush()
}

func (s *stream) flush() {
	if s.err == nil {
		s.err = s.rc.Flush()
	}
}

// snapshotEvent returns the event of a state, which most streams share.
func (h *Handler) snapshotEvent(s *registry.Snapshot) []byte {
	if st := h.state(); st.snapshot == s {
		return st.event()
	}
	return snapshotEvent(s)
}
