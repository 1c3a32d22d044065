package records

import (
	"bytes"
	"net/http"
	"strconv"

	"golang.org/x/sync/semaphore"
)

// A reply sends an answer to a client. A small answer is buffered until it is complete, so that
// the record is not in memory while a slow client reads. The number of large answers is limited.
type reply struct {
	w     http.ResponseWriter
	held  bytes.Buffer
	large *semaphore.Weighted // acquired when an answer exceeds the buffer
	sent  bool
}

// Write implements [io.Writer].
func (r *reply) Write(p []byte) (int, error) {
	if !r.sent {
		if r.held.Len()+len(p) <= maxHeld {
			return r.held.Write(p)
		}
		if !r.large.TryAcquire(1) {
			return 0, failed(http.StatusServiceUnavailable, "too many large records are being sent; try again later")
		}
		r.sent = true
		_, err := r.w.Write(r.held.Bytes())
		r.held = bytes.Buffer{}
		if err != nil {
			return 0, err
		}
	}
	return r.w.Write(p)
}

// finish sends the buffered answer, if it is not sent yet.
func (r *reply) finish(status int) {
	if r.sent {
		return
	}
	if status == http.StatusServiceUnavailable {
		r.w.Header().Set("Retry-After", "10")
	}
	r.w.Header().Set("Content-Length", strconv.Itoa(r.held.Len()))
	r.w.WriteHeader(status)
	_, _ = r.w.Write(r.held.Bytes()) // a client that has left needs no response
}

func (r *reply) close() {
	if r.sent {
		r.large.Release(1)
	}
}
