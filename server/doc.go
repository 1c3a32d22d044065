// Package server answers over HTTP which neuron datasets there are: [New] makes a
// handler of a registry, to be served alone or mounted in a larger server.
//
//	mux.Handle("/neurons/", http.StripPrefix("/neurons", server.New(reg, server.Options{})))
//
// # Routes
//
//	POST, GET /neuron_datasets_metadata         what the public neuron viewer asks for
//	GET /v1/datasets                            every dataset, all fields
//	GET /v1/datasets/{short_name}/{derived_scalar_type}
//	GET /v1/status                              how the registry and each document stand
//	POST /-/reload                              read everything again, and say when it is served
//	GET /healthz                                200 as long as the process answers
//	GET /readyz                                 200 once the datasets are loaded
//
// Fields are named in camelCase. An error is a JSON object with a code and a message.
//
// Each request is answered from one snapshot of the registry.
package server
