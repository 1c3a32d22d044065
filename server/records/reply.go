package records

import (
	"bytes"
	"net/http"
	"strconv"
)

// A reply sends an answer to a client. It holds what is not large until the answer is complete:
// no client, however slow, then keeps a record in memory. Of those with a large one there are few.
type reply struct {
	w     http.ResponseWriter
	held  bytes.Buffer
	large chan struct{} // taken once anything is sent before the end
	sent  bool
}

// Write implements [io.Writer].
func (r *reply) Write(p []byte) (int, error) {
	if !r.sent {
		if r.held.Len()+len(p) <= maxHeld {
			return r.held.Write(p)
		}
		select {
		case r.large <- struct{}{}:
		default:
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

// finish sends what is held. Of a client that has left, nothing more is to be done.
func (r *reply) finish(status int) {
	if r.sent {
		return
	}
	if status == http.StatusServiceUnavailable {
		r.w.Header().Set("Retry-After", "10")
	}
	r.w.Header().Set("Content-Length", strconv.Itoa(r.held.Len()))
	r.w.WriteHeader(status)
	_, _ = r.w.Write(r.held.Bytes())
}

func (r *reply) close() {
	if r.sent {
		<-r.large
	}
}
