package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/watcher"
	"golang.org/x/sys/unix"
)

// A fake is a small server that speaks as much of the protocol as the clients need, and has a
// fault. It shows that the load finds faults.
type fake struct {
	fault string
	epoch string
	w     *watcher.Watcher

	mu      sync.Mutex
	changes []registry.Update
	more    chan struct{} // closed, and replaced, by the next change
	streams int
}

// fakeMain is the main function of the fake.
func fakeMain(fault string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	dir, address := flags.String("dir", "", ""), flags.String("listen", "", "")
	flags.Bool("builtin", false, "")
	if err := flags.Parse(os.Args[2:]); err != nil {
		return err
	}
	w, err := watcher.Open(ctx, *dir)
	if err != nil {
		return err
	}
	defer w.Close()
	f := &fake{fault: fault, epoch: fmt.Sprint(os.Getpid()), w: w, more: make(chan struct{})}
	go func() {
		for u := range w.Updates(ctx) {
			f.mu.Lock()
			f.changes = append(f.changes, u)
			close(f.more)
			f.more = make(chan struct{})
			f.mu.Unlock()
		}
	}()
	mux := http.NewServeMux()
	mux.HandleFunc("/readyz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/v1/status", func(rw http.ResponseWriter, _ *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		fmt.Fprintf(rw, `{"hash":"%v","streams":%d}`, w.Snapshot().Hash(), f.streams)
	})
	mux.HandleFunc("/v1/events", f.events)
	mux.HandleFunc("/v1/datasets", f.list)
	l, err := (&net.ListenConfig{Control: f.control}).Listen(ctx, "tcp", *address)
	if err != nil {
		return err
	}
	s := &http.Server{Handler: mux, BaseContext: func(net.Listener) context.Context { return ctx }}
	context.AfterFunc(ctx, func() { _ = s.Close() })
	_ = s.Serve(l)
	return nil
}

// events sends a snapshot and then each change. Its fault concerns the fifth one.
func (f *fake) events(w http.ResponseWriter, r *http.Request) {
	defer f.count(1)()
	f.mu.Lock()
	s := f.w.Snapshot()
	next := len(f.changes)
	for next > 0 && f.changes[next-1].After.Generation() > s.Generation() {
		next--
	}
	f.mu.Unlock()
	send := func(generation uint64, format string, args ...any) {
		fmt.Fprintf(w, "id: %s.%d\ndata: "+format+"\n\n", append([]any{f.epoch, generation}, args...)...)
	}
	io.WriteString(w, "retry: 100\n\n")
	if r.Header.Get("Last-Event-ID") != "" {
		send(s.Generation(), `{"type":"reset"}`)
	}
	send(s.Generation(), `{"type":"snapshot","hash":"%v"}`, s.Hash())
	last := s.Generation()
	for sent := 0; ; {
		if http.NewResponseController(w).Flush() != nil {
			return
		}
		f.mu.Lock()
		changes, more := f.changes[next:], f.more
		next = len(f.changes)
		f.mu.Unlock()
		for _, u := range changes {
			if u.After.Generation() <= last {
				continue
			}
			sent++
			if sent == 5 && f.fault == "drop" {
				continue
			}
			before := u.Before.Hash()
			if sent == 5 && f.fault == "chain" {
				before = u.After.Hash()
			}
			send(u.After.Generation(), `{"type":"change","before":"%v","after":"%v"}`, before, u.After.Hash())
			if sent == 5 && f.fault == "twice" {
				send(u.After.Generation(), `{"type":"change","before":"%v","after":"%v"}`, before, u.After.Hash())
			}
		}
		if len(changes) > 0 {
			continue
		}
		select {
		case <-r.Context().Done():
			return
		case <-more:
		case <-time.After(100 * time.Millisecond):
			io.WriteString(w, ": heartbeat\n\n")
		}
	}
}

// count counts a stream until the returned function is called.
func (f *fake) count(n int) func() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.streams += n
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.streams -= n
	}
}

// list answers at once, or when there is another tag.
func (f *fake) list(w http.ResponseWriter, r *http.Request) {
	wait := time.After(5 * time.Second)
	for {
		f.mu.Lock()
		more := f.more
		f.mu.Unlock()
		tag := fmt.Sprintf("%q", f.w.Snapshot().Hash())
		if f.fault == "asleep" && r.Header.Get("If-None-Match") != "" {
			more = nil
		} else if r.Header.Get("If-None-Match") != tag {
			w.Header().Set("ETag", tag)
			io.WriteString(w, `[{"shortName":"a"}]`)
			return
		}
		select {
		case <-more:
		case <-wait:
			w.WriteHeader(http.StatusNotModified)
			return
		case <-r.Context().Done():
			return
		}
	}
}

// control makes connections time out whose peers acknowledge nothing, unless that is the fault.
func (f *fake) control(_, _ string, c syscall.RawConn) (err error) {
	if f.fault == "vanished" {
		return nil
	}
	_ = c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, 500) })
	return err
}
