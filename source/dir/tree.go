package dir

import (
	"path/filepath"
	"slices"
	"strings"
)

// A tree is what one scan found.
type tree struct {
	files    map[string]file      // by name: files, and whatever could not be examined; except for same
	same     numbers              // files that are exactly as they were delivered
	dirs     map[string]directory // by name: the directories of the files, up to the root
	unlisted []string             // names of directories that could not be listed, each with a slash
	dangling []string             // names of links that lead nowhere, and may lead to a directory later
	ignored  map[string]string    // by name: files that look like dataset files, and why they are not read
}

// A file is what a scan found under a name.
type file struct {
	stat     stat   // of the target, if the name is a link
	examined bool   // stat is set
	link     bool   // the name is a symbolic link
	linked   bool   // it is, or a directory above it is
	real     string // path without links: of a link's target; of the directory of any other file
	err      string // why it cannot be examined or read
	unknown  bool   // it is not known to be, or to hold, a dataset file
}

func (f file) same(g file) bool {
	if !f.examined || !g.examined {
		return f.examined == g.examined && f.err == g.err && f.unknown == g.unknown
	}
	return f.err == g.err && f.stat.same(g.stat)
}

// directory returns the directory of a file, or of a link's target, without links.
func (f file) directory() string {
	if f.link {
		return filepath.Dir(f.real)
	}
	return f.real
}

// A directory is what a scan found of a directory.
type directory struct {
	id     fileID
	mount  int    // see mounts.of
	link   bool   // the name is a symbolic link
	linked bool   // it is, or a directory above it is; the root does not count
	real   string // path without links: it shows a swap even if the number of a deleted directory is reused
}

func (d directory) same(e directory) bool {
	return d.id.same(e.id) && d.mount == e.mount && d.real == e.real
}

// anyReplaced reports whether some directories are others now, or gone. No event reports that
// if it happened above the root; verifying finds it.
func anyReplaced(was, is map[string]directory) bool {
	for name, dir := range was {
		if !is[name].same(dir) {
			return true
		}
	}
	return false
}

func newTree() *tree {
	return &tree{files: make(map[string]file), dirs: make(map[string]directory), ignored: make(map[string]string)}
}

// keeps reports whether a name stays although the scan did not find it, because its
// directory could not be listed.
func (t *tree) keeps(name string) bool {
	return slices.ContainsFunc(t.unlisted, func(dir string) bool { return strings.HasPrefix(name, dir) })
}

// find returns what the scan found under a name. Delivered are the files that same refers to.
func (t *tree) find(name string, delivered map[string]delivery) (f file, ok bool) {
	if f, ok = t.files[name]; ok {
		return f, true
	}
	d, ok := delivered[name]
	return d.file, ok && t.same.has(d.number)
}

// swapped reports whether a directory, or the target of a link, was replaced between two
// scans. As in equal, no document is delivered between the two.
func (t *tree) swapped(after *tree, delivered map[string]delivery) bool {
	for name, dir := range t.dirs {
		if now, ok := after.dirs[name]; ok && !now.same(dir) {
			return true
		}
	}
	for _, files := range []map[string]file{t.files, after.files} {
		for name := range files {
			f, _ := t.find(name, delivered)
			now, ok := after.find(name, delivered)
			if ok && f.link && f.examined && (now.real != f.real || !f.stat.id.same(now.stat.id)) {
				return true
			}
		}
	}
	return false
}

// equal reports whether two scans found the same files.
func (t *tree) equal(after *tree, delivered map[string]delivery) bool {
	if len(t.files)+t.same.count() != len(after.files)+after.same.count() {
		return false
	}
	for _, files := range []map[string]file{t.files, after.files} {
		for name := range files {
			f, was := t.find(name, delivered)
			now, is := after.find(name, delivered)
			if !was || !is || !now.same(f) {
				return false
			}
		}
	}
	return true
}

// isBelow reports whether a file is in a directory or below it.
func isBelow(file, dir string) bool { return dir == "." || strings.HasPrefix(file, dir+"/") }
