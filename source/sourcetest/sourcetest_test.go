package sourcetest_test

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/neurondex/neurondex/source"
	"github.com/neurondex/neurondex/source/sourcetest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// store returns a store in memory, whose sources open wraps.
func store(open func(*sourcetest.MemorySource) source.Source) sourcetest.Store {
	m := sourcetest.NewMemory()
	s := m.Store()
	s.Open = func() source.Source { return open(m.Open()) }
	return s
}

func unbroken(s *sourcetest.MemorySource) source.Source { return s }

func TestMemory(t *testing.T) {
	sourcetest.Run(t, func(*testing.T) sourcetest.Store { return store(unbroken) })
}

// TestMinimalStore tests a store that has only the functions that a Store requires.
func TestMinimalStore(t *testing.T) {
	sourcetest.Run(t, func(*testing.T) sourcetest.Store {
		s := store(unbroken)
		s.Apply, s.SetReachable, s.Flat = nil, nil, true
		return s
	})
}

// A broken source replaces some methods of a source.
type broken struct {
	*sourcetest.MemorySource
	wait  func(context.Context) error
	poll  func(context.Context, source.Depth) (source.Batch, error)
	close func() error
}

func (b *broken) Wait(ctx context.Context) error {
	if b.wait != nil {
		return b.wait(ctx)
	}
	return b.MemorySource.Wait(ctx)
}

func (b *broken) Poll(ctx context.Context, depth source.Depth) (source.Batch, error) {
	if b.poll != nil {
		return b.poll(ctx, depth)
	}
	return b.MemorySource.Poll(ctx, depth)
}

func (b *broken) Close() error {
	if b.close != nil {
		return b.close()
	}
	return b.MemorySource.Close()
}

// brokenSources violate the contract of a source. Each must fail the tests listed.
var brokenSources = map[string]struct {
	fails []string
	open  func(*sourcetest.MemorySource) source.Source
}{
	"Wait never returns": {[]string{"Source/Notified", "Watcher/Follows"}, func(s *sourcetest.MemorySource) source.Source {
		return &broken{MemorySource: s, wait: func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}}
	}},
	"Wait misses changes before it": {[]string{"Source/Notified"}, func(s *sourcetest.MemorySource) source.Source {
		return &broken{MemorySource: s, wait: func(ctx context.Context) error {
			s.SkipChange()
			return s.Wait(ctx)
		}}
	}},
	"Wait ignores its context": {[]string{"Source/Context"}, func(s *sourcetest.MemorySource) source.Source {
		return &broken{MemorySource: s, wait: func(context.Context) error {
			<-s.Changed()
			return nil
		}}
	}},
	"Wait returns at once": {[]string{"Source/Context"}, func(s *sourcetest.MemorySource) source.Source {
		return &broken{MemorySource: s, wait: func(ctx context.Context) error { return ctx.Err() }}
	}},
	"PollAll delivers unchanged documents": {[]string{"Source/Quiet"}, func(s *sourcetest.MemorySource) source.Source {
		return &broken{MemorySource: s, poll: func(ctx context.Context, depth source.Depth) (source.Batch, error) {
			if depth == source.PollAll {
				depth = source.PollReread
			}
			return s.Poll(ctx, depth)
		}}
	}},
	"PollReread delivers changes only": {[]string{"Source/Reread"}, func(s *sourcetest.MemorySource) source.Source {
		return &broken{MemorySource: s, poll: func(ctx context.Context, _ source.Depth) (source.Batch, error) {
			return s.Poll(ctx, source.PollAll)
		}}
	}},
	"removals are not delivered": {[]string{"Source/Removed", "Source/Barrier", "Watcher/Follows", "Watcher/Random"}, func(s *sourcetest.MemorySource) source.Source {
		return &broken{MemorySource: s, poll: func(ctx context.Context, depth source.Depth) (source.Batch, error) {
			b, err := s.Poll(ctx, depth)
			b.Removed = nil
			return b, err
		}}
	}},
	"removals are delivered twice": {[]string{"Source/Removed"}, func(s *sourcetest.MemorySource) source.Source {
		var last []string
		return &broken{MemorySource: s, poll: func(ctx context.Context, depth source.Depth) (source.Batch, error) {
			b, err := s.Poll(ctx, depth)
			last, b.Removed = b.Removed, append(b.Removed, last...)
			return b, err
		}}
	}},
	"unreachable store counts as empty": {[]string{"Source/Unreachable", "Watcher/Unreachable"}, func(s *sourcetest.MemorySource) source.Source {
		return &broken{MemorySource: s, poll: func(ctx context.Context, depth source.Depth) (source.Batch, error) {
			b, err := s.Poll(ctx, depth)
			if err != nil && ctx.Err() == nil {
				b.Removed = append(b.Removed, s.Forget()...)
			}
			return b, nil
		}}
	}},
	"canceled Poll loses changes": {[]string{"Source/Context"}, func(s *sourcetest.MemorySource) source.Source {
		return &broken{MemorySource: s, poll: func(ctx context.Context, depth source.Depth) (source.Batch, error) {
			b, err := s.Poll(context.WithoutCancel(ctx), depth)
			if ctx.Err() != nil {
				return source.Batch{Health: b.Health}, ctx.Err()
			}
			return b, err
		}}
	}},
	"PollAll finds notified changes only": {[]string{"Source/Barrier"}, func(s *sourcetest.MemorySource) source.Source {
		notified := true
		return &broken{MemorySource: s,
			wait: func(ctx context.Context) error {
				err := s.Wait(ctx)
				notified = notified || err == nil
				return err
			},
			poll: func(ctx context.Context, depth source.Depth) (source.Batch, error) {
				if !notified && depth != source.PollReread {
					return source.Batch{Health: source.Health{Mode: "memory"}}, ctx.Err()
				}
				notified = false
				return s.Poll(ctx, depth)
			}}
	}},
	"one document per batch": {[]string{"Source/Together"}, func(s *sourcetest.MemorySource) source.Source {
		var rest []source.Document
		return &broken{MemorySource: s,
			wait: func(ctx context.Context) error {
				if len(rest) > 0 {
					return ctx.Err()
				}
				return s.Wait(ctx)
			},
			poll: func(ctx context.Context, depth source.Depth) (source.Batch, error) {
				b, err := s.Poll(ctx, depth)
				if err != nil {
					return b, err
				}
				rest = slices.DeleteFunc(rest, func(d source.Document) bool {
					return slices.Contains(b.Removed, d.Name) || slices.ContainsFunc(b.Changed, func(c source.Document) bool { return c.Name == d.Name })
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
	"documents stay pending": {[]string{"Source/All", "Watcher/Follows"}, func(s *sourcetest.MemorySource) source.Source {
		return &broken{MemorySource: s, poll: func(ctx context.Context, depth source.Depth) (source.Batch, error) {
			b, err := s.Poll(ctx, depth)
			for _, d := range b.Changed {
				b.Pending = append(b.Pending, d.Name)
			}
			b.Changed = nil
			return b, err
		}}
	}},
	"documents are truncated": {[]string{"Source/All", "Watcher/Follows", "Watcher/Bursts"}, func(s *sourcetest.MemorySource) source.Source {
		return &broken{MemorySource: s, poll: func(ctx context.Context, depth source.Depth) (source.Batch, error) {
			b, err := s.Poll(ctx, depth)
			for i, d := range b.Changed {
				b.Changed[i].Data = d.Data[:len(d.Data)/2]
			}
			return b, err
		}}
	}},
	"goroutines leak": {[]string{"Close"}, func(s *sourcetest.MemorySource) source.Source {
		for range 2 {
			go func() { select {} }()
		}
		return s
	}},
}

// TestBrokenSources runs the suite on broken sources. Each runs in its own process, because
// a failed subtest fails its parents.
func TestBrokenSources(t *testing.T) {
	const env = "SOURCETEST_BROKEN"
	if name := os.Getenv(env); name != "" {
		sourcetest.Run(t, func(*testing.T) sourcetest.Store {
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
			require.ErrorAs(t, err, &failed, "source passed the suite")
			for _, test := range source.fails {
				failed := strings.Contains(string(out), "--- FAIL: TestBrokenSources/"+test+" ")
				assert.True(t, failed, "%s passed", test)
			}
			assert.False(t, strings.Contains(string(out), "panic:") || strings.Contains(string(out), "DATA RACE"), "no test may panic or race")
			if t.Failed() {
				t.Logf("%s", out)
			}
		})
	}
}
