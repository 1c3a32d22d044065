//go:build !unix

package dir

import (
	"io/fs"
	"os"
)

// A fileID distinguishes a file from every other one of the machine. As a map key it
// equals only itself.
type fileID struct {
	info   fs.FileInfo
	device uint64 // always 0
}

func (id fileID) same(other fileID) bool {
	return id == other || id.info != nil && other.info != nil && os.SameFile(id.info, other.info)
}

// systemStat returns what the portable part of info lacks.
func systemStat(info fs.FileInfo) (id fileID, changed int64, linked bool) {
	return fileID{info: info}, info.ModTime().UnixNano(), false
}
