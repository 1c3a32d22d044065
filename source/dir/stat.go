package dir

import (
	"io/fs"
	"time"
)

// A stat is what a scan learns about a file without reading it.
type stat struct {
	id       fileID
	size     int64
	modified int64 // modification time, in nanoseconds since 1970
	changed  int64 // last change of content or metadata, which no program can set; like modified
	mode     fs.FileMode
	linked   bool // the file has other names, through which it can change without an event
}

func newStat(info fs.FileInfo) stat {
	s := stat{size: info.Size(), modified: info.ModTime().UnixNano(), mode: info.Mode()}
	s.id, s.changed, s.linked = systemStat(info)
	return s
}

// same reports whether two stats are of one file with, as far as metadata can tell, the
// same content.
func (s stat) same(t stat) bool {
	return s.id.same(t.id) && s.size == t.size && s.mode == t.mode && s.modified == t.modified && s.changed == t.changed
}

// modTime returns the modification time.
func (s stat) modTime() time.Time { return time.Unix(0, s.modified) }

// lastChange returns the time of the last change of any kind.
func (s stat) lastChange() time.Time { return time.Unix(0, max(s.modified, s.changed)) }

// granularity is the time after a change within which another one may leave the times of
// the file as they are. Some file systems count whole seconds, or two.
func (s stat) granularity() time.Duration {
	if s.modified%int64(time.Second) == 0 {
		return 2 * time.Second
	}
	return 10 * time.Millisecond
}
