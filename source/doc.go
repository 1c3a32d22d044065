// Package source is the seam between what stores documents and what serves their datasets.
//
// A [Source] delivers named documents: first all of them, then every change. It knows
// bytes and names; it does not know what a dataset is. Package watcher follows one:
//
//	w, err := watcher.Follow(ctx, &dir.Dir{Path: "/etc/neurondex", Polling: true})
//
// Package dir holds the source of a directory. [Join] makes one source of several. Package
// sourcetest holds the conformance suite that every implementation should pass.
//
// The package imports the standard library only.
package source
