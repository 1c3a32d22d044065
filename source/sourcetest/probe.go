package sourcetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/neurondex/neurondex/source"
	"github.com/stretchr/testify/require"
)

// A probe calls a source as a watcher does, and compares what it delivers with what the
// store holds.
type probe struct {
	*testing.T
	store  Store
	stored map[string]document // what the store holds

	source    source.Source     // nil if it is closed
	delivered map[string][]byte // what the source delivered
	health    source.Health     // of the last poll
}

func newProbe(t *testing.T, store Store) *probe {
	t.Helper()
	p := &probe{T: t, store: store, stored: make(map[string]document)}
	p.open()
	t.Cleanup(p.close)
	return p
}

func (p *probe) open() {
	p.source, p.delivered, p.health = p.store.Open(), make(map[string][]byte), source.Health{}
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

// finish checks what must hold at the end of every test.
func (p *probe) finish() {
	p.Helper()
	p.sync(source.PollAll)
	p.quiet()
	p.close()
}

func (p *probe) put(name string, version int) {
	p.Helper()
	doc := newDocument(version)
	require.NoError(p, p.store.Put(name, doc.content(name)))
	p.stored[name] = doc
}

func (p *probe) remove(name string) {
	p.Helper()
	require.NoError(p, p.store.Remove(name))
	delete(p.stored, name)
}

func (p *probe) setReachable(reachable bool) {
	p.Helper()
	require.NoError(p, p.store.SetReachable(reachable))
}

// timeout returns a context that ends after Within.
func (p *probe) timeout() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), p.store.within())
}

// call calls a method of the source with a context that ends after Within. The test fails
// if the call then does not return.
func (p *probe) call(method string, f func(context.Context, source.Source)) {
	p.Helper()
	ctx, cancel := p.timeout()
	defer cancel()
	source, done := p.source, make(chan struct{})
	go func() {
		defer close(done)
		f(ctx, source)
	}()
	select {
	case <-done:
	case <-time.After(2 * p.store.within()):
		p.source = nil // the call still uses it
		p.Fatalf("%s does not return after its context ended", method)
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

// poll calls Poll and records what it delivers.
func (p *probe) poll(depth source.Depth) (source.Batch, error) {
	p.Helper()
	return p.pollContext(context.Background(), depth)
}

var errTimeout = errors.New("timeout")

func (p *probe) pollContext(ctx context.Context, depth source.Depth) (b source.Batch, err error) {
	p.Helper()
	p.call("Poll", func(bound context.Context, s source.Source) {
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		defer context.AfterFunc(bound, func() { cancel(errTimeout) })()
		b, err = s.Poll(ctx, depth)
		if errors.Is(context.Cause(ctx), errTimeout) {
			err = errTimeout
		}
	})
	require.NotErrorIs(p, err, errTimeout, "Poll did not return in time")
	p.checkHealth(b.Health)
	seen := make(map[string]bool)
	once := func(name string) {
		p.Helper()
		require.False(p, seen[name], "%s is in a batch twice", name)
		seen[name] = true
	}
	for _, d := range b.Changed {
		once(d.Name)
		require.NoError(p, d.Err, "%s", d.Name)
		p.delivered[d.Name] = d.Data
	}
	for _, name := range b.Removed {
		once(name)
		require.Contains(p, p.delivered, name, "removed twice, or never delivered")
		delete(p.delivered, name)
	}
	return b, err
}

func (p *probe) checkHealth(now source.Health) {
	p.Helper()
	before := p.health
	p.health = now
	require.NotEmpty(p, now.Mode, "Health.Mode")
	for count, ok := range map[string]bool{
		"Events":        now.Events >= before.Events,
		"Overflows":     now.Overflows >= before.Overflows,
		"WatchErrors":   now.WatchErrors >= before.WatchErrors,
		"Resyncs":       now.Resyncs >= before.Resyncs,
		"ResyncChanges": now.ResyncChanges >= before.ResyncChanges,
	} {
		require.True(p, ok, "Health.%s decreased: %+v, then %+v", count, before, now)
	}
}

// sync polls at the depth, and then until the documents that were pending are delivered.
// Now the source must have delivered what the store holds. It returns the names of the
// documents delivered.
func (p *probe) sync(depth source.Depth) map[string]bool {
	p.Helper()
	came := make(map[string]bool)
	poll := func(depth source.Depth) []string {
		p.Helper()
		b, err := p.poll(depth)
		require.NoError(p, err)
		for _, d := range b.Changed {
			came[d.Name] = true
		}
		return b.Pending
	}
	ctx, cancel := p.timeout()
	defer cancel()
	for pending := slices.Clone(poll(depth)); len(pending) > 0; {
		require.NoError(p, p.wait(ctx), "Wait did not return in time for pending documents: %v", pending)
		require.NoError(p, ctx.Err(), "documents stay pending: %v", pending)
		now := poll(source.PollNotified)
		pending = slices.DeleteFunc(pending, func(name string) bool { return !slices.Contains(now, name) })
	}
	require.Empty(p, p.difference(), "source did not deliver what the store holds")
	return came
}

// difference describes how what was delivered differs from what the store holds.
func (p *probe) difference() (list []string) {
	for name, doc := range p.stored {
		if data, ok := p.delivered[name]; !ok {
			list = append(list, name+" was not delivered")
		} else if want := doc.content(name); string(data) != want {
			list = append(list, fmt.Sprintf("%s: delivered %q, stored %q", name, data, want))
		}
	}
	for name := range p.delivered {
		if _, ok := p.stored[name]; !ok {
			list = append(list, name+" was not removed")
		}
	}
	slices.Sort(list)
	return list
}

// follow calls Wait and Poll, at PollNotified, until the source has delivered what the
// store holds. Poll may fail meanwhile, since the store may have been unreachable.
func (p *probe) follow() {
	p.Helper()
	ctx, cancel := p.timeout()
	defer cancel()
	for len(p.difference()) > 0 {
		err := p.wait(ctx)
		if ctx.Err() != nil {
			require.Empty(p, p.difference(), "change was not delivered in time")
		}
		require.NoError(p, err, "Wait")
		_, _ = p.poll(source.PollNotified)
	}
}

// quiet polls until nothing is delivered any more, and checks that it stays so. A source
// that cannot tell yet whether a document changed may deliver it once more, but not
// forever.
func (p *probe) quiet() {
	p.Helper()
	ctx, cancel := p.timeout()
	defer cancel()
	for {
		b, err := p.poll(source.PollAll)
		require.NoError(p, err)
		if len(b.Changed)+len(b.Removed)+len(b.Pending) == 0 {
			break
		}
		require.NoError(p, ctx.Err(), "unchanged documents are delivered again and again: %v", names(b))
		if len(b.Pending) > 0 {
			_ = p.wait(ctx)
		}
	}
	for range 2 {
		for _, depth := range []source.Depth{source.PollNotified, source.PollAll} {
			b, err := p.poll(depth)
			require.NoError(p, err)
			require.Empty(p, names(b), "unchanged documents are delivered again")
		}
	}
	require.Empty(p, p.difference(), "source did not deliver what the store holds")
}

// names returns the names of the documents that a batch delivers.
func names(b source.Batch) (list []string) {
	for _, d := range b.Changed {
		list = append(list, d.Name)
	}
	for _, name := range b.Removed {
		list = append(list, name+" (removed)")
	}
	return list
}

// idle calls Wait, again and again, until ctx ends, and returns its error. A source
// without changes may return from Wait early, but not all the time.
func (p *probe) idle(ctx context.Context) error {
	p.Helper()
	for range 50 {
		if err := p.wait(ctx); err != nil {
			require.Error(p, ctx.Err(), "Wait failed before its context ended: %v", err)
			return err
		}
		_, _ = p.poll(source.PollNotified)
	}
	p.Fatal("Wait returned 50 times without a change, or ignores its context")
	return nil
}
