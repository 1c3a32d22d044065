// Package registry keeps track of which neuron datasets exist. A neuron dataset holds,
// for each unit of a language model, the texts that activate it most. There is one for
// each model and kind of scalar, and each is stored at a URL or path.
//
// The central type is [Registry]. It holds the current [Snapshot], an immutable state
// of all datasets. A server takes one snapshot per request and answers the whole
// request from it:
//
//	dataset, err := reg.Snapshot().Get("gpt2-small", registry.MLPPostAct)
//	if err != nil {
//		return err // lists the available datasets
//	}
//	fmt.Println(dataset.NeuronDatasetPath())
//
// Datasets are added as plain structs, [Spec], grouped into documents, and are read
// through [Dataset], an immutable view:
//
//	_, err := reg.Apply(registry.Change{
//		Put: []registry.Document{{Name: "gpt2.toml", Datasets: specs}},
//	})
//
// Documents are ordered by name. Where two of them define the same [Key], the later one
// wins, and the earlier one takes its place again when the later one is removed.
//
// # Concurrency
//
// All types are safe for use by several goroutines. Readers take no locks and never
// wait; changes are serialized. To follow changes, range over [Registry.Updates]: a slow
// consumer skips states, but never the last one, and delays nobody.
//
// Code that only reads should accept a [Reader].
//
// # Non-goals
//
// The package reads no files and knows no file formats: see package config. It does not
// follow changes on disk: see package watcher. It imports only the standard library.
package registry
