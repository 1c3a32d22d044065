package dir

import (
	"math/bits"
	"time"

	"github.com/neurondex/neurondex/source"
)

// A delivery is a file as it was delivered. Its number stands for it in a tree, so that a scan
// that finds nothing new allocates nothing for it.
type delivery struct {
	file
	name   string
	number int
}

// Numbers are a set of small numbers, a bit for each.
type numbers []uint64

func (n numbers) has(i int) bool { return i/64 < len(n) && n[i/64]&(1<<(i%64)) != 0 }

func (n *numbers) add(i int) {
	for i/64 >= len(*n) {
		*n = append(*n, 0)
	}
	(*n)[i/64] |= 1 << (i % 64)
}

func (n numbers) count() (total int) {
	for _, word := range n {
		total += bits.OnesCount64(word)
	}
	return total
}

// deliver records a document as delivered. It reports whether that is news: the metadata
// differs from what was delivered before, or the reason why it cannot be read.
func (p *pending) deliver(doc source.Document, f file, readAt, now time.Time) bool {
	if doc.Err != nil && !f.unknown { // else f.err is part of it
		f.err = doc.Err.Error()
	}
	old := p.delivered[doc.Name]
	p.forget(doc.Name)
	p.delivered[doc.Name] = delivery{f, doc.Name, p.unusedNumber()}
	if f.link || f.stat.linked {
		p.silent[doc.Name] = f.link
	}
	if f.err != "" {
		// The obstacle may go away without a trace in the metadata.
		p.reread[doc.Name] = now.Add(verifyInterval)
	} else if safe := f.stat.lastChange().Add(f.stat.granularity()); readAt.Before(safe) && readAt.Add(time.Minute).After(safe) {
		// It was read so soon after a change that another one might not show.
		p.reread[doc.Name] = safe
	}
	return !old.same(f)
}

// unusedNumber returns the least number that no delivery has, more or less.
func (p *pending) unusedNumber() int {
	if last := len(p.unused) - 1; last >= 0 {
		number := p.unused[last]
		p.unused = p.unused[:last]
		return number
	}
	return len(p.delivered)
}

func (p *pending) forget(name string) {
	if d, ok := p.delivered[name]; ok {
		p.unused = append(p.unused, d.number)
	}
	delete(p.delivered, name)
	delete(p.silent, name)
	delete(p.reread, name)
}
