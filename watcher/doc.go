// Package watcher keeps a registry in step with a source of dataset files, such as a
// directory:
//
//	w, err := watcher.Open(ctx, "/etc/neurondex")
//	if err != nil {
//		return err
//	}
//	defer w.Close()
//	snapshot := w.Snapshot() // once per request
//
// [Open] follows a directory with the defaults, [Follow] any [source.Source]. A [*Watcher]
// is a [registry.Reader]: only the watcher changes the registry.
//
// # Contract
//
// docs/reloading.md has the details.
//
//   - Never torn: no snapshot holds datasets of a partly written file, provided that the
//     writer does not pause for longer than the settle time, or that the system tells who
//     has files open for writing (Linux; to the owner of the file, and to root).
//   - Never missed: two seconds after the last change the registry equals a fresh load. What
//     the system keeps silent about (an event lost without an error, a file written through
//     a memory map) is found by the next resync.
//   - Never lost: an invalid or unreadable document keeps its last good datasets. Only a
//     document that its source reports as removed is removed.
//   - Never blocked: a document that keeps changing delays the others for the maximal
//     delay at most. Readers and subscribers delay nothing; a log handler that blocks
//     delays reloads, but neither readers nor health checks.
//   - All or nothing: documents that change together become visible together, if they
//     settle within the maximal delay. The swap of a link is always one change.
//   - Quiet: content that is written again unchanged is not a reload.
//   - Gapless: [Watcher.Updates] yields each state against the one it yielded before.
//   - [Watcher.Sync] is a barrier: when it returns nil, the registry reflects the source as
//     of the call.
//
// # Goroutines
//
// A Watcher has one goroutine, which calls the source. It ends with the context or with
// [Watcher.Close], after closing the source; [Watcher.Done] is closed then. Methods are
// safe for concurrent use. Log handlers are called by that goroutine, with no lock held.
package watcher
