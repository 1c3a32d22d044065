//go:build unix

package dir

import (
	"io/fs"
	"syscall"
)

// A fileID distinguishes a file from every other one of the machine. The zero fileID is
// that of no file.
type fileID struct{ device, number uint64 }

func (id fileID) same(other fileID) bool { return id == other }

// systemStat returns what the portable part of info lacks.
func systemStat(info fs.FileInfo) (id fileID, changed int64, linked bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fileID{}, info.ModTime().UnixNano(), false
	}
	id = fileID{uint64(st.Dev), uint64(st.Ino)} //nolint:unconvert // the types differ between systems
	return id, changeTime(st), st.Nlink > 1
}
