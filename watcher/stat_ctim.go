//go:build unix && !darwin && !freebsd && !netbsd

package watcher

import (
	"io/fs"
	"syscall"
	"time"
)

// changeTime returns when a file, or anything that is known of it, last changed: unlike the
// modification time, nobody can set it.
func changeTime(info fs.FileInfo) time.Time {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return time.Unix(st.Ctim.Unix())
	}
	return info.ModTime()
}
