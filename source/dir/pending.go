package dir

import (
	"errors"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/neurondex/neurondex/source"
)

// Pending knows how the tree differs from what was delivered, and since when. It alone
// decides when the next poll is due. It touches neither a disk nor a clock: the time is
// passed in.
type pending struct {
	settle, maxDelay, resync time.Duration

	remoteClock bool // modification times are those of another machine's clock

	phase     phase
	delivered map[string]delivery  // as they were delivered
	unused    []int                // numbers below that of the last delivery, of files that are gone
	waiting   map[string]change    // what differs from delivered
	silent    map[string]bool      // delivered files that can change without an event; true for links
	reread    map[string]time.Time // delivered files to read again though their metadata stays, and when

	fullScan alarm     // the next one
	verify   time.Time // when to verify next, in phaseNotified
	since    time.Time // when the oldest of waiting was found, or some of waiting were last delivered; zero if none waits
	examine  time.Time // when to examine waiting next
	burst    time.Time // when several files were last delivered together
}

// A kind is how a waiting file differs from what was delivered.
type kind int

const (
	edited  kind = iota // it may be in the middle of being written
	open                // a process has it open for writing
	placed              // it was put there whole, by a rename or the swap of a link
	removed             // it is gone, and may come back
	moved               // it is gone, and there is a file elsewhere that it became
	touched             // its metadata is as delivered, and it must be read again
)

func (k kind) isRemoval() bool { return k == removed || k == moved }

// A change is a file that waits to be delivered.
type change struct {
	kind  kind
	file  file      // as the last scan found it
	since time.Time // since when it has been so
	ready time.Time // when it may be read
}

func newPending(settle, maxDelay, resync time.Duration) *pending {
	return &pending{
		settle: settle, maxDelay: maxDelay, resync: resync,
		delivered: make(map[string]delivery), waiting: make(map[string]change),
		silent: make(map[string]bool), reread: make(map[string]time.Time),
	}
}

// namesToExamine returns the names that waiting files and the time call for; with all, also
// those that the time does not call for yet.
func (p *pending) namesToExamine(verify, all bool, now time.Time) map[string]bool {
	names := make(map[string]bool)
	for name := range p.waiting {
		names[name] = true
	}
	for name, at := range p.reread {
		if all || !now.Before(at) {
			names[name] = true
		}
	}
	for name, link := range p.silent {
		if link || verify {
			names[name] = true
		}
	}
	if verify {
		p.verify = now.Add(verifyInterval)
	}
	return names
}

// found returns the names of a batch, and those that are pending now, except for expected
// ones.
func (p *pending) found(b source.Batch, expected map[string]bool) []string {
	names := append(p.names(), b.Removed...)
	for _, d := range b.Changed {
		names = append(names, d.Name)
	}
	return slices.DeleteFunc(names, func(name string) bool { return expected[name] })
}

// shouldBeReported reports whether an event should have announced some of these names. Files
// that can change without an event do not count.
func (p *pending) shouldBeReported(names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool { _, ok := p.silent[name]; return !ok })
}

// compare notes how a scan differs from what was delivered. It returns the names that are
// to be read now, sorted: those that are ready, once all are or the maximal delay is over.
// What changes together is delivered together.
func (p *pending) compare(t *tree, scope scope, depth source.Depth, events events, now time.Time) (ready []string) {
	p.compareFound(t, depth, events, now)
	came := make(map[fileID]bool)
	for name := range p.waiting {
		if f, ok := t.find(name, p.delivered); ok && f.examined {
			came[f.stat.id] = true
		}
	}
	gone := func(name string) {
		if _, ok := t.find(name, p.delivered); !ok {
			p.compareGone(name, t, came, now)
		}
	}
	if scope.full {
		for name, d := range p.delivered {
			if !t.same.has(d.number) {
				gone(name)
			}
		}
		for name := range p.waiting {
			gone(name)
		}
	} else {
		for name := range scope.names {
			gone(name)
		}
	}
	for name, c := range p.waiting {
		if !c.ready.After(now) {
			ready = append(ready, name)
		}
	}
	if len(ready) < len(p.waiting) && p.isPatient(now) {
		return nil
	}
	removing := p.linkedRemovals(now)
	ready = slices.DeleteFunc(ready, func(name string) bool {
		return p.waiting[name].kind == placed && isPartOf(p.delivered[name].directory(), removing)
	})
	slices.Sort(ready)
	return ready
}

// linkedRemovals returns where files behind links were, as they were delivered, that were
// removed and have not settled. What was swapped with them is only a part of the last swap
// as long as the rest is being removed.
func (p *pending) linkedRemovals(now time.Time) (targets []string) {
	for name, c := range p.waiting {
		if old := p.delivered[name]; c.kind == removed && c.ready.After(now) && old.linked {
			targets = append(targets, old.directory())
		}
	}
	return targets
}

// isPartOf reports whether a path is above, below or equal to one of some targets of links.
func isPartOf(path string, targets []string) bool {
	return path != "" && slices.ContainsFunc(targets, func(t string) bool {
		return t == path || strings.HasPrefix(t, path+string(filepath.Separator)) || strings.HasPrefix(path, t+string(filepath.Separator))
	})
}

// compareFound notes the files of a scan that differ from what was delivered, and in what
// way.
func (p *pending) compareFound(t *tree, depth source.Depth, events events, now time.Time) {
	swapped, settled := p.swapped(t), p.settledFiles(events)
	compare := func(name string) {
		f, ok := t.find(name, p.delivered)
		if !ok {
			return
		}
		isSame := p.delivered[name].same(f)
		if isSame && !p.mustReread(name, depth, now) {
			delete(p.waiting, name)
			return
		}
		origin, hasEvent := events.documents[name]
		kind := edited
		switch {
		case isSame:
			kind = touched
		case swapped[name], origin == renamed:
			kind = placed
		case origin == renamedData:
			if was, ok := settled[f.stat.id]; ok && was.size == f.stat.size && was.modified == f.stat.modified {
				kind = placed // it was delivered under its old name, as it is
			}
		case !hasEvent && p.waiting[name].kind == placed && p.waiting[name].file.same(f):
			kind = placed // nothing happened since
		}
		p.note(name, kind, f, now)
	}
	for name := range t.files {
		compare(name)
	}
	// Of the others, which are as they were delivered, these may still have to be noted.
	if depth == source.PollReread {
		compareAll(p.delivered, t, compare)
	} else {
		compareAll(p.waiting, t, compare)
		compareAll(p.reread, t, compare)
	}
}

// compareAll calls compare for names that are not in t.files.
func compareAll[V any](names map[string]V, t *tree, compare func(name string)) {
	for name := range names {
		if _, ok := t.files[name]; !ok {
			compare(name)
		}
	}
}

// settledFiles returns the stats of the delivered files, if an event calls for them.
func (p *pending) settledFiles(events events) map[fileID]stat {
	for _, o := range events.documents {
		if o != renamedData {
			continue
		}
		files := make(map[fileID]stat, len(p.delivered))
		for _, f := range p.delivered {
			if f.examined {
				files[f.stat.id] = f.stat
			}
		}
		return files
	}
	return nil
}

// swapped returns the files that the swap of a link put in place: those whose real path is
// another one, and new ones beside them.
func (p *pending) swapped(t *tree) map[string]bool {
	files, dirs := make(map[string]bool), make(map[string]bool)
	for name, f := range t.files {
		if old := p.delivered[name]; f.real != old.real && f.real != "" && old.real != "" {
			files[name] = true
			dirs[path.Dir(name)] = true
		}
	}
	if len(files) == 0 {
		return files
	}
	for name := range t.files {
		if _, ok := p.delivered[name]; !ok && dirs[path.Dir(name)] {
			files[name] = true
		}
	}
	return files
}

// mustReread reports whether a file whose metadata is as delivered must be read again: now,
// or since an earlier poll.
func (p *pending) mustReread(name string, depth source.Depth, now time.Time) bool {
	if depth == source.PollReread {
		return true
	}
	if at, ok := p.reread[name]; ok && (depth == source.PollAll || !now.Before(at)) {
		return true
	}
	return p.waiting[name].file.same(p.delivered[name].file)
}

// compareGone notes that a name is gone, if it was delivered.
func (p *pending) compareGone(name string, t *tree, came map[fileID]bool, now time.Time) {
	old, ok := p.delivered[name]
	if !ok || t.keeps(name) {
		delete(p.waiting, name) // it came and went, or its directory cannot be listed
		if at, ok := p.reread[name]; ok {
			p.reread[name] = later(at, now.Add(verifyInterval)) // it cannot be read now
		}
		return
	}
	kind := removed
	if came[old.stat.id] || p.waiting[name].kind == moved {
		kind = moved
	}
	p.note(name, kind, file{}, now)
}

// note records a change, and when the file may be read.
func (p *pending) note(name string, k kind, f file, now time.Time) {
	c := change{kind: k, file: f, since: now}
	if old, ok := p.waiting[name]; ok && old.file.same(f) {
		c.since = old.since
		if old.kind == open && k == edited {
			c.kind = open
		}
	}
	c.ready = p.readyAt(c, now)
	if p.since.IsZero() {
		p.since = now
	}
	p.waiting[name] = c
}

// readyAt returns when a file may be read: once the time since it was first found so
// exceeds the settle time or, if clocks agree, the time since its last modification does.
func (p *pending) readyAt(c change, now time.Time) time.Time {
	switch c.kind {
	case placed, moved, touched:
		return now
	}
	ready := c.since.Add(p.settle)
	if c.kind == edited && c.file.examined && !p.remoteClock {
		if settled := c.file.stat.modTime().Add(c.file.stat.granularity() + p.settle); settled.Before(ready) {
			return settled
		}
	}
	return ready
}

// commit returns the batch of the documents that were read between two scans. What is the
// same in both was so at one moment between them. If anything else changed, files are still
// being written, and nothing is delivered until the maximal delay is over. If a directory or
// the target of a link was replaced, nothing is delivered in any case: the documents may be
// half of a swap.
func (p *pending) commit(documents []source.Document, before, after *tree, depth source.Depth, readAt, now time.Time) source.Batch {
	var b source.Batch
	if before.swapped(after, p.delivered) || p.isPatient(now) && !before.equal(after, p.delivered) {
		return b
	}
	isSame := func(doc source.Document) bool {
		found, wasThere := before.find(doc.Name, p.delivered)
		still, isThere := after.find(doc.Name, p.delivered)
		return wasThere == isThere && still.same(found)
	}
	// What a swap put in place is delivered whole or not at all, however long it takes.
	isWhole := !slices.ContainsFunc(documents, func(doc source.Document) bool {
		return p.waiting[doc.Name].kind == placed && !isSame(doc)
	})
	news := 0
	for _, doc := range documents {
		found, _ := before.find(doc.Name, p.delivered)
		_, isThere := after.find(doc.Name, p.delivered)
		switch {
		case !isSame(doc), p.waiting[doc.Name].kind == placed && !isWhole:
			continue // it stays pending
		case errors.Is(doc.Err, errOpen), errors.Is(doc.Err, errChanged):
			p.waiting[doc.Name] = change{kind: open, file: found, since: now, ready: now.Add(p.settle)}
			continue // to be tried again
		case !isThere:
			p.forget(doc.Name)
			b.Removed = append(b.Removed, doc.Name)
			news++
		case p.deliver(doc, found, readAt, now):
			b.Changed = append(b.Changed, doc)
			news++
		case doc.Err == nil || depth == source.PollReread:
			b.Changed = append(b.Changed, doc)
		}
		delete(p.waiting, doc.Name)
	}
	if news > 1 {
		p.burst = now
	}
	return b
}

// names returns the names of the waiting files, sorted.
func (p *pending) names() []string { return slices.Sorted(maps.Keys(p.waiting)) }
