package sourcetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/neurondex/neurondex/source"
	"github.com/stretchr/testify/require"
)

// A probe calls a source as a watcher does, and holds what it delivers against what the
// store has.
type probe struct {
	*testing.T
	store  Store
	within time.Duration
	stored map[string]document // what the store has

	source source.Source
	held   map[string][]byte // what the source has delivered
	health source.Health     // that came last
}

func newProbe(t *testing.T, store Store) *probe {
	t.Helper()
	p := &probe{T: t, store: store, within: store.Within, stored: make(map[string]document)}
	if p.within == 0 {
		p.within = 10 * time.Second
	}
	p.open()
	t.Cleanup(p.close)
	return p
}

func (p *probe) open() {
	p.source, p.held, p.health = p.store.Open(), make(map[string][]byte), source.Health{}
}

func (p *probe) close() {
	p.Helper()
	if p.source == nil {
		return
	}
	p.call("Close", func(_ context.Context, s source.Source) {
		if err := s.Close(); err != nil {
			p.Errorf("Close: %v", err)
		}
	})
	p.source = nil
}

// end makes sure of what is to hold at the end of every test.
func (p *probe) end() {
	p.Helper()
	p.settle(source.PollAll)
	p.quiet()
	p.close()
}

func (p *probe) put(name string, version int) {
	p.Helper()
	doc := document{version, 1 + version%3}
	require.NoError(p, p.store.Put(name, doc.content(name)))
	p.stored[name] = doc
}

func (p *probe) remove(name string) {
	p.Helper()
	require.NoError(p, p.store.Remove(name))
	delete(p.stored, name)
}

func (p *probe) reach(reachable bool) {
	p.Helper()
	require.NoError(p, p.store.SetReachable(reachable))
}

// names returns names of documents as the store can have them.
func (s *Store) names() []string {
	if s.Flat {
		return []string{"a.toml", "b.json", "c.jsonc", "d.toml"}
	}
	return []string{"a.toml", "b.json", "sub/c.jsonc", "sub/deep/d.toml"}
}

// call calls a method of the source with a context that ends after Within, and fails the
// test if that has not ended the call.
func (p *probe) call(method string, f func(context.Context, source.Source)) {
	p.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), p.within)
	defer cancel()
	source, done := p.source, make(chan struct{})
	go func() {
		defer close(done)
		f(ctx, source)
	}()
	select {
	case <-done:
	case <-time.After(2 * p.within):
		p.source = nil // a call is still going on
		p.Fatalf("%s has not returned, long after its context has ended", method)
	}
}

// wait calls Wait.
func (p *probe) wait(ctx context.Context) (err error) {
	p.Helper()
	p.call("Wait", func(bound context.Context, s source.Source) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(bound, cancel)()
		err = s.Wait(ctx)
	})
	return err
}

// look calls Poll once and takes what it delivers.
func (p *probe) look(depth source.Depth) (source.Batch, error) {
	p.Helper()
	return p.lookWith(context.Background(), depth)
}

func (p *probe) lookWith(ctx context.Context, depth source.Depth) (b source.Batch, err error) {
	p.Helper()
	p.call("Poll", func(bound context.Context, s source.Source) {
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		defer context.AfterFunc(bound, func() { cancel(errLate) })()
		b, err = s.Poll(ctx, depth)
		if errors.Is(context.Cause(ctx), errLate) {
			err = errLate
		}
	})
	require.NotErrorIs(p, err, errLate, "a look that leads to nothing is to end by itself")
	was, is := p.health, b.Health
	p.health = is
	for count, grew := range map[string]bool{
		"Events":        is.Events >= was.Events,
		"Overflows":     is.Overflows >= was.Overflows,
		"WatchErrors":   is.WatchErrors >= was.WatchErrors,
		"Resyncs":       is.Resyncs >= was.Resyncs,
		"ResyncChanges": is.ResyncChanges >= was.ResyncChanges,
	} {
		require.True(p, grew, "Health.%s has become less: %+v, then %+v", count, was, is)
	}
	require.NotEmpty(p, is.Mode, "Health.Mode")
	met := make(map[string]bool)
	once := func(name string) {
		p.Helper()
		require.False(p, met[name], "%s is twice in one batch", name)
		met[name] = true
	}
	for _, d := range b.Changed {
		once(d.Name)
		require.NoError(p, d.Err, "%s", d.Name)
		p.held[d.Name] = d.Data
	}
	for _, name := range b.Removed {
		once(name)
		require.Contains(p, p.held, name, "removed, though it was never delivered, or was removed already")
		delete(p.held, name)
	}
	return b, err
}

var errLate = errors.New("it did not end within the time that there is")

// poll calls Poll once, and does not mind an error.
func (p *probe) poll(depth source.Depth) {
	p.Helper()
	_, _ = p.look(depth)
}

// settle looks, and goes on until nothing is pending that was so at first. It returns the
// names of what was delivered. By then the source has delivered what the store has.
func (p *probe) settle(depth source.Depth) map[string]bool {
	p.Helper()
	delivered := make(map[string]bool)
	look := func(depth source.Depth) []string {
		p.Helper()
		b, err := p.look(depth)
		require.NoError(p, err)
		for _, d := range b.Changed {
			delivered[d.Name] = true
		}
		return b.Pending
	}
	ctx, cancel := context.WithTimeout(context.Background(), p.within)
	defer cancel()
	for pending := slices.Clone(look(depth)); len(pending) > 0; {
		require.NoError(p, p.wait(ctx), "Wait did not return in time for what is pending: %v", pending)
		require.NoError(p, ctx.Err(), "these stay pending: %v", pending)
		still := look(source.PollNotified)
		pending = slices.DeleteFunc(pending, func(name string) bool { return !slices.Contains(still, name) })
	}
	require.Empty(p, p.difference(), "what the source delivered is not what the store has")
	return delivered
}

// difference says how what was delivered differs from what the store has.
func (p *probe) difference() (list []string) {
	for name, doc := range p.stored {
		if data, ok := p.held[name]; !ok {
			list = append(list, name+" was not delivered")
		} else if want := doc.content(name); string(data) != want {
			list = append(list, fmt.Sprintf("%s: delivered %q, stored %q", name, data, want))
		}
	}
	for name := range p.held {
		if _, ok := p.stored[name]; !ok {
			list = append(list, name+" was not removed")
		}
	}
	slices.Sort(list)
	return list
}

// follow waits and looks at what is noticed only, until the source has delivered what the
// store has. Where the store may be out of reach, errors are no fault.
func (p *probe) follow() {
	p.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), p.within)
	defer cancel()
	for len(p.difference()) > 0 {
		err := p.wait(ctx)
		if ctx.Err() != nil {
			require.Empty(p, p.difference(), "a change was not noticed")
		}
		require.NoError(p, err, "Wait")
		p.poll(source.PollNotified)
	}
}

// quiet looks until nothing is delivered any more, and then makes sure that it stays so. A
// source that cannot tell yet whether a document has changed may deliver it once more, but
// not for ever.
func (p *probe) quiet() {
	p.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), p.within)
	defer cancel()
	for {
		b, err := p.look(source.PollAll)
		require.NoError(p, err)
		if len(b.Changed)+len(b.Removed)+len(b.Pending) == 0 {
			break
		}
		require.NoError(p, ctx.Err(), "documents that do not change are delivered again and again: %v", names(b))
		if len(b.Pending) > 0 {
			_ = p.wait(ctx)
		}
	}
	for range 2 {
		for _, depth := range []source.Depth{source.PollNotified, source.PollAll} {
			b, err := p.look(depth)
			require.NoError(p, err)
			require.Empty(p, names(b), "delivered again, though nothing has changed")
		}
	}
	require.Empty(p, p.difference(), "what was delivered did not stay so")
}

func names(b source.Batch) (list []string) {
	for _, d := range b.Changed {
		list = append(list, d.Name)
	}
	for _, name := range b.Removed {
		list = append(list, name+" (removed)")
	}
	return list
}

// testEverything: the first look delivers everything, however deep it is asked to be.
func testEverything(p *probe) {
	require.Empty(p, p.settle(source.PollAll), "the store is empty")
	p.close()
	for i, name := range p.store.names() {
		p.put(name, i)
	}
	for _, depth := range []source.Depth{source.PollNotified, source.PollAll, source.PollReread} {
		p.open()
		p.settle(depth)
		p.close()
	}
	p.open()
}

// testBarrier: a look at everything sees every change that was made before it, whether it
// was noticed or not.
func testBarrier(p *probe) {
	all := p.store.names()
	for version := range 3 {
		for i, name := range all {
			if (version+i)%4 == 3 && version > 0 {
				p.remove(name)
			} else {
				p.put(name, version)
			}
			p.settle(source.PollAll)
		}
	}
	p.put(all[0], 10) // several changes of one document between two looks
	p.put(all[0], 11)
	p.put(all[1], 10)
	p.remove(all[1])
	p.settle(source.PollAll)
	p.put(all[1], 12)
	p.remove(all[0])
	p.put(all[0], 12)
	p.settle(source.PollAll)
}

// testNotices: Wait returns for every change, and the look behind it sees it.
func testNotices(p *probe) {
	p.settle(source.PollAll)
	all := p.store.names()
	p.put(all[3], 1) // before it waits
	p.follow()
	for _, name := range all {
		p.put(name, 2)
	}
	p.follow()
	p.put(all[0], 3)
	p.remove(all[2])
	p.follow()

	// While it waits, for as far as that can be told.
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

// testQuiet: what has not changed is not delivered again.
func testQuiet(p *probe) {
	for i, name := range p.store.names() {
		p.put(name, i)
	}
	p.settle(source.PollAll)
	p.quiet()
	p.put("a.toml", 7)
	p.settle(source.PollAll)
	p.quiet()
}

// testAfresh: everything is delivered again, whether it has changed or not, and even if
// something else is changing just now.
func testAfresh(p *probe) {
	all := p.store.names()
	for i, name := range all {
		p.put(name, i)
	}
	p.settle(source.PollAll)
	p.quiet()
	again := slices.Sorted(maps.Keys(p.settle(source.PollReread)))
	require.Equal(p, slices.Sorted(slices.Values(all)), again, "delivered afresh")
	p.quiet()

	p.put(all[0], 9)
	again = slices.Sorted(maps.Keys(p.settle(source.PollReread)))
	require.Equal(p, slices.Sorted(slices.Values(all)), again, "delivered afresh while one of them changes")
	p.remove(all[1])
	p.settle(source.PollReread)
	p.settle(source.PollReread)
	p.quiet()
}

// testRemoved: what is gone is said to be so once, and may come back.
func testRemoved(p *probe) {
	all := p.store.names()
	for _, name := range all {
		p.put(name, 1)
	}
	p.settle(source.PollAll)
	for range 2 {
		p.remove(all[0])
		p.remove(all[3])
		p.settle(source.PollAll)
		p.quiet()
		p.put(all[3], 1)
		p.put(all[0], 1)
		p.settle(source.PollAll)
	}
	p.remove(all[0])
	p.follow()
	p.quiet()
	p.put(all[0], 1)
	p.follow()
	p.remove(all[1])
	p.put(all[1], 1) // the same again
	p.settle(source.PollAll)
	p.put("e.toml", 1) // nobody ever saw it
	p.remove("e.toml")
	for _, name := range all {
		p.remove(name)
	}
	p.settle(source.PollAll)
	require.Empty(p, p.held)
}

// testContext: Wait ends with its context, and rests until then. A look that ends so, or
// any other error, loses nothing.
func testContext(p *probe) {
	p.put("a.toml", 1)
	p.settle(source.PollAll)
	p.quiet()

	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	require.ErrorIs(p, p.rest(ctx), context.DeadlineExceeded)
	require.ErrorIs(p, p.rest(ctx), context.DeadlineExceeded, "and so does the next Wait")

	gone, cancel := context.WithCancel(context.Background())
	cancel()
	require.ErrorIs(p, p.rest(gone), context.Canceled)
	for version := range 3 {
		p.put("a.toml", 2+version)
		p.put("b.toml", 2+version)
		_, _ = p.lookWith(gone, source.PollAll)
		p.settle(source.PollAll)
	}
	p.put("a.toml", 5)
	_, _ = p.lookWith(gone, source.PollNotified)
	p.follow()
	p.close()
	p.open()
	_, _ = p.lookWith(gone, source.PollAll)
	p.settle(source.PollAll)
}

// rest waits, again and again, until ctx ends, and returns what Wait returns then. A
// source that has nothing to tell may return from Wait, but not all the time.
func (p *probe) rest(ctx context.Context) error {
	p.Helper()
	for range 50 {
		if err := p.wait(ctx); err != nil {
			require.Error(p, ctx.Err(), "Wait failed before its context ended: %v", err)
			return err
		}
		p.poll(source.PollNotified)
	}
	p.Fatal("Wait returned 50 times with nothing to tell, or does not end with its context")
	return nil
}

// testUnreachable: a store that is out of reach is an error, and nothing is gone for that.
func testUnreachable(p *probe) {
	if p.store.SetReachable == nil {
		p.Skip("Store.SetReachable is nil")
	}
	all := p.store.names()
	for _, name := range all {
		p.put(name, 1)
	}
	p.settle(source.PollAll)
	for version := range 2 {
		p.put(all[3], 4+version)
		p.poll(source.PollAll) // it may be pending by now
		p.reach(false)
		for _, depth := range []source.Depth{source.PollAll, source.PollReread, source.PollAll} {
			b, err := p.look(depth)
			require.Error(p, err, "a look at everything that cannot be looked at")
			require.NotEmpty(p, b.Health.Mode, "Health is given with an error, too")
		}
		ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		require.ErrorIs(p, p.rest(ctx), context.DeadlineExceeded)
		cancel()
		if version > 0 { // the first time all is as before
			p.put(all[0], 2)
			p.put(all[1], 2)
			p.remove(all[2])
		}
		held := len(p.held)
		p.reach(true)
		if version == 0 {
			p.put(all[3], 6)
		}
		p.follow()
		require.Len(p, p.held, held-version)
		p.put(all[3], 7)
		p.follow() // it is told of changes again
		p.quiet()
	}
}

// testTogether: what is changed at once is delivered at once.
func testTogether(p *probe) {
	if p.store.Apply == nil {
		p.Skip("Store.Apply is nil")
	}
	all := p.store.names()
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
		ctx, cancel := context.WithTimeout(context.Background(), p.within)
		defer cancel()
		for all := len(p.difference()); len(p.difference()) > 0; {
			require.Len(p, p.difference(), all, "only a part of what was changed at once was delivered")
			require.NoError(p, p.wait(ctx), "a change was not noticed")
			p.poll(source.PollNotified)
		}
	}
	p.settle(source.PollAll)
	for version := range 5 {
		apply(all, 2*version)
		apply(all[1:3], 2*version+1, all[0], all[3])
	}
}
