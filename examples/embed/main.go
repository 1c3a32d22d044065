// Command embed is a server of somebody else's that embeds neurondex: it looks datasets
// up in handlers of its own, and mounts the whole API under /neurons/.
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"

	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/server"
	"github.com/neurondex/neurondex/watcher"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, "examples/datasets", "127.0.0.1:8080")
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, dir, addr string) error {
	w, err := watcher.Open(ctx, dir)
	if err != nil {
		return err
	}
	s := &http.Server{Addr: addr, Handler: newHandler(w)}
	context.AfterFunc(ctx, func() { _ = s.Close() })
	if err := s.ListenAndServe(); ctx.Err() == nil {
		return err
	}
	<-w.Done()
	return nil
}

func newHandler(w *watcher.Watcher) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /path/{model}", func(rw http.ResponseWriter, r *http.Request) {
		d, err := w.Registry().Snapshot().Get(r.PathValue("model"), registry.MLPPostAct)
		if err != nil {
			http.Error(rw, err.Error(), http.StatusNotFound)
			return
		}
		fmt.Fprintln(rw, d.NeuronDatasetPath())
	})
	mux.Handle("/neurons/", http.StripPrefix("/neurons", server.New(w.Registry(), server.Options{Status: w.Status})))
	return mux
}
