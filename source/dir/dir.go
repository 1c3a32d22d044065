package dir

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/neurondex/neurondex/internal/disk"
	"github.com/neurondex/neurondex/source"
)

// The defaults of a [Dir].
const (
	DefaultSettle   = 50 * time.Millisecond
	DefaultMaxDelay = time.Second
	DefaultResync   = 30 * time.Second
	DefaultMaxBytes = 16 << 20
)

// A Dir follows the dataset files below a directory: *.toml, *.json and *.jsonc, in upper or
// lower case, but no dot files and no leftovers of tools. Its health lists files that look
// like dataset files and are not read. It follows symbolic links to files and directories.
// Set the fields before the first call; only Path is required. As with every
// [source.Source], one goroutine at a time may call its methods.
type Dir struct {
	// Path is the directory. A relative path is resolved by the first Poll.
	Path string
	// Settle is how long a file must not change before it is read. A file that a rename
	// or the swap of a link put in place is read at once. 0 means DefaultSettle.
	Settle time.Duration
	// MaxDelay is how long files that have not settled delay the others. 0 means
	// DefaultMaxDelay.
	MaxDelay time.Duration
	// Resync is the interval between full scans that no event calls for, plus or minus
	// a tenth. 0 means DefaultResync.
	Resync time.Duration
	// MaxBytes is the size limit of a file. A larger one is delivered as a
	// [source.ErrTooLarge]. 0 means DefaultMaxBytes.
	MaxBytes int64
	// Polling scans the tree every second instead of asking the system for events. On
	// file systems without events (NFS, SMB, FUSE, 9p) that is done in any case.
	Polling bool
	// Exclude holds patterns of names to leave out, files and directories: with a slash,
	// of paths below the directory ("**" matches any number of directories); without, of
	// base names.
	Exclude []string
	// Confined refuses symbolic links that are absolute or lead out of the directory.
	Confined bool

	// Set by the first Poll, and used by the goroutine that calls Wait and Poll.
	failed   bool // it could not start
	system   system
	root     string // Path, absolute
	watches  *watches
	pending  *pending
	dirs     map[string]directory // the directories of the last full scan
	dangling []string             // links of the last full scan that lead nowhere
	mounts   mounts               // as of the last full scan or verification
	walker   *disk.Walker         // for the memory that it reuses
	ignored  ignored

	lastScan               time.Time
	resyncs, resyncChanges uint64
}

var _ source.Source = (*Dir)(nil)

// Wait implements [source.Source].
func (d *Dir) Wait(ctx context.Context) error {
	switch {
	case d.failed:
		return pause(ctx, missingInterval)
	case d.pending == nil:
		return ctx.Err() // the first Poll is due
	}
	timer := time.NewTimer(time.Until(d.pending.next().at))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		if !d.watches.haveEvents() {
			return nil
		}
	case <-d.watches.woken():
	}
	// More events often follow. Wait for a gap between them, but not for too long.
	deadline := d.pending.deadline(time.Now())
	for {
		rest := time.Until(d.pending.gapEnd(d.watches.lastEvent(), deadline))
		if rest <= 0 {
			return nil
		}
		timer.Reset(rest)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		case <-d.watches.woken():
		}
	}
}

// pause waits for a time, or until ctx is done.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// Poll implements [source.Source].
func (d *Dir) Poll(ctx context.Context, depth source.Depth) (source.Batch, error) {
	err := d.start()
	d.failed = err != nil
	if err == nil {
		err = ctx.Err() // before anything counts as delivered
	}
	if err != nil {
		return source.Batch{Health: d.health()}, err
	}
	told := d.isTold(ctx, depth)
	now := time.Now()
	events := d.watches.drain()
	for path := range events.others {
		if name, _ := nameBelow(d.root, path); !disk.Patterns(d.Exclude).Match(name) {
			d.ignored.report(name)
		}
	}
	resync := depth == source.PollNotified && d.pending.isResync(now)
	dirs := d.dirs
	var expected map[string]bool // names that may be delivered without an event
	if resync {
		expected = d.pending.namesToExamine(false, false, now)
	}
	batch, err := d.step(depth, told, events, now)
	switch {
	case err != nil:
		d.watches.drop() // what comes back is another directory
		d.pending.fail(now)
	case resync:
		d.resyncs++
		if found := d.pending.found(batch, expected); len(found) > 0 && events.isEmpty() && !anyReplaced(dirs, d.dirs) {
			d.countUnannounced(ctx, found)
		}
	}
	batch.Pending, batch.Health = d.pending.names(), d.health()
	return batch, err
}

// isTold reports whether the events so far tell everything that changed before the call, as
// far as events cover the tree. Once a second it is asked to prove that they still come.
func (d *Dir) isTold(ctx context.Context, depth source.Depth) bool {
	switch {
	case d.pending.phase != phaseNotified:
		return false
	case depth == source.PollAll:
		return d.watches.pass(ctx)
	case d.pending.verifyIsDue(time.Now()):
		d.watches.pass(ctx)
	}
	return false
}

// countUnannounced counts that a resync found files that no event had announced, unless their
// events came during the scan. If some should have come, events are not relied on any more.
func (d *Dir) countUnannounced(ctx context.Context, found []string) {
	d.watches.pass(ctx) // they may be under way
	if d.watches.haveEvents() {
		return
	}
	d.resyncChanges++
	d.watches.isSilent = d.watches.isSilent || d.pending.shouldBeReported(found)
}

// step takes the steps of a poll that touch the disk: scope, scan, compare, read, scan
// again, commit.
func (d *Dir) step(depth source.Depth, told bool, events events, now time.Time) (source.Batch, error) {
	files, err := d.system.open(d.root, d.Confined)
	if err != nil {
		return source.Batch{}, err
	}
	defer files.Close() // it was only read from
	scope := d.scope(files, depth, told, events, now)
	before, err := d.scan(files, scope, depth)
	if errors.Is(err, errDirectoryChanged) {
		scope = fullScope
		before, err = d.scan(files, scope, depth)
	}
	if err != nil {
		return source.Batch{}, err
	}
	if scope.full {
		d.keep(before, now)
	} else if scope.verify {
		d.ignored.examine(files)
	}
	names := d.pending.compare(before, scope, depth, events, now)
	if len(names) == 0 {
		d.pending.reschedule(false, now)
		return source.Batch{}, nil
	}
	start := time.Now()
	documents := d.read(files, names)
	after, err := d.scan(files, scope, depth)
	switch {
	case errors.Is(err, errDirectoryChanged):
		d.pending.rescan(now)
		d.pending.reschedule(false, now)
		return source.Batch{}, nil
	case err != nil:
		return source.Batch{}, err
	}
	if scope.full {
		d.pending.cover(d.watches.covered, now)
	}
	batch := d.pending.commit(documents, before, after, depth, start, now)
	d.pending.reschedule(len(batch.Changed)+len(batch.Removed) > 0, now)
	return batch, nil
}

// keep remembers the directories of a full scan, which the scans of single names rely on.
func (d *Dir) keep(t *tree, now time.Time) {
	for name, dir := range d.dirs {
		if _, ok := t.dirs[name]; !ok && t.keeps(name+"/") {
			t.dirs[name] = dir // it cannot be listed now, but has files
		}
	}
	d.dirs, d.dangling, d.lastScan = t.dirs, t.dangling, now
	d.ignored.set(t.ignored)
	d.pending.remoteClock = d.watches.remote
	d.pending.scanned(d.watches.covered, now)
}

// Close implements [source.Source].
func (d *Dir) Close() error {
	if d.watches == nil {
		return nil
	}
	return d.watches.stop()
}

// start prepares the first Poll.
func (d *Dir) start() error {
	if d.pending != nil {
		return nil
	}
	if d.Path == "" {
		return errors.New("dir: Path is empty")
	}
	if err := disk.Patterns(d.Exclude).Check(); err != nil {
		return fmt.Errorf("dir: Exclude: %w", err)
	}
	// The directory stays the same if the process changes its working directory.
	root, err := filepath.Abs(d.Path)
	if err != nil {
		return err
	}
	if d.system.open == nil {
		d.system = realSystem
	}
	d.root, d.walker = root, new(disk.Walker)
	d.watches = newWatches(root, d.system, d.Polling)
	d.pending = newPending(orDefault(d.Settle, DefaultSettle), orDefault(d.MaxDelay, DefaultMaxDelay), orDefault(d.Resync, DefaultResync))
	return nil
}

func (d *Dir) health() source.Health {
	if d.pending == nil {
		return source.Health{Mode: modePoll}
	}
	h := d.watches.health()
	h.Notified = d.pending.phase == phaseNotified
	h.LastScan, h.Resyncs, h.ResyncChanges, h.Ignored = d.lastScan, d.resyncs, d.resyncChanges, d.ignored.list
	return h
}

func orDefault[T time.Duration | int64](value, fallback T) T {
	if value == 0 {
		return fallback
	}
	return value
}
