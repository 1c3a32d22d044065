// Package server serves a registry over HTTP. [New] returns a handler, to be served alone
// or mounted in a larger server:
//
//	h := server.New(w, server.Options{CheckHealth: w.CheckHealth, Status: w.Status})
//	defer h.Drain()
//	mux.Handle("/neurons/", http.StripPrefix("/neurons", h))
//
// # Routes
//
//	POST, GET /neuron_datasets_metadata         what the public neuron viewer asks for
//	POST, GET /model_info                       what is known of the model, or 404
//	GET /v1/datasets                            every dataset with all fields, or a page of some
//	GET /v1/datasets/{short_name}               every dataset of a short name
//	GET /v1/datasets/{short_name}/{derived_scalar_type}
//	GET /v1/dataset?short_name=&derived_scalar_type=
//	GET /v1/resolve?dataset=&derived_scalar_type=
//	GET /v1/lookup?path=                        every dataset that has a path
//	GET /v1/types                               the known kinds of scalar
//	GET /v1/status                              the state of the registry and of each document
//	GET /v1/events                              every change, as Server-Sent Events
//	POST /-/reload                              reads everything again; responds once it is served
//	GET /healthz                                200 while the process responds
//	GET /readyz                                 200 once the datasets are loaded, until Drain
//	GET /openapi.json, /docs                    the description of all of them
//	GET /, /datasets/..., /documents, /changes, /assets/...
//	                                            the pages of [Options.Page], for people
//
// Fields are named in camelCase. An error is a problem as RFC 9457 describes it, with a code
// for programs; on the first two routes it is an object with a message. With
// [Options.Upstream], what has no route is answered by an activation server.
//
// Each request is answered from one snapshot of the registry. What a list holds, its tag
// (ETag) and its cursors depend on the content alone: they are equal on every replica, and
// after a restart. With If-None-Match and Prefer: wait=30, GET /v1/datasets waits for other
// content. The ids of events, in contrast, are those of one handler.
//
// A server on a loopback address should set [Options.AllowedHosts], and any server
// [ConnContext].
package server
