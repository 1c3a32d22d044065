package dir

import (
	"maps"
	"path"
	"strings"
)

// Mounts are the mount points of the system. The device number of a directory does not show
// that it was unmounted if it was a bind mount of the same file system. The zero value has
// none.
type mounts struct {
	ids     map[string]int  // by path
	parents map[string]bool // the directories that have mount points in them
}

// of returns the number of the mount that a path, without links, is on; 0 if it is not
// known.
func (m mounts) of(name string) int {
	for {
		if id, ok := m.ids[name]; ok {
			return id
		}
		if name == "/" || !strings.Contains(name, "/") {
			return 0
		}
		name = path.Dir(name)
	}
}

func (m mounts) equal(n mounts) bool { return maps.Equal(m.ids, n.ids) }

// isPoint reports whether something is mounted on a name in a directory. The watch of the
// directory does not report changes of such a file.
func (m mounts) isPoint(dir, name string) bool {
	if !m.parents[dir] {
		return false
	}
	_, ok := m.ids[path.Join(dir, name)]
	return ok
}
