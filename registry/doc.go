// Package registry knows which neuron datasets exist. A neuron dataset holds, for
// each unit of a language model, the texts that activate it most; there is one per
// model and per kind of scalar, and it lies at a URL or path.
//
// A [Registry] is what a server keeps: it holds the current [Snapshot], and changes
// are applied to it. A reader takes the snapshot once per request and sees one
// consistent state for as long as it holds it:
//
//	snapshot := reg.Snapshot()
//	dataset, err := snapshot.Get("gpt2-small", registry.MLPPostAct)
//	if err != nil {
//		return err // lists the datasets that there are
//	}
//	fmt.Println(dataset.NeuronDatasetPath())
//
// What goes in is a plain struct, [Spec]. What comes out is a [Dataset], a view with
// no way to write: nothing that a reader is given can change what another sees.
//
// # Concurrency
//
// Everything here is safe for use by several goroutines. Readers take no lock and
// wait for nobody; changes wait for each other. Whoever wants to follow changes
// ranges over [Registry.Updates].
//
// # What it is not for
//
// It reads no files and knows no formats: package config does that, and package
// watcher keeps a registry in step with a directory. It imports the standard
// library only, and so does whoever only reads.
package registry
