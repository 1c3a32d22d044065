package server

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxWait limits how long a client may wait for a change.
const maxWait = 5 * time.Minute

// defaultMaxStreams is what 0 means in [Options.MaxStreams].
const defaultMaxStreams = 10_000

var (
	errDraining = errors.New("server is stopping")
	errStreams  = errors.New("too many event streams and long polls are open; try again later")
)

// preferredWait returns the time of a header Prefer: wait=30, as RFC 7240 describes it, at
// most maxWait; 0 if there is none that is valid.
func preferredWait(r *http.Request) time.Duration {
	for _, header := range r.Header["Prefer"] {
		for preference := range strings.SplitSeq(header, ",") {
			preference, _, _ = strings.Cut(preference, ";")
			name, value, _ := strings.Cut(preference, "=")
			if !strings.EqualFold(strings.TrimSpace(name), "wait") {
				continue
			}
			seconds, err := strconv.ParseUint(strings.Trim(strings.TrimSpace(value), `"`), 10, 31)
			if err != nil {
				return 0
			}
			return min(time.Duration(seconds)*time.Second, maxWait)
		}
	}
	return 0
}

// await waits until the state differs from the client's, or the time is over, the
// client has left or the server stops. Function isSame reports whether it is, and returns a
// channel that is closed once the state may be another one. The time is up to a sixteenth
// longer, so that clients that began together do not return together.
func (h *Handler) await(w http.ResponseWriter, r *http.Request, wait time.Duration, isSame func() (<-chan struct{}, bool)) error {
	leave, err := h.enter(w)
	if err != nil {
		return err
	}
	defer leave()
	w.Header().Set("Preference-Applied", fmt.Sprintf("wait=%d", wait/time.Second))
	wait += rand.N(wait/16 + 1)
	extendDeadlines(w, wait+maxWait)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		changed, same := isSame()
		if !same {
			return nil
		}
		select {
		case <-changed:
		case <-timer.C:
			return nil
		case <-r.Context().Done():
			return nil
		case <-h.drained:
			return nil
		}
	}
}

// enter admits a request that waits for changes. The caller calls leave at its end.
func (h *Handler) enter(w http.ResponseWriter) (leave func(), err error) {
	if h.waiting.Add(1) > int64(h.options.MaxStreams) {
		err = errStreams
	} else if !h.follow() {
		err = errDraining
	}
	if err != nil {
		h.waiting.Add(-1)
		w.Header().Set("Retry-After", strconv.Itoa(2+rand.IntN(4)))
		return nil, err
	}
	return func() { h.waiting.Add(-1) }, nil
}
