package server

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"
)

// The timeouts of the upstream. Its answers are computed by a model, which takes a while.
const (
	upstreamDialTimeout   = 5 * time.Second
	upstreamHeaderTimeout = 2 * time.Minute
	upstreamTimeout       = 10 * time.Minute
)

// newUpstream returns a handler that passes requests on to another server, and streams the
// bodies of both directions.
func (h *Handler) newUpstream(target *url.URL) http.Handler {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DialContext = (&net.Dialer{Timeout: upstreamDialTimeout, KeepAlive: 30 * time.Second}).DialContext
	transport.ResponseHeaderTimeout = upstreamHeaderTimeout
	transport.Proxy = nil // the address is meant as it is
	proxy := &httputil.ReverseProxy{
		Transport:     transport,
		FlushInterval: -1,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.SetXForwarded()
		},
		ModifyResponse: func(r *http.Response) error {
			// The origins that may read are for this server to say.
			for name := range r.Header {
				if strings.HasPrefix(name, "Access-Control-") {
					r.Header.Del(name)
				}
			}
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if errors.Is(err, context.Canceled) {
				panic(http.ErrAbortHandler) // the client has left
			}
			h.options.Log.WarnContext(r.Context(), "cannot reach the upstream", "path", r.URL.Path, "err", err)
			writeMessage(w, http.StatusBadGateway, "the activation server does not answer; see the log of the server")
		},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodGet, http.MethodHead, http.MethodPost:
		default:
			w.Header().Set("Allow", "GET, HEAD, POST")
			writeMessage(w, http.StatusMethodNotAllowed, errMethod.Error()+": "+r.Method+" "+r.URL.Path+"; use GET, HEAD, POST")
			return
		}
		// The timeouts of the server are for answers that are at hand.
		extendDeadlines(w, upstreamTimeout)
		ctx, cancel := context.WithTimeout(r.Context(), upstreamTimeout)
		defer cancel()
		r = r.WithContext(ctx)
		if rewrite := h.options.RewriteUpstream; rewrite != nil && r.Method == http.MethodPost {
			if err := rewriteBody(r, rewrite); err != nil {
				writeMessage(w, http.StatusBadRequest, "cannot read the body: "+err.Error())
				return
			}
		}
		proxy.ServeHTTP(w, r)
	})
}

// maxRewritten is the length up to which a body is rewritten, in bytes. Longer ones are passed on
// as they are.
const maxRewritten = 1 << 20

// rewriteBody replaces the body of a request that is to be passed on.
func rewriteBody(r *http.Request, rewrite func([]byte) []byte) error {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRewritten+1))
	if err != nil {
		return err
	}
	if len(body) > maxRewritten {
		r.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(body), r.Body), r.Body}
		return nil
	}
	body = rewrite(body)
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return nil
}

// extendDeadlines lets a request last longer than the timeouts of the server, if the
// connection can do so.
func extendDeadlines(w http.ResponseWriter, d time.Duration) {
	rc, until := http.NewResponseController(w), time.Now().Add(d)
	_ = rc.SetReadDeadline(until)
	_ = rc.SetWriteDeadline(until)
}
