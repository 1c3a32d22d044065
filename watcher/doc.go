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
// # The contract
//
//   - Never torn. No snapshot holds datasets of a half-written file. A file that is written
//     in place is read once its content has been still for the settle time, by its
//     modification time, and only if its size, times and identity are the same before and
//     after. What a rename or the swap of a link puts in place is whole, and taken at once,
//     where the system tells what it was (of a file that is moved in from a directory that
//     nobody watches, its modification time decides). A file that held datasets and is
//     empty now keeps its last good ones: to withdraw them, delete it, or write an empty list.
//   - Never missed. Once the file system has been quiet for two seconds, the registry equals
//     a fresh load, whatever was lost before. Notices only say when and where to look: after
//     a lost one, and where a watch no longer stands on what its path leads to, everything is
//     looked at; so it is on a clock (resync), and each second where the system cannot tell.
//   - Never lost. A bad file keeps its last good datasets. What cannot be looked at, listed or
//     read is not gone: only the listing of a directory that does not name a file removes
//     it. A directory that vanishes, or that an unmount leaves empty, keeps everything, and
//     is followed again when it is back. [WithMaxShrink] holds back a change that removes
//     too much at once.
//   - Never stuck. A file that is written to without pause keeps its last good datasets, is
//     reported as busy, and holds up nothing else for longer than the maximal delay. Neither
//     does a storm of changes, a pipe, an unreadable directory, or a subscriber that is slow.
//   - All or nothing. What changes together becomes visible together, as far as it comes to
//     rest within the maximal delay, and a dataset that moves from one file to another is
//     absent from no snapshot. The swap of a link, to a directory or of a ..data link as
//     Kubernetes does it, is one change: no snapshot mixes what was before with what came
//     after, even if the former is deleted right behind.
//   - Links to files and directories are followed, wherever they lead unless
//     [WithConfinement] is given, and so is what changes behind them.
//   - Quiet. The same bytes written again, a touch, another mode: no new generation, and
//     nothing parsed. A change that leaves size and modification time as they were is seen
//     all the same.
//   - Gapless. A subscriber of [registry.Registry.Updates] gets each change against the very
//     state that it was given last, whatever it skipped.
//   - [Watcher.Sync] is a barrier. When it returns nil, the registry reflects the source as it
//     stood when Sync was called; or its error says which documents do not, and why.
//
// What the system tells of, and what is seen within a second all the same: changes of a file
// behind a link or under another of its names, a link above the directory that leads
// elsewhere, a directory that is mounted over. What only the resync sees: a file that is
// written through a memory map.
//
// # The flow
//
// A [Source] delivers documents. The loop of a [Watcher] parses what it delivers, puts
// aside what is bad, applies the rest to the registry in one change, and reports. A
// Source knows nothing of datasets, the loop nothing of files. [Dir] is the Source of a
// directory; package watchertest holds what every Source is to pass.
//
// # Goroutines
//
// A Watcher has one of its own, which calls the Source and ends with the context; a Dir has
// one that takes notices off the system, and ends with Close. [Watcher.Done] is closed when
// both have.
package watcher
