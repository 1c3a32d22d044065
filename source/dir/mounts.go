package dir

import (
	"bufio"
	"bytes"
	"maps"
	"path"
	"strconv"
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

// parseMounts reads the format of /proc/self/mountinfo. The last mount on a path is the one
// that shows.
func parseMounts(info []byte) mounts {
	m := mounts{make(map[string]int), make(map[string]bool)}
	for lines := bufio.NewScanner(bytes.NewReader(info)); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 5 {
			continue
		}
		if id, err := strconv.Atoi(fields[0]); err == nil {
			point := unescape(fields[4])
			m.ids[point], m.parents[path.Dir(point)] = id, true
		}
	}
	return m
}

// unescape replaces the octal escapes of white space and backslashes.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}
