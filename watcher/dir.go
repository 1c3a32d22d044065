package watcher

import (
	"context"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"time"
)

// The defaults of a [Dir].
const (
	DefaultSettle   = 50 * time.Millisecond
	DefaultMaxDelay = time.Second
	DefaultResync   = 30 * time.Second
)

const (
	// coalesce is how long no notice must come for Wait to return: a rename is seen at
	// once, and a loop of them is one change.
	coalesce = 4 * time.Millisecond

	// pulse is how often a Dir makes sure that it is still told of changes: that what it
	// watches is still what the paths lead to. It also looks at the files that may change
	// without a notice: links, and files with other names.
	pulse = time.Second

	// pollInterval is how often a Dir looks at everything where it is not told.
	pollInterval = time.Second

	// missingInterval is how often it looks for a directory that is away.
	missingInterval = 250 * time.Millisecond

	// breath is how soon it looks again at what changed while it looked.
	breath = 2 * time.Millisecond
)

// A Dir is a [Source] that follows the dataset files of a directory: those that
// package disk finds. It is told of changes by the system (inotify, kqueue,
// ReadDirectoryChangesW), and then looks at what it was told of; it looks at everything
// every Resync, after notices were lost, and every second where the system does not tell.
//
// A file is read once its modification time is Settle ago, and only if its size, times
// and identity are the same before and after. What a rename or the swap of a link puts in
// place is whole, and read at once.
type Dir struct {
	Path     string
	Settle   time.Duration // how long a file must be still to be read; 0: DefaultSettle
	MaxDelay time.Duration // how long files that are not still hold up the others; 0: DefaultMaxDelay
	Resync   time.Duration // how often to look at everything without having been told; 0: DefaultResync
	MaxBytes int64         // how much of a file to read at most; 0: config.DefaultMaxBytes
	Polling  bool          // look every second, and do not ask the system to tell
	Confined bool          // refuse symbolic links that are absolute, or lead out of the directory

	// Set by the first Poll.
	system  system
	root    string   // Path, absolute
	notices *notices // nil where nothing is told

	watches map[string]watch
	blind   bool // not told of all changes
	wide    bool // look at everything next
	missing bool // the directory could not be looked at the last time

	// What stood where when everything was looked at last.
	directories map[string]directory
	aliased     bool // two names lead to one directory: notices tell of one only

	known    map[string]seen      // the files as they were delivered
	unquiet  map[string]unsettled // those that differ from it, and are not delivered yet
	indirect map[string]bool      // those of known that may change without a notice: links, true, and files with other names
	recheck  map[string]time.Time // those to be read again though they look the same, and when
	since    time.Time            // when the first of unquiet was found; zero: none
	due      time.Time            // when to look at unquiet next
	burst    time.Time            // when several files were last delivered at once

	lastScan, nextScan, lastPulse time.Time

	health Health
}

// Wait implements [Source].
func (d *Dir) Wait(ctx context.Context) error {
	timer := time.NewTimer(time.Until(d.next()))
	defer timer.Stop()
	var wake chan struct{} // of nobody, where nothing is told
	if d.notices != nil {
		wake = d.notices.wake
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	case <-wake:
	}
	// More may come, but what came first is not to wait for long.
	last := time.Now().Add(orDefault(d.MaxDelay, DefaultMaxDelay))
	if !d.since.IsZero() {
		last = later(d.since.Add(orDefault(d.MaxDelay, DefaultMaxDelay)), time.Now().Add(coalesce))
	}
	for {
		still := d.notices.lastAt().Add(d.quiet())
		if last.Before(still) {
			still = last
		}
		rest := time.Until(still)
		if rest <= 0 {
			return nil
		}
		timer.Reset(rest)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		case <-wake:
		}
	}
}

// quiet returns for how long no notice must come. Behind several files that came at once
// there are often more.
func (d *Dir) quiet() time.Duration {
	settle := orDefault(d.Settle, DefaultSettle)
	if time.Since(d.burst) < 2*settle {
		return settle
	}
	return coalesce
}

// next returns when to look without a notice.
func (d *Dir) next() time.Time {
	if d.missing {
		return d.lastScan.Add(missingInterval) // nothing else can be seen till then
	}
	at := d.nextScan
	sooner := func(t time.Time) {
		if t.Before(at) {
			at = t
		}
	}
	if d.blind {
		sooner(d.lastScan.Add(pollInterval))
	} else {
		sooner(d.lastPulse.Add(pulse))
	}
	if len(d.unquiet) > 0 {
		sooner(d.due)
	}
	if d.wide {
		sooner(time.Now().Add(breath))
	}
	for name, t := range d.recheck {
		if _, waits := d.unquiet[name]; !waits {
			sooner(t)
		}
	}
	return at
}

// Poll implements [Source].
func (d *Dir) Poll(ctx context.Context, depth Depth) (Batch, error) {
	if err := d.start(); err != nil {
		return Batch{}, err
	}
	if err := ctx.Err(); err != nil {
		return Batch{Health: d.health}, err // before anything counts as delivered
	}
	told, counts := d.notices.take()
	d.health.Events, d.health.Overflows = counts.events, counts.overflows
	now := time.Now()
	resync := depth == Noticed && !d.blind && !d.missing && !now.Before(d.nextScan)
	l := &look{Dir: d, depth: depth, news: told, now: now}
	waiting := len(d.unquiet)
	batch, err := l.step()
	if resync {
		d.health.Resyncs++
		untold := len(told.documents)+len(told.others) == 0 && !told.lost
		if untold && len(batch.Changed)+len(batch.Removed)+len(d.unquiet) > waiting {
			d.health.Found++ // though it may be read only later
		}
	}
	batch.Health = d.health
	batch.Health.WatchErrors += counts.errors
	return batch, err
}

// Close implements [Source].
func (d *Dir) Close() error {
	if d.notices == nil {
		return nil
	}
	return d.notices.close()
}

// start sets up what the first Poll needs.
func (d *Dir) start() (err error) {
	if d.known != nil {
		return nil
	}
	// The directory stays the same when the process moves to another one.
	if d.root, err = filepath.Abs(d.Path); err != nil {
		return err
	}
	if d.system.open == nil {
		d.system = realSystem
	}
	d.known, d.unquiet, d.recheck = make(map[string]seen), make(map[string]unsettled), make(map[string]time.Time)
	d.indirect = make(map[string]bool)
	d.watches, d.directories = make(map[string]watch), make(map[string]directory)
	return nil
}

// delivered notes that a batch was delivered, or was not, and when to look next.
func (d *Dir) delivered(b Batch, now time.Time, patience bool) {
	switch {
	case len(d.unquiet) == 0:
		d.since = time.Time{}
		return
	case len(b.Changed)+len(b.Removed) > 0:
		d.since = now // a busy file does not hold up the next ones for less than the first
		patience = true
	}
	// With patience left all are waited for, without it the first that comes to rest is taken.
	ready := make([]time.Time, 0, len(d.unquiet))
	for _, u := range d.unquiet {
		ready = append(ready, u.ready)
	}
	if patience {
		d.due = slices.MaxFunc(ready, time.Time.Compare)
		if last := d.since.Add(orDefault(d.MaxDelay, DefaultMaxDelay)); last.Before(d.due) {
			d.due = last
		}
	} else {
		d.due = slices.MinFunc(ready, time.Time.Compare)
	}
	d.due = later(d.due, now.Add(breath))
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// scanned notes that everything was looked at.
func (d *Dir) scanned(now time.Time) {
	resync := orDefault(d.Resync, DefaultResync)
	// A fleet of servers is not to look at shared storage all at once.
	jitter := time.Duration((rand.Float64() - 0.5) * 0.2 * float64(resync)) //nolint:gosec // nothing to guess here
	d.lastScan, d.nextScan, d.lastPulse = now, now.Add(resync+jitter), now
	d.health.LastScan = now
	d.wide = false
}

// errUnmounted says that a directory that held documents is an empty one of another file
// system now.
var errUnmounted = errors.New("is empty and on another file system than before, as if it were unmounted; if it is meant, reload")

func orDefault(d, fallback time.Duration) time.Duration {
	if d == 0 {
		return fallback
	}
	return d
}
