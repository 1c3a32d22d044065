package server

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/neurondex/neurondex/internal/query"
	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/watcher"
)

// A problem is the body of an error, as RFC 9457 describes it. Its type is always that of
// problems which the status describes; what tells them apart is the code.
type problem struct {
	Type      string `json:"type" enum:"about:blank"`
	Title     string `json:"title" doc:"The text of the status."`
	Status    int    `json:"status"`
	Detail    string `json:"detail" doc:"What happened, where, and what to do."`
	Code      string `json:"code" doc:"What kind of error it is, for programs."`
	Parameter string `json:"parameter,omitempty" doc:"The query parameter that is wrong."`

	Closest []registry.Key `json:"closest,omitempty" doc:"The keys most like one that no dataset has, in order."`
}

// A message is the body of an error on the routes of the public neuron viewer.
type message struct {
	Message string `json:"message"`
}

// errorCodes maps errors to codes and HTTP statuses. The first match counts.
var errorCodes = []struct {
	err    error
	code   string
	status int
}{
	{registry.ErrNotFound, "not_found", http.StatusNotFound},
	{query.ErrGone, "cursor_gone", http.StatusGone},
	{errParameter, "invalid_parameter", http.StatusBadRequest},
	{errNoRoute, "no_route", http.StatusNotFound},
	{errNoModelInfo, "no_model_info", http.StatusNotFound},
	{errNoReleases, "no_releases", http.StatusNotFound},
	{errNoRelease, "no_release", http.StatusNotFound},
	{errNoBlob, "no_blob", http.StatusNotFound},
	{errBlob, "blob_unavailable", http.StatusServiceUnavailable},
	{errMethod, "method_not_allowed", http.StatusMethodNotAllowed},
	{errTooLarge, "body_too_large", http.StatusRequestEntityTooLarge},
	{errDraining, "draining", http.StatusServiceUnavailable},
	{errStreams, "too_many_streams", http.StatusServiceUnavailable},
	{watcher.ErrNotReady, "not_ready", http.StatusServiceUnavailable},
	{context.DeadlineExceeded, "pending", http.StatusGatewayTimeout}, // comes with the documents that are pending
	{watcher.ErrSource, "source_unavailable", http.StatusServiceUnavailable},
	{watcher.ErrStale, "stale", http.StatusUnprocessableEntity},
	{watcher.ErrShrink, "held", http.StatusConflict},
	{watcher.ErrClosed, "closed", http.StatusServiceUnavailable},
	{errCrossOrigin, "cross_origin", http.StatusForbidden},
	{errHost, "host_not_allowed", http.StatusMisdirectedRequest},
}

// fail responds with an error.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := problem{Type: "about:blank", Status: http.StatusInternalServerError, Code: "internal", Detail: h.text(err)}
	for _, e := range errorCodes {
		if errors.Is(err, e.err) {
			p.Code, p.Status = e.code, e.status
			break
		}
	}
	if isDropIn(r.URL.Path) {
		writeMessage(w, p.Status, p.Detail)
		return
	}
	p.Title = http.StatusText(p.Status)
	if invalid, ok := errors.AsType[*parameterError](err); ok {
		p.Parameter = invalid.name
	}
	if missing, ok := errors.AsType[*registry.NotFoundError](err); ok {
		p.Closest = missing.Closest()
	}
	b, _ := json.Marshal(p) // strings and numbers always marshal
	write(w, p.Status, problemType, append(b, '\n'))
}

func writeMessage(w http.ResponseWriter, status int, text string) {
	b, _ := json.Marshal(message{text})
	write(w, status, jsonType, append(b, '\n'))
}

func writeJSON(w http.ResponseWriter, b []byte) { write(w, http.StatusOK, jsonType, b) }

// The values of headers that many responses have. They are shared, and never changed.
var (
	jsonType       = []string{"application/json"}
	problemType    = []string{"application/problem+json"}
	noSniff        = []string{"nosniff"}
	noStore        = []string{"no-store"}
	noCache        = []string{"no-cache"}
	acceptEncoding = []string{"Accept-Encoding"}
	// originAndEncoding is one line where two would mean the same: nearly every response has both.
	originAndEncoding = []string{"Origin, Accept-Encoding"}
)

// write responds with a body that is not cached.
func write(w http.ResponseWriter, status int, contentType []string, b []byte) {
	header := w.Header()
	header["Content-Type"] = contentType
	header.Set("Content-Length", strconv.Itoa(len(b)))
	header["X-Content-Type-Options"] = noSniff
	if header["Cache-Control"] == nil {
		header["Cache-Control"] = noStore
	}
	w.WriteHeader(status)
	_, _ = w.Write(b) // a client that has left needs no response
}
