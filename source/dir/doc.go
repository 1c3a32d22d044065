// Package dir is the [source.Source] of a directory. A [Dir] follows the dataset files
// below a directory through the events of the system, and delivers each file once it has
// settled:
//
//	w, err := watcher.Follow(ctx, &dir.Dir{Path: "/etc/neurondex", Confined: true})
//
// # Steps
//
// A poll is a sequence of steps. Drain takes the events that came. Scope decides which
// names they, the timers and the pending files call for. Scan reads the metadata of these
// names, or of the whole tree. Compare notes what differs from what was delivered. Read
// reads the files that have settled. A second scan proves that nothing changed meanwhile,
// and commit delivers them.
//
// # Events
//
// Events come from inotify on Linux, kqueue on macOS and the BSDs, and
// ReadDirectoryChangesW on Windows; tests run on Linux only, the code of the others is
// type-checked. Events say where to look, never what happened: after a lost event, and
// periodically (Dir.Resync), the whole tree is scanned. Where there are no events (network
// and FUSE file systems, or no watch left), it is scanned every second.
package dir
