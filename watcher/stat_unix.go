//go:build unix

package watcher

import (
	"io/fs"
	"syscall"
)

// identity returns what tells a file or directory from every other one of the machine.
func identity(info fs.FileInfo) (id fileID, ok bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fileID{}, false
	}
	return fileID{uint64(st.Dev), uint64(st.Ino)}, true //nolint:unconvert // their types differ between systems
}

// hasOtherNames reports whether a file may be written to under a name of which no watch of
// its directory tells.
func hasOtherNames(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && st.Nlink > 1
}
