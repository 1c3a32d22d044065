package command

import (
	"net/http"
	"strings"
	"time"
)

// A gate holds requests until the datasets are loaded. Those for health are answered at once: a
// server that loads is alive. Those for releases are answered after earlyWait: two servers that
// follow each other would otherwise wait for each other and not detect the loop.
type gate struct {
	early   http.Handler // answers until then
	opened  chan struct{}
	handler http.Handler // set before opened is closed
}

// earlyWait is how long a request for releases waits.
const earlyWait = 2 * time.Second

func newGate(early http.Handler) *gate { return &gate{early: early, opened: make(chan struct{})} }

// open passes the requests that wait, and all later ones, to a handler.
func (g *gate) open(h http.Handler) {
	g.handler = h
	close(g.opened)
}

// ServeHTTP implements [http.Handler].
func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case <-g.opened:
	default:
		if !g.wait(w, r) {
			return
		}
	}
	g.handler.ServeHTTP(w, r)
}

// wait returns true once the gate is open, or false if the request has been answered or cancelled.
func (g *gate) wait(w http.ResponseWriter, r *http.Request) bool {
	if isHealth(r.URL.Path) {
		g.early.ServeHTTP(w, r)
		return false
	}
	rc := http.NewResponseController(w)
	_ = rc.SetReadDeadline(time.Time{}) // loading may take longer than the timeouts
	_ = rc.SetWriteDeadline(time.Time{})
	defer func() {
		_ = rc.SetReadDeadline(time.Now().Add(readTimeout))
		_ = rc.SetWriteDeadline(time.Now().Add(writeTimeout))
	}()
	var early <-chan time.Time
	if strings.HasPrefix(r.URL.Path, "/v1/releases") {
		early = time.After(earlyWait)
	}
	select {
	case <-g.opened:
		return true
	case <-early:
		g.early.ServeHTTP(w, r)
	case <-r.Context().Done():
	}
	return false
}
