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

// store returns a store in memory, with a source that may be broken.
func store(open func(*sourcetest.MemorySource) source.Source) sourcetest.Store {
	m := sourcetest.NewMemory()
	s := m.Store()
	s.Open = func() source.Source { return open(m.Open()) }
	return s
}

func sound(s *sourcetest.MemorySource) source.Source { return s }

func TestMemory(t *testing.T) {
	sourcetest.Run(t, func(*testing.T) sourcetest.Store { return store(sound) })
}

// TestLeastStore runs what is left for a store that can do as little as may be.
func TestLeastStore(t *testing.T) {
	sourcetest.Run(t, func(*testing.T) sourcetest.Store {
		s := store(sound)
		s.Apply, s.SetReachable, s.Flat = nil, nil, true
		return s
	})
}

// A broken source is a sound one but for some of its methods.
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

// brokenSources are sources that do not keep the contract, and some of the tests that are
// to find it.
var brokenSources = map[string]struct {
	fails []string
	open  func(*sourcetest.MemorySource) source.Source
}{
	"never wakes": {[]string{"Source/Notices", "Watcher/Follows"}, func(s *sourcetest.MemorySource) source.Source {
		return &broken{MemorySource: s, wait: func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}}
	}},
	"misses what changes before it waits": {[]string{"Source/Notices"}, func(s *sourcetest.MemorySource) source.Source {
		return &broken{MemorySource: s, wait: func(ctx context.Context) error {
			s.SkipChange()
			return s.Wait(ctx)
		}}
	}},
	"does not end with its context": {[]string{"Source/Context"}, func(s *sourcetest.MemorySource) source.Source {
		return &broken{MemorySource: s, wait: func(context.Context) error {
			<-s.Changed()
			return nil
		}}
	}},
	"never rests": {[]string{"Source/Context"}, func(s *sourcetest.MemorySource) source.Source {
		return &broken{MemorySource: s, wait: func(ctx context.Context) error { return ctx.Err() }}
	}},
	"delivers twice": {[]string{"Source/Quiet"}, func(s *sourcetest.MemorySource) source.Source {
		return &broken{MemorySource: s, poll: func(ctx context.Context, depth source.Depth) (source.Batch, error) {
			if depth == source.PollAll {
				depth = source.PollReread
			}
			return s.Poll(ctx, depth)
		}}
	}},
	"delivers nothing afresh": {[]string{"Source/Afresh"}, func(s *sourcetest.MemorySource) source.Source {
		return &broken{MemorySource: s, poll: func(ctx context.Context, _ source.Depth) (source.Batch, error) {
			return s.Poll(ctx, source.PollAll)
		}}
	}},
	"forgets removals": {[]string{"Source/Removed", "Source/Barrier", "Watcher/Follows", "Watcher/Random"}, func(s *sourcetest.MemorySource) source.Source {
		return &broken{MemorySource: s, poll: func(ctx context.Context, depth source.Depth) (source.Batch, error) {
			b, err := s.Poll(ctx, depth)
			b.Removed = nil
			return b, err
		}}
	}},
	"removes twice": {[]string{"Source/Removed"}, func(s *sourcetest.MemorySource) source.Source {
		var gone []string
		return &broken{MemorySource: s, poll: func(ctx context.Context, depth source.Depth) (source.Batch, error) {
			b, err := s.Poll(ctx, depth)
			gone, b.Removed = b.Removed, append(b.Removed, gone...)
			return b, err
		}}
	}},
	"has nothing when its store is away": {[]string{"Source/Unreachable", "Watcher/Unreachable"}, func(s *sourcetest.MemorySource) source.Source {
		return &broken{MemorySource: s, poll: func(ctx context.Context, depth source.Depth) (source.Batch, error) {
			b, err := s.Poll(ctx, depth)
			if err != nil && ctx.Err() == nil {
				b.Removed = append(b.Removed, s.Forget()...)
			}
			return b, nil
		}}
	}},
	"loses what a look found that fails": {[]string{"Source/Context"}, func(s *sourcetest.MemorySource) source.Source {
		return &broken{MemorySource: s, poll: func(ctx context.Context, depth source.Depth) (source.Batch, error) {
			b, err := s.Poll(context.WithoutCancel(ctx), depth)
			if ctx.Err() != nil {
				return source.Batch{Health: b.Health}, ctx.Err()
			}
			return b, err
		}}
	}},
	"sees only what it was told of": {[]string{"Source/Barrier"}, func(s *sourcetest.MemorySource) source.Source {
		told := true
		return &broken{MemorySource: s,
			wait: func(ctx context.Context) error {
				err := s.Wait(ctx)
				told = told || err == nil
				return err
			},
			poll: func(ctx context.Context, depth source.Depth) (source.Batch, error) {
				if !told && depth != source.PollReread {
					return source.Batch{Health: source.Health{Mode: "memory"}}, ctx.Err()
				}
				told = false
				return s.Poll(ctx, depth)
			}}
	}},
	"delivers one by one": {[]string{"Source/Together"}, func(s *sourcetest.MemorySource) source.Source {
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
	"never has what is pending": {[]string{"Source/Everything", "Watcher/Follows"}, func(s *sourcetest.MemorySource) source.Source {
		return &broken{MemorySource: s, poll: func(ctx context.Context, depth source.Depth) (source.Batch, error) {
			b, err := s.Poll(ctx, depth)
			for _, d := range b.Changed {
				b.Pending = append(b.Pending, d.Name)
			}
			b.Changed = nil
			return b, err
		}}
	}},
	"delivers a part": {[]string{"Source/Everything", "Watcher/Follows", "Watcher/Bursts"}, func(s *sourcetest.MemorySource) source.Source {
		return &broken{MemorySource: s, poll: func(ctx context.Context, depth source.Depth) (source.Batch, error) {
			b, err := s.Poll(ctx, depth)
			for i, d := range b.Changed {
				b.Changed[i].Data = d.Data[:len(d.Data)/2]
			}
			return b, err
		}}
	}},
	"leaks a goroutine": {[]string{"Close"}, func(s *sourcetest.MemorySource) source.Source {
		for range 2 {
			go func() { select {} }()
		}
		return s
	}},
}

// TestBrokenSources runs the tests on broken sources, each in a process of its own, since
// a test that fails has all those around it fail.
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
