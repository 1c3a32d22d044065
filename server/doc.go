// Package server serves a registry over HTTP. [New] returns a handler, to be served alone
// or mounted in a larger server:
//
//	h := server.New(w, server.Options{CheckHealth: w.CheckHealth, Status: w.Status})
//	mux.Handle("/neurons/", http.StripPrefix("/neurons", h))
//
// # Routes
//
//	POST, GET /neuron_datasets_metadata         what the public neuron viewer asks for
//	GET /v1/datasets                            every dataset with all fields
//	GET /v1/datasets/{short_name}/{derived_scalar_type}
//	GET /v1/status                              the state of the registry and of each document
//	POST /-/reload                              reads everything again; responds once it is served
//	GET /healthz                                200 while the process responds
//	GET /readyz                                 200 once the datasets are loaded
//
// Fields are named in camelCase. An error is a JSON object with a code and a message.
//
// A server on a loopback address should set [Options.AllowedHosts].
//
// Each request is answered from one snapshot of the registry.
package server
