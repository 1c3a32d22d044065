package dir

import (
	"maps"
	"path/filepath"
	"slices"

	"github.com/neurondex/neurondex/internal/disk"
	"github.com/neurondex/neurondex/source"
)

// maxIgnored is the number of ignored files that the health lists.
const maxIgnored = 100

// Ignored are the files that look like dataset files and are not read. A full scan finds
// them. In between, those that events report are examined when the directories are verified:
// most of them are temporary, and gone by then.
type ignored struct {
	files    map[string]string // by name: why they are not read
	reported map[string]bool   // names to examine
	list     []source.Ignored  // of files; replaced, not changed
}

// report notes that an event reported a name.
func (g *ignored) report(name string) {
	if disk.Ignored(filepath.Base(name)) == "" || len(g.reported) == maxOthers {
		return
	}
	if g.reported == nil {
		g.reported = make(map[string]bool)
	}
	g.reported[name] = true
}

// examine examines the names that events reported.
func (g *ignored) examine(files fileSystem) {
	if len(g.reported) == 0 {
		return
	}
	found := make(map[string]string, len(g.files)+len(g.reported))
	maps.Copy(found, g.files)
	for name := range g.reported {
		if info, err := files.Stat(name); err == nil && !info.IsDir() {
			found[name] = disk.Ignored(filepath.Base(name))
		} else {
			delete(found, name)
		}
	}
	g.set(found)
}

// set sets the files.
func (g *ignored) set(files map[string]string) {
	g.reported = nil
	if maps.Equal(files, g.files) {
		return
	}
	g.files, g.list = files, nil
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if len(g.list) == maxIgnored {
			break
		}
		g.list = append(g.list, source.Ignored{Name: name, Why: files[name]})
	}
}
