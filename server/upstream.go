package server

import (
	"context"
	"errors"
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
			if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
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
		proxy.ServeHTTP(w, r.WithContext(ctx))
	})
}

// extendDeadlines lets a request last longer than the timeouts of the server, if the
// connection can do so.
func extendDeadlines(w http.ResponseWriter, d time.Duration) {
	rc, until := http.NewResponseController(w), time.Now().Add(d)
	_ = rc.SetReadDeadline(until)
	_ = rc.SetWriteDeadline(until)
}
