package watchertest_test

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/neurondex/neurondex/watcher"
	"github.com/neurondex/neurondex/watcher/watchertest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// store returns a store in memory, with a source that may be broken.
func store(open func(*memorySource) watcher.Source) watchertest.Store {
	m := newMemory()
	return watchertest.Store{
		Open:         func() watcher.Source { return open(&memorySource{memory: m}) },
		Put:          m.Put,
		Remove:       m.Remove,
		Apply:        m.Apply,
		SetReachable: m.SetReachable,
	}
}

func sound(s *memorySource) watcher.Source { return s }

func TestMemory(t *testing.T) {
	watchertest.Run(t, func(*testing.T) watchertest.Store { return store(sound) })
}

// TestLeastStore runs what is left for a store that can do as little as may be.
func TestLeastStore(t *testing.T) {
	watchertest.Run(t, func(*testing.T) watchertest.Store {
		s := store(sound)
		s.Apply, s.SetReachable, s.Flat = nil, nil, true
		return s
	})
}

// A broken source is a sound one but for some of its methods.
type broken struct {
	*memorySource
	wait  func(context.Context) error
	poll  func(context.Context, watcher.Depth) (watcher.Batch, error)
	close func() error
}

func (b *broken) Wait(ctx context.Context) error {
	if b.wait != nil {
		return b.wait(ctx)
	}
	return b.memorySource.Wait(ctx)
}

func (b *broken) Poll(ctx context.Context, depth watcher.Depth) (watcher.Batch, error) {
	if b.poll != nil {
		return b.poll(ctx, depth)
	}
	return b.memorySource.Poll(ctx, depth)
}

func (b *broken) Close() error {
	if b.close != nil {
		return b.close()
	}
	return b.memorySource.Close()
}

// brokenSources are sources that do not keep the contract, and some of the tests that are
// to find it.
var brokenSources = map[string]struct {
	fails []string
	open  func(*memorySource) watcher.Source
}{
	"never wakes": {[]string{"Source/Notices", "Watcher/Follows"}, func(s *memorySource) watcher.Source {
		return &broken{memorySource: s, wait: func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}}
	}},
	"misses what changes before it waits": {[]string{"Source/Notices"}, func(s *memorySource) watcher.Source {
		return &broken{memorySource: s, wait: func(ctx context.Context) error {
			_, s.changed, _ = s.memory.read()
			return s.Wait(ctx)
		}}
	}},
	"does not end with its context": {[]string{"Source/Context"}, func(s *memorySource) watcher.Source {
		return &broken{memorySource: s, wait: func(context.Context) error {
			<-s.changed
			return nil
		}}
	}},
	"never rests": {[]string{"Source/Context"}, func(s *memorySource) watcher.Source {
		return &broken{memorySource: s, wait: func(ctx context.Context) error { return ctx.Err() }}
	}},
	"delivers twice": {[]string{"Source/Quiet"}, func(s *memorySource) watcher.Source {
		return &broken{memorySource: s, poll: func(ctx context.Context, depth watcher.Depth) (watcher.Batch, error) {
			if depth == watcher.Everything {
				depth = watcher.Afresh
			}
			return s.Poll(ctx, depth)
		}}
	}},
	"delivers nothing afresh": {[]string{"Source/Afresh"}, func(s *memorySource) watcher.Source {
		return &broken{memorySource: s, poll: func(ctx context.Context, _ watcher.Depth) (watcher.Batch, error) {
			return s.Poll(ctx, watcher.Everything)
		}}
	}},
	"forgets removals": {[]string{"Source/Removed", "Source/Barrier", "Watcher/Follows", "Watcher/Random"}, func(s *memorySource) watcher.Source {
		return &broken{memorySource: s, poll: func(ctx context.Context, depth watcher.Depth) (watcher.Batch, error) {
			b, err := s.Poll(ctx, depth)
			b.Removed = nil
			return b, err
		}}
	}},
	"removes twice": {[]string{"Source/Removed"}, func(s *memorySource) watcher.Source {
		var gone []string
		return &broken{memorySource: s, poll: func(ctx context.Context, depth watcher.Depth) (watcher.Batch, error) {
			b, err := s.Poll(ctx, depth)
			gone, b.Removed = b.Removed, append(b.Removed, gone...)
			return b, err
		}}
	}},
	"has nothing when its store is away": {[]string{"Source/Unreachable", "Watcher/Unreachable"}, func(s *memorySource) watcher.Source {
		return &broken{memorySource: s, poll: func(ctx context.Context, depth watcher.Depth) (watcher.Batch, error) {
			b, err := s.Poll(ctx, depth)
			if err != nil && ctx.Err() == nil {
				for name := range s.known {
					b.Removed = append(b.Removed, name)
				}
				s.known = nil
			}
			return b, nil
		}}
	}},
	"loses what a look found that fails": {[]string{"Source/Context"}, func(s *memorySource) watcher.Source {
		return &broken{memorySource: s, poll: func(ctx context.Context, depth watcher.Depth) (watcher.Batch, error) {
			b, err := s.Poll(context.WithoutCancel(ctx), depth)
			if err == nil {
				err = ctx.Err()
			}
			return b, err
		}}
	}},
	"sees only what it was told of": {[]string{"Source/Barrier"}, func(s *memorySource) watcher.Source {
		told := true
		return &broken{memorySource: s,
			wait: func(ctx context.Context) error {
				err := s.Wait(ctx)
				told = told || err == nil
				return err
			},
			poll: func(ctx context.Context, depth watcher.Depth) (watcher.Batch, error) {
				if !told && depth != watcher.Afresh {
					return watcher.Batch{Health: watcher.Health{Mode: "memory"}}, ctx.Err()
				}
				told = false
				return s.Poll(ctx, depth)
			}}
	}},
	"delivers one by one": {[]string{"Source/Together"}, func(s *memorySource) watcher.Source {
		var rest []watcher.Document
		return &broken{memorySource: s,
			wait: func(ctx context.Context) error {
				if len(rest) > 0 {
					return ctx.Err()
				}
				return s.Wait(ctx)
			},
			poll: func(ctx context.Context, depth watcher.Depth) (watcher.Batch, error) {
				b, err := s.Poll(ctx, depth)
				if err != nil {
					return b, err
				}
				rest = slices.DeleteFunc(rest, func(d watcher.Document) bool {
					return slices.Contains(b.Removed, d.Name) || slices.ContainsFunc(b.Changed, func(c watcher.Document) bool { return c.Name == d.Name })
				})
				rest = append(rest, b.Changed...)
				b.Changed = nil
				if len(rest) > 0 {
					b.Changed, rest = rest[:1:1], rest[1:]
				}
				for _, d := range rest {
					b.Pending = append(b.Pending, d.Name)
				}
				return b, nil
			}}
	}},
	"never has what is pending": {[]string{"Source/Everything", "Watcher/Follows"}, func(s *memorySource) watcher.Source {
		return &broken{memorySource: s, poll: func(ctx context.Context, depth watcher.Depth) (watcher.Batch, error) {
			b, err := s.Poll(ctx, depth)
			for _, d := range b.Changed {
				b.Pending = append(b.Pending, d.Name)
			}
			b.Changed = nil
			return b, err
		}}
	}},
	"delivers a part": {[]string{"Source/Everything", "Watcher/Follows", "Watcher/Bursts"}, func(s *memorySource) watcher.Source {
		return &broken{memorySource: s, poll: func(ctx context.Context, depth watcher.Depth) (watcher.Batch, error) {
			b, err := s.Poll(ctx, depth)
			for i, d := range b.Changed {
				b.Changed[i].Data = d.Data[:len(d.Data)/2]
			}
			return b, err
		}}
	}},
	"leaks a goroutine": {[]string{"Close"}, func(s *memorySource) watcher.Source {
		for range 2 {
			go func() { select {} }()
		}
		return s
	}},
}

// TestBrokenSources runs the tests on broken sources, each in a process of its own, since
// a test that fails has all those around it fail.
func TestBrokenSources(t *testing.T) {
	const env = "WATCHERTEST_BROKEN"
	if name := os.Getenv(env); name != "" {
		watchertest.Run(t, func(*testing.T) watchertest.Store {
			s := store(brokenSources[name].open)
			s.Within = 300 * time.Millisecond
			return s
		})
		return
	}
	for name, source := range brokenSources {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestBrokenSources$", "-test.parallel=8", "-test.timeout=1m")
			cmd.Env = append(os.Environ(), env+"="+name)
			out, err := cmd.CombinedOutput()
			var failed *exec.ExitError
			require.ErrorAs(t, err, &failed, "the source passed")
			for _, test := range source.fails {
				failed := strings.Contains(string(out), "--- FAIL: TestBrokenSources/"+test+" ")
				assert.True(t, failed, "%s passed", test)
			}
			assert.False(t, strings.Contains(string(out), "panic:") || strings.Contains(string(out), "DATA RACE"), "it is the tests that failed")
			if t.Failed() {
				t.Logf("%s", out)
			}
		})
	}
}
