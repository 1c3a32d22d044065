package dir

import (
	"math/rand/v2"
	"time"
)

const (
	// eventGap is the pause between events after which a poll is due. A rename is seen at
	// once, and a loop of renames is one change.
	eventGap = 4 * time.Millisecond

	// verifyInterval is how often the watches are verified: that they are active, and of
	// the directories that the paths lead to. Files that can change without an event,
	// through a link or another name, are examined as well.
	verifyInterval = time.Second

	// pollInterval is the interval between full scans where events do not cover the tree.
	pollInterval = time.Second

	// missingInterval is the interval between attempts to scan a tree that cannot be
	// scanned.
	missingInterval = 250 * time.Millisecond

	// retryInterval is how soon files are examined again that changed during a poll.
	retryInterval = 2 * time.Millisecond
)

// A phase is how changes of the tree are found.
type phase int

const (
	phaseMissing  phase = iota // the tree has not been scanned, or could not be: try again soon
	phasePolling               // events do not cover it: scan it periodically
	phaseNotified              // events cover it
)

// An alarm is when a poll is due, and why.
type alarm struct {
	at  time.Time
	why cause
}

// A cause is why a poll is due without an event.
type cause int

const (
	causeFirst       cause = iota // nothing was scanned yet
	causeMissing                  // the tree could not be scanned
	causePolling                  // events do not cover the tree
	causeResync                   // the safety net
	causeInterrupted              // a directory changed during the last poll
	causeVerify                   // watches may have ended
	causeSettle                   // waiting files may have settled
	causeReread                   // files may have changed unseen
)

// next returns when the next poll is due if no event comes.
func (p *pending) next() alarm {
	a := p.fullScan
	if p.phase == phaseMissing {
		return a // nothing can be examined before
	}
	sooner := func(at time.Time, why cause) {
		if at.Before(a.at) {
			a = alarm{at, why}
		}
	}
	if p.phase == phaseNotified {
		sooner(p.verify, causeVerify)
	}
	if len(p.waiting) > 0 {
		sooner(p.examine, causeSettle)
	}
	for name, at := range p.reread {
		if _, ok := p.waiting[name]; !ok {
			sooner(at, causeReread)
		}
	}
	return a
}

// deadline returns until when a poll may be delayed by events that follow each other.
func (p *pending) deadline(now time.Time) time.Time {
	if p.since.IsZero() {
		return now.Add(p.maxDelay)
	}
	return later(p.since.Add(p.maxDelay), now.Add(eventGap))
}

// gapEnd returns when a poll is due if no event comes after the last one. Several files
// that were delivered together are often followed by more.
func (p *pending) gapEnd(lastEvent, deadline time.Time) time.Time {
	gap := eventGap
	if lastEvent.Before(p.burst.Add(2 * p.settle)) {
		gap = p.settle
	}
	end := lastEvent.Add(gap)
	if deadline.Before(end) {
		return deadline
	}
	return end
}

func (p *pending) fullScanIsDue(now time.Time) bool {
	return p.phase == phaseMissing || !now.Before(p.fullScan.at)
}

func (p *pending) isResync(now time.Time) bool {
	return p.phase == phaseNotified && p.fullScan.why == causeResync && !now.Before(p.fullScan.at)
}

func (p *pending) verifyIsDue(now time.Time) bool {
	return p.phase == phaseNotified && !now.Before(p.verify)
}

// isPatient reports whether files that are ready still wait for those that are not.
func (p *pending) isPatient(now time.Time) bool {
	return now.Before(p.since.Add(p.maxDelay))
}

// scanned records a full scan, and whether events cover the tree.
func (p *pending) scanned(covered bool, now time.Time) {
	// Servers that share a storage should not scan it all at once.
	jitter := time.Duration((rand.Float64() - 0.5) * 0.2 * float64(p.resync)) //nolint:gosec // not a secret
	p.fullScan = alarm{now.Add(p.resync + jitter), causeResync}
	p.verify = now.Add(verifyInterval)
	p.cover(covered, now)
}

// cover records whether events cover the tree.
func (p *pending) cover(covered bool, now time.Time) {
	p.phase = phaseNotified
	if covered {
		return
	}
	p.phase = phasePolling
	if at := now.Add(pollInterval); at.Before(p.fullScan.at) {
		p.fullScan = alarm{at, causePolling}
	}
}

// rescan makes a full scan due because a directory changed during a poll.
func (p *pending) rescan(now time.Time) {
	p.fullScan = alarm{now.Add(retryInterval), causeInterrupted}
}

// fail records that the tree cannot be scanned. What differs from what was delivered is found
// anew when it can be, and waits as long as any other change.
func (p *pending) fail(now time.Time) {
	p.phase = phaseMissing
	clear(p.waiting)
	p.since = time.Time{}
	p.fullScan = alarm{now.Add(missingInterval), causeMissing}
}

// reschedule sets when to examine the waiting files next, at the end of a poll that
// delivered some documents, or none.
func (p *pending) reschedule(delivered bool, now time.Time) {
	if len(p.waiting) == 0 {
		p.since = time.Time{}
		return
	}
	if delivered {
		p.since = now // those that remain may delay others as long as the first ones did
	}
	first, last := time.Time{}, time.Time{}
	for _, c := range p.waiting {
		if first.IsZero() || c.ready.Before(first) {
			first = c.ready
		}
		last = later(last, c.ready)
	}
	p.examine = first
	if p.isPatient(now) { // all are waited for
		p.examine = last
		if limit := p.since.Add(p.maxDelay); limit.Before(last) {
			p.examine = limit
		}
	}
	p.examine = later(p.examine, now.Add(retryInterval))
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
