package dir

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/neurondex/neurondex/internal/disk"
	"github.com/neurondex/neurondex/source"
)

// A scope is what a poll examines.
type scope struct {
	full   bool            // the whole tree
	names  map[string]bool // else these files
	verify bool            // and every directory
}

var fullScope = scope{full: true}

// scope returns what the depth, the events and the time call for. If events told all that
// they cover, only what they do not cover is examined besides.
func (d *Dir) scope(files fileSystem, depth source.Depth, told bool, events events, now time.Time) scope {
	p := d.pending
	verify := told || p.verifyIsDue(now)
	switch {
	case depth != source.PollNotified && !told, events.lost, p.fullScanIsDue(now),
		verify && !d.watches.intact(),
		d.watches.aliased && !events.isEmpty():
		return fullScope
	}
	for path := range events.others {
		if d.concernsOthers(files, path) {
			return fullScope
		}
	}
	names := p.namesToExamine(verify, told, now)
	for name := range events.documents {
		if !disk.Patterns(d.Exclude).Match(name) {
			names[name] = true
		}
	}
	if len(names) > len(p.delivered)/2+16 {
		return fullScope // it costs no more
	}
	return scope{names: names, verify: verify}
}

// concernsOthers reports whether an event of a path that is not a dataset file may be about
// files with other names: those of a directory, or of a link to one. Links whose name
// begins with a dot, like ..data, only matter to other links: those to files are always
// examined, those to directories need a full scan.
func (d *Dir) concernsOthers(files fileSystem, path string) bool {
	name, _ := nameBelow(d.root, path)
	if _, ok := d.dirs[name]; ok {
		return true
	}
	if strings.HasPrefix(filepath.Base(path), ".") {
		return d.hasLinkedDirectory()
	}
	info, err := files.Lstat(name)
	return err == nil && !info.Mode().IsRegular() || err != nil && !errors.Is(err, fs.ErrNotExist)
}

func (d *Dir) hasLinkedDirectory() bool {
	for name, dir := range d.dirs {
		if dir.link && name != "." {
			return true
		}
	}
	return false
}
