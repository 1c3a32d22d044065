package server

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/watcher"
)

var errCrossOrigin = errors.New("pages of another origin cannot reload")

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
