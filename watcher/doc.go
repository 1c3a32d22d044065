// Package watcher keeps a registry in step with a directory of dataset files:
//
//	w, err := watcher.Open(ctx, "/etc/neurondex")
//	if err != nil {
//		return err
//	}
//	reg := w.Registry() // follows the directory until ctx is done
//
// Cancelling the context is all the shutdown there is.
//
// # What to rely on
//
//   - A change of the files becomes visible to readers whole and at once.
//   - A file that is being written to is read once it has been still for a moment. What
//     changes together becomes visible together, as far as it comes to rest within a
//     second.
//   - A file that turns bad keeps its last good datasets in service. It is reported by
//     [Watcher.Status], and in the log, until it is good again or gone. So does a file that
//     turns empty: deleting it, or an explicit empty list, is how to withdraw datasets.
//   - A directory that goes away keeps all datasets in service, and is followed again
//     when it is back.
//   - Notifications of the file system only say when to look. What is served is what
//     looking finds, so a notification that is lost costs time, never the final state.
//
// # The flow
//
// A [Source] delivers documents. The loop of a [Watcher] parses what it delivers, puts
// aside what is bad, applies the rest to the registry in one change, and reports. A
// Source knows nothing of datasets, the loop nothing of files.
package watcher
