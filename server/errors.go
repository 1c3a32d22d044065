package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/watcher"
)

var (
	errCrossOrigin = errors.New("pages of another origin cannot reload")
	errHost        = errors.New("host is not allowed")
	errNoRoute     = errors.New("no such route")
	errMethod      = errors.New("method not allowed")
	errDraining    = errors.New("server is stopping")
)

// errorCodes maps errors to codes and HTTP statuses. The first match counts.
var errorCodes = []struct {
	err    error
	code   string
	status int
}{
	{registry.ErrNotFound, "not_found", http.StatusNotFound},
	{watcher.ErrNotReady, "not_ready", http.StatusServiceUnavailable},
	{context.DeadlineExceeded, "pending", http.StatusGatewayTimeout}, // comes with the documents that are pending
	{watcher.ErrSource, "source_unavailable", http.StatusServiceUnavailable},
	{watcher.ErrStale, "stale", http.StatusUnprocessableEntity},
	{watcher.ErrShrink, "held", http.StatusConflict},
	{watcher.ErrClosed, "closed", http.StatusServiceUnavailable},
	{errCrossOrigin, "cross_origin", http.StatusForbidden},
	{errHost, "host_not_allowed", http.StatusMisdirectedRequest},
	{errNoRoute, "no_route", http.StatusNotFound},
	{errMethod, "method_not_allowed", http.StatusMethodNotAllowed},
	{errDraining, "draining", http.StatusServiceUnavailable},
}

func writeError(w http.ResponseWriter, err error) {
	code, status := "internal", http.StatusInternalServerError
	for _, e := range errorCodes {
		if errors.Is(err, e.err) {
			code, status = e.code, e.status
			break
		}
	}
	b, _ := json.Marshal(struct { // strings always marshal
		Code    string `json:"code"`
		Message string `json:"message"`
	}{code, err.Error()})
	writeJSON(w, status, append(b, '\n'))
}

func writeJSON(w http.ResponseWriter, status int, b []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(b) // a client that has left needs no response
}

// route answers as mux does, with its errors as JSON.
func route(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, pattern := mux.Handler(r)
		if pattern == "" { // no route, another method, or a path to clean
			refused := &refusal{ResponseWriter: w}
			h.ServeHTTP(refused, r)
			switch refused.status {
			case http.StatusNotFound:
				writeError(w, fmt.Errorf("%w: %s", errNoRoute, r.URL.Path))
				return
			case http.StatusMethodNotAllowed:
				writeError(w, fmt.Errorf("%w: %s %s; use %s", errMethod, r.Method, r.URL.Path, w.Header().Get("Allow")))
				return
			}
		}
		mux.ServeHTTP(w, r)
	})
}

// A refusal takes the status and the headers of a response, and drops its body.
type refusal struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements [http.ResponseWriter].
func (r *refusal) WriteHeader(status int) { r.status = status }

// Write implements [http.ResponseWriter].
func (r *refusal) Write(p []byte) (int, error) { return len(p), nil }
