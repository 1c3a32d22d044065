package server

import (
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"time"
)

// maxRequestBytes limits the body of a request, except what goes to the upstream.
const maxRequestBytes = 1 << 20

// ServeHTTP implements [http.Handler]. A panic is logged, and costs no more than its request.
func (h *Handler) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w := &response{ResponseWriter: rw}
	var start time.Time
	if h.options.Observe != nil {
		start = time.Now()
	}
	defer func() {
		p := recover()
		if p != nil && p != http.ErrAbortHandler { //nolint:errorlint // as net/http compares it
			h.options.Log.ErrorContext(r.Context(), "panic in a handler", "method", r.Method, "path", r.URL.Path, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			if w.status == 0 {
				for _, name := range []string{"Content-Encoding", "Content-Length", "ETag", "Preference-Applied"} {
					w.Header().Del(name)
				}
				h.fail(w, r, errInternal)
				p = nil
			} else {
				p = http.ErrAbortHandler // the client must see that the answer is incomplete
			}
		}
		if h.options.Observe != nil {
			if w.status == 0 {
				w.status = http.StatusOK
			}
			h.options.Observe(r, w.route, w.status, time.Since(start))
		}
		if p != nil {
			panic(p)
		}
	}()
	h.serve.ServeHTTP(w, r)
}

// A response remembers its status and its route.
type response struct {
	http.ResponseWriter
	status int // 0 until it is sent
	route  string
}

// WriteHeader implements [http.ResponseWriter].
func (w *response) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (w *response) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap lets an [http.ResponseController] reach the connection.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

var (
	errInternal = errors.New("internal error; see the log of the server")
	errTooLarge = fmt.Errorf("body exceeds the limit of %d bytes", maxRequestBytes)
)

// limitBody refuses a body that announces more than the limit, and reports whether the
// request may go on. Of any other body, no more than the limit can be read.
func (h *Handler) limitBody(w http.ResponseWriter, r *http.Request) bool {
	if r.ContentLength > maxRequestBytes {
		w.Header().Set("Connection", "close") // rather than read it
		h.fail(w, r, errTooLarge)
		return false
	}
	if r.ContentLength != 0 {
		r.Body = http.MaxBytesReader(w, r.Body, maxRequestBytes)
	}
	return true
}
