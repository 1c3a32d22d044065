// Package metrics describes a watcher, and the handler that serves it, to Prometheus:
//
//	m := metrics.New(w.Status)
//	h := server.New(w, server.Options{Observe: m.Observe})
//	m.CountStreams(h.Streams)
//	prometheus.MustRegister(m)
//
// The metrics of a reload have the names that Prometheus gives its own.
package metrics
