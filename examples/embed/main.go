// Command embed is a server that embeds neurondex: its own handlers look datasets up, and
// the whole API is mounted under /neurons/.
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
	w, err := watcher.Open(ctx, dir) // follows the files until ctx is done
	if err != nil {
		return err
	}
	defer w.Close()
	s := &http.Server{Addr: addr, Handler: newHandler(w)}
	context.AfterFunc(ctx, func() { _ = s.Close() })
	if err := s.ListenAndServe(); ctx.Err() == nil {
		return err
	}
	return nil
}

func newHandler(w *watcher.Watcher) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /path/{model}", func(rw http.ResponseWriter, r *http.Request) {
		d, err := w.Snapshot().Get(r.PathValue("model"), registry.MLPPostAct)
		if err != nil {
			http.Error(rw, err.Error(), http.StatusNotFound)
			return
		}
		fmt.Fprintln(rw, d.NeuronDatasetPath())
	})
	api := server.New(w, server.Options{
		AllowedHosts: []string{"localhost"}, // as it listens on loopback
		CheckHealth:  w.CheckHealth,
		Status:       w.Status,
	})
	mux.Handle("/neurons/", http.StripPrefix("/neurons", api))
	return mux
}
