package dir

import (
	"bufio"
	"bytes"
	"os"
	"path"
	"strconv"
	"strings"
)

// readMounts returns the mount points; none if they cannot be read.
func readMounts() mounts {
	info, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return mounts{}
	}
	return parseMounts(info)
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
