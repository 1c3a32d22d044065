package sourcetest

import (
	"context"
	"testing"
	"time"

	"github.com/neurondex/neurondex/source"
	"go.uber.org/goleak"
)

// testClose checks that no goroutine outlives a source or a watcher.
func testClose(t *testing.T, newStore func(t *testing.T) Store) {
	p := newProbe(t, newStore(t))
	p.finish() // what all sources share is running now
	running := goleak.IgnoreCurrent()
	check := func(when string) {
		t.Helper()
		if err := goleak.Find(running); err != nil {
			t.Fatalf("source closed %s leaks goroutines: %v", when, err)
		}
	}

	p.open()
	p.close()
	check("before the first Poll")

	p.open()
	p.put("a.toml", 1)
	p.sync(source.PollAll)
	p.put("a.toml", 2)
	p.put("b.toml", 1)
	_, _ = p.poll(source.PollNotified)
	p.close()
	check("during changes")

	p.open()
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	_ = p.wait(ctx)
	cancel()
	p.close()
	check("after Wait")

	if p.store.SetReachable != nil {
		p.open()
		p.sync(source.PollAll)
		p.setReachable(false)
		_, _ = p.poll(source.PollAll)
		p.close()
		check("while its store is unreachable")
		p.setReachable(true)
	}

	r := newRig(t, p.store)
	r.documents = p.stored
	r.open()
	r.close()
	check("by a watcher")
}
