package sourcetest

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/neurondex/neurondex/source"
	"github.com/stretchr/testify/require"
)

// sourceTests test a source by itself.
var sourceTests = map[string]func(*probe){
	"All":         testAll,
	"Barrier":     testBarrier,
	"Notified":    testNotified,
	"Quiet":       testQuiet,
	"Reread":      testReread,
	"Removed":     testRemoved,
	"Context":     testContext,
	"Unreachable": testUnreachable,
	"Together":    testTogether,
}

// testAll checks that the first Poll delivers every document, at any depth.
func testAll(p *probe) {
	require.Empty(p, p.sync(source.PollAll), "documents of an empty store")
	p.close()
	for i, name := range p.store.names() {
		p.put(name, i)
	}
	for _, depth := range []source.Depth{source.PollNotified, source.PollAll, source.PollReread} {
		p.open()
		p.sync(depth)
		p.close()
	}
	p.open()
}

// testBarrier checks that PollAll finds every change made before the call.
func testBarrier(p *probe) {
	all := p.store.names()
	for version := range 3 {
		for i, name := range all {
			if (version+i)%4 == 3 && version > 0 {
				p.remove(name)
			} else {
				p.put(name, version)
			}
			p.sync(source.PollAll)
		}
	}
	p.put(all[0], 10) // several changes of one document between two polls
	p.put(all[0], 11)
	p.put(all[1], 10)
	p.remove(all[1])
	p.sync(source.PollAll)
	p.put(all[1], 12)
	p.remove(all[0])
	p.put(all[0], 12)
	p.sync(source.PollAll)
}

// testNotified checks that Wait returns after every change, and that PollNotified then
// finds it.
func testNotified(p *probe) {
	p.sync(source.PollAll)
	all := p.store.names()
	p.put(all[3], 1) // before Wait
	p.follow()
	for _, name := range all {
		p.put(name, 2)
	}
	p.follow()
	p.put(all[0], 3)
	p.remove(all[2])
	p.follow()

	// During Wait, most of the time.
	waiting, changed := make(chan struct{}), make(chan error, 1)
	change := document{4, 1}
	go func() {
		<-waiting
		changed <- p.store.Put(all[3], change.content(all[3]))
	}()
	p.stored[all[3]] = change
	close(waiting)
	p.follow()
	require.NoError(p, <-changed)
}

// testQuiet checks that unchanged documents are not delivered again.
func testQuiet(p *probe) {
	for i, name := range p.store.names() {
		p.put(name, i)
	}
	p.sync(source.PollAll)
	p.quiet()
	p.put("a.toml", 7)
	p.sync(source.PollAll)
	p.quiet()
}

// testReread checks that PollReread delivers every document, changed or not, even during
// a change.
func testReread(p *probe) {
	all := slices.Sorted(slices.Values(p.store.names()))
	for i, name := range all {
		p.put(name, i)
	}
	p.sync(source.PollAll)
	p.quiet()
	require.Equal(p, all, slices.Sorted(maps.Keys(p.sync(source.PollReread))), "documents delivered again")
	p.quiet()

	p.put(all[0], 9)
	require.Equal(p, all, slices.Sorted(maps.Keys(p.sync(source.PollReread))), "documents delivered again during a change")
	p.remove(all[1])
	p.sync(source.PollReread)
	p.sync(source.PollReread)
	p.quiet()
}

// testRemoved checks that a removal is delivered once, and that the document may return.
func testRemoved(p *probe) {
	all := p.store.names()
	for _, name := range all {
		p.put(name, 1)
	}
	p.sync(source.PollAll)
	for range 2 {
		p.remove(all[0])
		p.remove(all[3])
		p.sync(source.PollAll)
		p.quiet()
		p.put(all[3], 1)
		p.put(all[0], 1)
		p.sync(source.PollAll)
	}
	p.remove(all[0])
	p.follow()
	p.quiet()
	p.put(all[0], 1)
	p.follow()
	p.remove(all[1])
	p.put(all[1], 1) // the same content
	p.sync(source.PollAll)
	p.put("e.toml", 1) // never delivered
	p.remove("e.toml")
	for _, name := range all {
		p.remove(name)
	}
	p.sync(source.PollAll)
	require.Empty(p, p.delivered)
}

// testContext checks that Wait blocks until its context ends, and that a Poll whose context
// ends, or that fails, loses no change.
func testContext(p *probe) {
	p.put("a.toml", 1)
	p.sync(source.PollAll)
	p.quiet()

	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	require.ErrorIs(p, p.idle(ctx), context.DeadlineExceeded)
	require.ErrorIs(p, p.idle(ctx), context.DeadlineExceeded, "the next Wait")

	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	require.ErrorIs(p, p.idle(canceled), context.Canceled)
	for version := range 3 {
		p.put("a.toml", 2+version)
		p.put("b.toml", 2+version)
		_, _ = p.pollContext(canceled, source.PollAll)
		p.sync(source.PollAll)
	}
	p.put("a.toml", 5)
	_, _ = p.pollContext(canceled, source.PollNotified)
	p.follow()
	p.close()
	p.open()
	_, _ = p.pollContext(canceled, source.PollAll)
	p.sync(source.PollAll)
}

// testUnreachable checks that an unreachable store is an error, and removes nothing.
func testUnreachable(p *probe) {
	if p.store.SetReachable == nil {
		p.Skip("Store.SetReachable is nil")
	}
	all := p.store.names()
	for _, name := range all {
		p.put(name, 1)
	}
	p.sync(source.PollAll)
	for version := range 2 {
		p.put(all[3], 4+version)
		_, _ = p.poll(source.PollAll) // it may be pending now
		p.setReachable(false)
		for _, depth := range []source.Depth{source.PollAll, source.PollReread, source.PollAll} {
			b, err := p.poll(depth)
			require.Error(p, err, "Poll of an unreachable store")
			require.NotEmpty(p, b.Health.Mode, "Health.Mode beside an error")
		}
		ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		require.ErrorIs(p, p.idle(ctx), context.DeadlineExceeded)
		cancel()
		if version > 0 { // the first time nothing changes meanwhile
			p.put(all[0], 2)
			p.put(all[1], 2)
			p.remove(all[2])
		}
		before := len(p.delivered)
		p.setReachable(true)
		if version == 0 {
			p.put(all[3], 6)
		}
		p.follow()
		require.Len(p, p.delivered, before-version)
		p.put(all[3], 7)
		p.follow()
		p.quiet()
	}
}

// testTogether checks that changes made atomically are delivered in one batch.
func testTogether(p *probe) {
	if p.store.Apply == nil {
		p.Skip("Store.Apply is nil")
	}
	apply := func(put []string, version int, remove ...string) {
		changes := make(map[string]string)
		next := maps.Clone(p.stored)
		for _, name := range put {
			next[name] = document{version, 1}
			changes[name] = next[name].content(name)
		}
		for _, name := range remove {
			delete(next, name)
		}
		require.NoError(p, p.store.Apply(changes, remove))
		p.stored = next
		ctx, cancel := p.timeout()
		defer cancel()
		for whole := len(p.difference()); len(p.difference()) > 0; {
			require.Len(p, p.difference(), whole, "only a part of an atomic change was delivered")
			require.NoError(p, p.wait(ctx), "change was not delivered in time")
			_, _ = p.poll(source.PollNotified)
		}
	}
	p.sync(source.PollAll)
	all := p.store.names()
	for version := range 5 {
		apply(all, 2*version)
		apply(all[1:3], 2*version+1, all[0], all[3])
	}
}
